"""Which WeChat accounts sign in as whom; their ids stay encrypted."""

from django.contrib import admin

from lending.common.admin import ReadOnlyAdmin
from users.admin.search import PersonSearch
from users.models import WechatIdentity, WechatTicket


@admin.register(WechatIdentity)
class WechatIdentityAdmin(PersonSearch, ReadOnlyAdmin):
    list_display = ("pk", "app", "app_id", "user", "created_at", "bound_at")
    list_filter = ("app", ("bound_at", admin.EmptyFieldListFilter), "created_at")
    list_select_related = ("user",)
    ordering = ("-pk",)
    fields = ("app", "app_id", "user", "created_at", "bound_at")


@admin.register(WechatTicket)
class WechatTicketAdmin(ReadOnlyAdmin):
    list_display = ("pk", "identity", "created_at", "expires_at", "used_at")
    list_filter = (("used_at", admin.EmptyFieldListFilter), "created_at")
    list_select_related = ("identity",)
    ordering = ("-pk",)
    fields = ("identity", "created_at", "expires_at", "used_at")
