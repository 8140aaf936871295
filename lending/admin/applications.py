"""Applications with everything that hangs on them, and what reviewers still want to see."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from lending import overview, queries
from lending.admin import colours
from lending.admin.navigation import may_view
from lending.admin.people import CustomerSearch, customer
from lending.common.admin import (
    ReadOnlyAdmin,
    ReadOnlyInline,
    age,
    instant,
    linked,
    money,
    short,
    short_id,
    state_badge,
)
from lending.common.composed import ComposedPage
from lending.common.money import format_known
from lending.common.revealing import Revealing
from lending.common.shown import badge, file_in_page, right
from lending.models import Application, ApplicationStatus, Supplement, SupplementItem
from users import queries as users
from users.services import access


@admin.register(Application)
class ApplicationAdmin(CustomerSearch, ComposedPage, ReadOnlyAdmin):
    list_display = (
        *("number", "badge", "customer", "product", "channel_code", "asked", "offered", "decided", "months", "grade"),
        *("why", "waiting", "submitted"),
    )
    list_filter = ("status", "product", "channel_code", "grade", "created_at")
    list_select_related = ("user", "product")
    large = True
    change_form_outer_before_template = "lending/office/application.html"
    number = short_id()
    badge = state_badge("status", colours.APPLICATION)
    customer = customer()
    asked, offered = money("asked_cents"), money("offered_cents")
    waiting, submitted = age("created_at"), instant("submitted_at")

    @admin.display(description="granted", ordering="decided_cents")
    def decided(self, application: Application) -> SafeString:
        """What stood to be decided on is kept with a refusal too, and was not granted there."""
        is_granted = application.status == ApplicationStatus.GRANTED
        return right(format_known(application.decided_cents if is_granted else None))

    @admin.display(description="months", ordering="asked_months")
    def months(self, application: Application) -> str:
        return str(application.decided_months or application.asked_months or "-")

    @admin.display(description="reasons")
    def why(self, application: Application) -> str:
        return " ".join(application.reasons) or "-"

    # --- the page -------------------------------------------------------------------------------------------------

    def composed(self, request: HttpRequest, pk: int) -> dict[str, Any]:
        page = overview.application_page(pk, may=lambda label: may_view(label, request))
        number = str(page.application.public_id)[:8]
        return {"page": page, "states": colours.for_pages(), "title": f"Application {number}"}


class ItemInline(ReadOnlyInline):
    """What was sent is personal data: that it came, and which bytes, is shown; the content is read on the case."""

    model = SupplementItem
    hide_title = True
    fields = readonly_fields = ("kind", "request_text", "came", "file_size", "file_sha256")

    @admin.display(description="answered", boolean=True)
    def came(self, item: SupplementItem) -> bool:
        return bool(item.answer_text or item.file)


def supplement_state(row: Supplement) -> tuple[str, str]:
    """Its colour and word."""
    if row.answered_at:
        return "green", "answered"
    return ("grey", "closed") if row.closed_at else ("amber", "waits for the borrower")


@admin.register(Supplement)
class SupplementAdmin(CustomerSearch, ReadOnlyAdmin):
    list_display = ("number", "badge", "application_page", "customer", "asked_by", "waiting", "expires", "answered")
    list_filter = (
        ("answered_at", admin.EmptyFieldListFilter),
        ("closed_at", admin.EmptyFieldListFilter),
        "requested_at",
    )
    list_select_related = ("application__user",)
    search_ids = ("public_id", "application__public_id")
    search_customer = "application__user"
    fields = (
        "public_id",
        "badge",
        "application_page",
        "customer",
        "asked_by",
        "requested",
        "expires",
        "answered",
        "closed",
    )
    inlines = (ItemInline,)
    number = short_id()
    application_page = linked("application", text=short)
    customer = customer("application.user")
    waiting, requested, expires = age("requested_at"), instant("requested_at"), instant("expires_at")
    answered, closed = instant("answered_at"), instant("closed_at")

    @admin.display(description="state")
    def badge(self, row: Supplement) -> SafeString:
        return badge(*supplement_state(row))

    @admin.display(description="asked by", ordering="requested_by")
    def asked_by(self, row: Supplement) -> str:
        return getattr(row, "asker", None) or users.actor_name(row.requested_by)

    def prepare(self, rows: Sequence[Supplement]) -> None:
        names = users.actor_names(row.requested_by for row in rows)
        for row in rows:
            row.asker = names[row.requested_by]  # type: ignore[attr-defined]


def brought(item: SupplementItem) -> SafeString | str:
    """The file itself, in the page: seen once, after the reason is on record, and kept by no cache."""
    if not item.file:
        return "-"
    ending = item.file.name.removesuffix(".enc").rpartition(".")[2]
    return file_in_page(queries.brought_file(item.file.name), ending, item.request_text)


@admin.register(SupplementItem)
class SupplementItemAdmin(CustomerSearch, Revealing, ReadOnlyAdmin):
    """What was brought is personal data: it is shown to whoever says why, and that is logged."""

    recorder = access.record
    refusal_recorder = access.record_refusal
    revealed: Mapping[str, Any] = {"answer": lambda item: item.answer_text, "file": brought}
    large = True
    list_display = ("kind", "supplement_page", "application_page", "request_text", "came", "file_size")
    list_filter = ("kind",)
    list_select_related = ("supplement__application",)
    search_ids = ("supplement__public_id", "supplement__application__public_id")
    search_customer = "supplement__application__user"
    fields = (*list_display, "file_sha256")
    supplement_page = linked("supplement", text=short)
    application_page = linked("supplement.application", text=short)

    def reveal_subject(self, row: SupplementItem) -> str:
        return f"user:{row.supplement.application.user_id}"

    @admin.display(description="answered", boolean=True)
    def came(self, item: SupplementItem) -> bool:
        return bool(item.answer_text or item.file)
