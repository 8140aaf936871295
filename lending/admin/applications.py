"""Applications with everything that hangs on them, and what reviewers still want to see."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.utils.html import format_html
from django.utils.safestring import SafeString

import review.queries
from lending import queries
from lending.admin import colours
from lending.admin.people import CustomerSearch, customer
from lending.admin.timeline import EventInline
from lending.common.admin import (
    ReadOnlyAdmin,
    ReadOnlyInline,
    age,
    badge,
    instant,
    linked,
    money,
    page_link,
    page_links,
    rate,
    short,
    short_id,
    state_badge,
)
from lending.models import Application, Drawdown, Grant, Loan, Supplement, SupplementItem
from users import queries as users


class SupplementInline(ReadOnlyInline):
    model = Supplement
    hide_title = True
    fields = readonly_fields = ("number", "asked_by", "requested", "expires", "answered")
    requested, expires, answered = instant("requested_at"), instant("expires_at"), instant("answered_at")

    @admin.display(description="number")
    def number(self, row: Supplement) -> SafeString:
        return page_link(Supplement, row.pk, short(row))

    @admin.display(description="asked by")
    def asked_by(self, row: Supplement) -> str:
        return users.actor_name(row.requested_by)


@admin.register(Application)
class ApplicationAdmin(CustomerSearch, ReadOnlyAdmin):
    list_display = (
        *("number", "badge", "customer", "product", "channel_code", "asked", "offered", "decided", "months", "grade"),
        *("why", "waiting", "submitted"),
    )
    list_filter = ("status", "product", "channel_code", "grade", "created_at")
    list_select_related = ("user", "product")
    fieldsets = (
        (None, {"fields": ("public_id", "badge", "customer", "product", "channel_code")}),
        ("Asked for", {"fields": (("asked", "asked_months"), ("method", "purpose"))}),
        (
            "Verdict",
            {"fields": (("grade", "offered"), ("decided", "decided_months"), ("price", "reapply"), "reason_texts")},
        ),
        ("What hangs on it", {"fields": ("decisions", "case", "grant_page", "drawdown_pages", "loan_pages")}),
        ("When", {"fields": (("created", "submitted"), ("decision_at", "closed"), "appeals")}),
    )
    inlines = (EventInline, SupplementInline)
    number = short_id()
    badge = state_badge("status", colours.APPLICATION)
    customer = customer()
    asked, offered, decided = money("asked_cents"), money("offered_cents"), money("decided_cents", "granted")
    price = rate("decided_rate", "price a year")
    waiting, submitted, created = age("created_at"), instant("submitted_at"), instant("created_at")
    decision_at, closed, reapply = instant("decided_at"), instant("closed_at"), instant("reapply_at", "may apply again")

    @admin.display(description="months", ordering="asked_months")
    def months(self, application: Application) -> str:
        return str(application.decided_months or application.asked_months or "-")

    @admin.display(description="reasons")
    def why(self, application: Application) -> str:
        return " ".join(application.reasons) or "-"

    # --- the page -------------------------------------------------------------------------------------------------

    @admin.display(description="reasons")
    def reason_texts(self, application: Application) -> SafeString | str:
        found = queries.reasons(application.reasons) if application.reasons else ()
        return page_links([page_link("lending.reason", row.code, f"{row.code} {row.text_zh}") for row in found])

    @admin.display(description="machine's decision")
    def decisions(self, application: Application) -> SafeString | str:
        number = application.decision_id
        return page_link("risk.decision", number, f"decision {number}") if number else "-"

    @admin.display(description="review case")
    def case(self, application: Application) -> SafeString | str:
        case = review.queries.case_of(application.pk)
        return page_link("review.case", case.id, f"case {case.id}, {case.status}") if case else "-"

    @admin.display(description="grant")
    def grant_page(self, application: Application) -> SafeString | str:
        return _pages(Grant.objects.filter(application=application), colours.GRANT)

    @admin.display(description="drawdowns")
    def drawdown_pages(self, application: Application) -> SafeString | str:
        return _pages(Drawdown.objects.filter(grant__application=application), colours.DRAWDOWN)

    @admin.display(description="loans")
    def loan_pages(self, application: Application) -> SafeString | str:
        return _pages(Loan.objects.filter(drawdown__grant__application=application), colours.LOAN)


def _pages(rows: QuerySet[Any], states: dict[Any, str]) -> SafeString | str:
    return page_links(
        [
            format_html(
                "{} {}",
                page_link(type(row), row.pk, short(row)),
                badge(states.get(row.status, "grey"), row.get_status_display()),
            )
            for row in rows
        ]
    )


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


@admin.register(SupplementItem)
class SupplementItemAdmin(CustomerSearch, ReadOnlyAdmin):
    list_display = ("kind", "supplement_page", "application_page", "request_text", "came", "file_size")
    list_filter = ("kind",)
    list_select_related = ("supplement__application",)
    search_ids = ("supplement__public_id", "supplement__application__public_id")
    search_customer = "supplement__application__user"
    fields = (*list_display, "file_sha256")
    supplement_page = linked("supplement", text=short)
    application_page = linked("supplement.application", text=short)

    @admin.display(description="answered", boolean=True)
    def came(self, item: SupplementItem) -> bool:
        return bool(item.answer_text or item.file)
