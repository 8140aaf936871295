"""Documents and the consents given to them."""

from django.contrib import admin

from lending.common.admin import ReadOnlyAdmin, masked
from lending.common.crypto import mask_ip
from users.admin.search import PersonSearch
from users.models import Consent, Document


@admin.register(Document)
class DocumentAdmin(ReadOnlyAdmin):
    list_display = (
        "position",
        "code",
        "version",
        "title_zh",
        "title_en",
        "moment",
        "accepted_by",
        "is_separate",
        "is_optional",
        "recipients",
        "valid_from",
    )
    list_display_links = ("code",)
    list_filter = ("moment", "accepted_by", "is_consent", "is_optional")
    search_fields = ("code", "title_zh", "title_en", "body_zh", "body_en")


@admin.register(Consent)
class ConsentAdmin(PersonSearch, ReadOnlyAdmin):
    large = True
    list_display = (
        "public_id",
        "user",
        "code",
        "version",
        "accepted_by",
        "recipients",
        "context",
        "given_at",
        "withdrawn_at",
    )
    list_filter = ("code", "accepted_by", ("withdrawn_at", admin.EmptyFieldListFilter), "given_at")
    list_select_related = ("user",)
    ordering = ("-pk",)
    raw_id_fields = ("otp", "document")
    readonly_fields = ("shown_ip",)
    shown_ip = masked("ip", mask_ip, "address")
