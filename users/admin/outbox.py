"""Messages to borrowers and notices to staff."""

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest

from lending.common import clock
from lending.common.admin import ReadOnlyAdmin, masked, state_badge
from lending.common.crypto import mask_phone
from users.admin.search import PersonSearch
from users.models import Message, Notice
from users.services import notices

MESSAGE_COLOURS = {"queued": "teal", "sent": "green", "failed": "red"}
SEVERITY_COLOURS = {"info": "teal", "warning": "amber", "critical": "red"}


@admin.register(Message)
class MessageAdmin(PersonSearch, ReadOnlyAdmin):
    list_display = (
        "pk",
        "template",
        "language",
        "shown_phone",
        "badge",
        "attempts",
        "failure",
        "created_at",
        "done_at",
    )
    list_filter = ("state", "template", "language", "created_at")
    list_select_related = ("user",)
    ordering = ("-pk",)
    fields = (
        "key",
        "user",
        "template",
        "language",
        "shown_phone",
        "badge",
        "attempts",
        "not_before",
        "valid_until",
        "reference",
        "failure",
        "created_at",
        "done_at",
    )
    readonly_fields = ("shown_phone", "badge")
    shown_phone = masked("phone", mask_phone, "phone")
    badge = state_badge("state", MESSAGE_COLOURS, "state")


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    list_display = ("kind", "subject", "badge", "text", "times", "raised_at", "last_at", "closed_by", "closed_at")
    list_filter = (("closed_at", admin.EmptyFieldListFilter), "severity", "kind")
    search_fields = ("subject", "text")
    badge = state_badge("severity", SEVERITY_COLOURS, "severity")
    actions = ("close",)

    def has_close_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("users.change_notice")

    @admin.action(description="Close: it is dealt with", permissions=["close"])
    def close(self, request: HttpRequest, queryset: QuerySet[Notice]) -> None:
        still_open = list(queryset.filter(closed_at=None).values_list("pk", flat=True))
        with transaction.atomic():
            for notice_id in still_open:
                notices.close(notice_id=notice_id, by=f"staff:{request.user.pk}", at=clock.now())
        messages.success(request, f"{len(still_open)} closed.")
