"""Certificates: what there is, for everybody who reads people; the files, for whoever says why and may."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.utils.safestring import SafeString

from lending.admin.people import CustomerSearch, customer
from lending.common.admin import ReadOnlyAdmin, state_badge
from lending.common.revealing import Revealing
from lending.common.shown import file_in_page
from users import queries
from users.models import Certificate
from users.services import access

COLOURS = {"kept": "green", "replaced": "grey", "removed": "grey"}


def shown_file(row: Certificate) -> SafeString | str:
    if not row.file:
        return "-"
    ending = row.file.removesuffix(".enc").rpartition(".")[2]
    return file_in_page(queries.stored(row.file), ending, row.get_kind_display())


@admin.register(Certificate)
class CertificateAdmin(CustomerSearch, Revealing, ReadOnlyAdmin):
    large = True
    ordering = ("-pk",)
    list_display = ("customer", "kind", "badge", "size", "uploaded_at", "ended_at")
    list_filter = ("kind", "state", "uploaded_at")
    list_select_related = ("user",)
    fields = ("public_id", "customer", "kind", "badge", "size", "sha256", "consent", "uploaded_at", "ended_at")
    readonly_fields = ("public_id", "customer", "badge")
    search_ids = ("public_id",)
    customer = customer()
    badge = state_badge("state", COLOURS, "state")
    recorder = access.record
    refusal_recorder = access.record_refusal
    revealed: Mapping[str, Any] = {"file": shown_file}
