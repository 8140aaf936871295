"""Grants, drawdowns and loans."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

import contracts.queries
import funding.queries
import funding.services
from lending.admin import colours
from lending.admin.people import CustomerSearch, customer
from lending.admin.timeline import EventInline
from lending.common.acting import Act, ActingAdmin
from lending.common.admin import (
    ReadOnlyAdmin,
    ReadOnlyInline,
    age,
    day,
    instant,
    linked,
    money,
    rate,
    short,
    short_id,
    state_badge,
)
from lending.common.crypto import mask_card
from lending.common.shown import badge, page_link, page_links, stamp
from lending.models import Drawdown, Grant, GrantStatus, Instalment, Journal, Loan, LoanCreditor, Repayment
from lending.services import grants


class DrawdownInline(ReadOnlyInline):
    model = Drawdown
    hide_title = True
    fields = readonly_fields = ("number", "badge", "amount", "months", "funder_code", "confirmed", "paid")
    badge = state_badge("status", colours.DRAWDOWN)
    amount = money("amount_cents")
    confirmed, paid = instant("confirmed_at"), instant("paid_at")

    @admin.display(description="number")
    def number(self, row: Drawdown) -> SafeString:
        return page_link(Drawdown, row.pk, short(row))


def _limit_act(title: str, question: str, done: str, service: Any, status: str, icon: str) -> Act:
    return Act(
        title=title,
        question=question,
        done=done,
        permission="lending.change_grant",
        perform=lambda pk, **why: service(grant_id=pk, **why),
        can=lambda grant: grant.status == status,
        icon=icon,
    )


@admin.register(Grant)
class GrantAdmin(CustomerSearch, ActingAdmin):
    large = True
    list_display = (
        *("number", "badge", "customer", "application_page", "product", "limit", "used", "pending", "free", "price"),
        *("waiting", "valid"),
    )
    list_filter = ("status", "product", "created_at", "valid_until")
    list_select_related = ("user", "application", "product")
    search_ids = ("public_id", "application__public_id")
    fieldsets = (
        (None, {"fields": ("public_id", "badge", "customer", "application_page", "product")}),
        ("Limit", {"fields": (("limit", "free"), ("used", "pending"))}),
        ("Price", {"fields": (("price", "months"), ("fees", "simple"), ("all_in", "ceiling"))}),
        ("When", {"fields": (("created", "valid"),)}),
    )
    inlines = (DrawdownInline, EventInline)
    acts = {
        "freeze": _limit_act(
            "Freeze", "Why must nothing be drawn for now?", "frozen", grants.freeze, GrantStatus.ACTIVE, "ac_unit"
        ),
        "unfreeze": _limit_act(
            "Unfreeze", "Why may it be drawn again?", "unfrozen", grants.unfreeze, GrantStatus.FROZEN, "lock_open"
        ),
    }
    number = short_id()
    badge = state_badge("status", colours.GRANT)
    customer = customer()
    application_page = linked("application", text=short)
    limit, used, pending = money("limit_cents"), money("used_cents"), money("pending_cents")
    free, fees = money("free_cents", ordering=None), money("fees_cents")
    price, simple, all_in = (
        rate("annual_rate", "price a year"),
        rate("irr12", "IRR × 12"),
        rate("xirr", "all-in (XIRR)"),
    )
    ceiling = rate("ceiling_xirr", "ceiling")
    waiting, created, valid = age("created_at"), instant("created_at"), instant("valid_until")


@admin.register(Drawdown)
class DrawdownAdmin(CustomerSearch, ActingAdmin):
    acts = {
        "reroute": Act(
            title="Re-route",
            question="Why is it taken away, or looked for anew?",
            done="routed anew; contracts follow the next funder's yes",
            permission="funding.reroute_drawdown",
            perform=lambda pk, **why: funding.services.reroute(drawdown_id=pk, **why),
            can=lambda drawdown: drawdown.status in ("FUNDER_PENDING", "SIGNING", "NO_FUNDER"),
            icon="alt_route",
        )
    }
    large = True
    list_display = (
        *("number", "badge", "customer", "application_page", "product", "amount", "months", "all_in", "funder"),
        *("why", "since", "paid"),
    )
    list_filter = ("status", "product", "funder_code", "mode", "confirmed_at")
    list_select_related = ("user", "grant__application", "product")
    search_ids = ("public_id", "grant__public_id", "grant__application__public_id")
    fieldsets = (
        (None, {"fields": ("public_id", "badge", "customer", "application_page", "grant_page", "product")}),
        ("Money", {"fields": (("amount", "months"), ("method", "purpose"), "account")}),
        ("Cost", {"fields": (("price", "simple"), ("all_in", "ceiling"))}),
        (
            "Funder",
            {
                "fields": (
                    "candidates",
                    ("funder_code", "guarantor_code"),
                    ("mode", "approval"),
                    "routings",
                    "allocations",
                )
            },
        ),
        ("Verdict", {"fields": ("decision", "reasons")}),
        ("Documents", {"fields": ("documents", "contract_set_sha256", "share_consent", "report_consent")}),
        ("What hangs on it", {"fields": ("payouts", "loan_page")}),
        ("When", {"fields": (("confirmed", "since"), "paid")}),
    )
    inlines = (EventInline,)
    number = short_id()
    badge = state_badge("status", colours.DRAWDOWN)
    customer = customer()
    application_page, grant_page = linked("grant.application", text=short), linked("grant", text=short)
    loan_page = linked("loan", text=short)
    share_consent, report_consent = linked("consent", "consent to share"), linked("bureau_consent", "consent to query")
    amount, price, simple = money("amount_cents"), rate("annual_rate", "price a year"), rate("irr12", "IRR × 12")
    all_in, ceiling = rate("xirr", "all-in (XIRR)"), rate("ceiling_xirr", "ceiling")
    confirmed, paid, approval = instant("confirmed_at"), instant("paid_at"), instant("approval_expires_at")
    since = age("status_at", "in this state")
    account = linked("card", "paid to", lambda card: f"{card.bank} {mask_card(card.number)}")

    @admin.display(description="funder", ordering="funder_code")
    def funder(self, drawdown: Drawdown) -> str:
        return f"{drawdown.funder_code} {drawdown.mode}".strip() or "-"

    @admin.display(description="reasons")
    def why(self, drawdown: Drawdown) -> str:
        return " ".join(drawdown.reasons) or "-"

    @admin.display(description="machine's decision")
    def decision(self, drawdown: Drawdown) -> SafeString | str:
        number = drawdown.decision_id
        return page_link("risk.decision", number, f"decision {number}") if number else "-"

    def act_details(self, row: Drawdown) -> str:
        asked = ", ".join(f"{one.funder_code} {one.state}" for one in funding.queries.allocations_of(row.pk))
        return f"{row.status}; the borrower named {', '.join(row.candidates)}; asked: {asked or 'nobody'}"

    @admin.display(description="asked")
    def allocations(self, drawdown: Drawdown) -> SafeString | str:
        found = funding.queries.allocations_of(drawdown.pk)
        return page_links([page_link("funding.allocation", row.id, f"{row.funder_code} {row.state}") for row in found])

    @admin.display(description="looked for")
    def routings(self, drawdown: Drawdown) -> SafeString | str:
        found = funding.queries.routings_of(drawdown.pk)
        return page_links(
            [
                page_link("funding.routing", row.id, f"{stamp(row.at)}: {row.programme_code or 'no one'}")
                for row in found
            ]
        )

    @admin.display(description="payouts")
    def payouts(self, drawdown: Drawdown) -> SafeString | str:
        found = funding.queries.payouts_of(drawdown.pk)
        return page_links([page_link("funding.payout", row.id, f"payout {row.id} {row.state}") for row in found])

    @admin.display(description="contracts")
    def documents(self, drawdown: Drawdown) -> SafeString | str:
        found = contracts.queries.set_for(drawdown.pk)
        return page_links([page_link("contracts.contract", row.id, f"{row.title_zh} {row.state}") for row in found])


class InstalmentInline(ReadOnlyInline):
    model = Instalment
    hide_title = True
    fields = readonly_fields = (
        *("number", "due", "badge", "principal", "interest", "fee", "penalty"),
        *("paid_principal", "paid_interest", "still_open", "paid"),
    )
    due, paid = day("due_date", "due on"), instant("paid_at")
    principal, interest = money("principal_cents"), money("interest_cents")
    fee, penalty = money("guarantee_fee_cents"), money("penalty_cents")
    paid_principal, paid_interest = money("paid_principal_cents"), money("paid_interest_cents")
    still_open = money("open_cents", "open")

    @admin.display(description="state")
    def badge(self, row: Instalment) -> SafeString:
        return instalment_badge(row)


def instalment_badge(row: Instalment) -> SafeString:
    if row.paid_at:
        return badge("green", "paid")
    return (
        badge("teal", "part paid") if row.paid_principal_cents or row.paid_interest_cents else badge("grey", "planned")
    )


class RepaymentInline(ReadOnlyInline):
    model = Repayment
    hide_title = True
    fields = readonly_fields = ("came", "amount", "principal", "interest", "fee", "penalty", "surplus", "key")
    came = instant("received_at")
    amount, principal, interest = money("amount_cents"), money("principal_cents"), money("interest_cents")
    fee, penalty, surplus = money("guarantee_fee_cents"), money("penalty_cents"), money("surplus_cents")


class CreditorInline(ReadOnlyInline):
    model = LoanCreditor
    hide_title = True
    fields = readonly_fields = ("creditor", "since")
    since = day("from_date", "from")


class JournalInline(ReadOnlyInline):
    model = Journal
    hide_title = True
    fields = readonly_fields = ("page", "kind", "on", "posted", "reverses")
    on, posted = day("business_date", "business day"), instant("posted_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Journal]:
        return super().get_queryset(request).select_related("reverses")

    @admin.display(description="journal")
    def page(self, row: Journal) -> SafeString:
        return page_link(Journal, row.pk, row.key)


@admin.register(Loan)
class LoanAdmin(CustomerSearch, ReadOnlyAdmin):
    large = True
    list_display = (
        *("number", "badge", "customer", "product", "principal", "months", "price", "all_in"),
        *("creditor", "late", "since"),
    )
    list_filter = ("status", "product", "creditor", "book", "value_date")
    list_select_related = ("user", "product")
    search_ids = ("public_id", "drawdown__public_id", "drawdown__grant__application__public_id")
    fieldsets = (
        (None, {"fields": ("public_id", "badge", "customer", "application_page", "drawdown_page", "product")}),
        ("Terms", {"fields": (("principal", "months"), ("method", "price"), ("simple", "all_in"), "overdue_price")}),
        ("Whose claim", {"fields": (("creditor", "guarantor_code"), "book")}),
        ("How it stands", {"fields": (("late", "max_dpd"), ("since", "accrued"), ("opened", "closed"), "withdrawal")}),
    )
    inlines = (InstalmentInline, RepaymentInline, CreditorInline, JournalInline, EventInline)
    number = short_id()
    badge = state_badge("status", colours.LOAN)
    customer = customer()
    drawdown_page = linked("drawdown", text=short)
    application_page = linked("drawdown.grant.application", text=short)
    principal, price = money("principal_cents"), rate("annual_rate", "price a year")
    simple, all_in = rate("irr12", "IRR × 12"), rate("xirr", "all-in (XIRR)")
    overdue_price = rate("overdue_rate", "when overdue")
    since, accrued = day("value_date", "value date"), day("accrued_through", "accrued through")
    opened, closed = instant("opened_at"), instant("closed_at")
    withdrawal = instant("withdrawal_requested_at", "right of withdrawal used")

    @admin.display(description="days late", ordering="dpd")
    def late(self, loan: Loan) -> SafeString | str:
        return badge("red", f"{loan.dpd} d") if loan.dpd else "-"


@admin.register(Instalment)
class InstalmentAdmin(CustomerSearch, ReadOnlyAdmin):
    large = True
    list_display = ("of", "number", "state", "due", "principal", "interest", "fee", "penalty", "still_open", "paid")
    list_display_links = ("number",)
    list_filter = (("paid_at", admin.EmptyFieldListFilter), "due_date", "loan__status", "loan__creditor")
    list_select_related = ("loan",)
    search_ids = ("loan__public_id",)
    search_customer = "loan__user"
    ordering = ("due_date", "id")
    fields = (
        *("of", "number", "state", "due", "principal", "interest", "fee", "penalty", "accrued", "waived"),
        *("paid_principal", "paid_interest", "paid_fee", "paid_penalty", "still_open", "paid"),
    )
    of = linked("loan", text=short)
    due, paid = day("due_date", "due on"), instant("paid_at")
    principal, interest = money("principal_cents"), money("interest_cents")
    fee, penalty = money("guarantee_fee_cents"), money("penalty_cents")
    accrued, waived = money("accrued_interest_cents"), money("waived_interest_cents")
    paid_principal, paid_interest = money("paid_principal_cents"), money("paid_interest_cents")
    paid_fee, paid_penalty = money("paid_guarantee_fee_cents"), money("paid_penalty_cents")
    still_open = money("open_cents", "open", ordering=None)

    @admin.display(description="state", ordering="paid_at")
    def state(self, row: Instalment) -> SafeString:
        return instalment_badge(row)


@admin.register(Repayment)
class RepaymentAdmin(CustomerSearch, ReadOnlyAdmin):
    large = True
    list_display = ("number", "of", "amount", "principal", "interest", "fee", "penalty", "surplus", "came", "posted")
    list_filter = ("received_at", "loan__creditor")
    list_select_related = ("loan",)
    search_ids = ("public_id", "loan__public_id")
    search_codes = ("key",)
    search_customer = "loan__user"
    fields = ("public_id", "of", "key", *list_display[2:])
    number = short_id()
    of = linked("loan", text=short)
    amount, principal, interest = money("amount_cents"), money("principal_cents"), money("interest_cents")
    fee, penalty, surplus = money("guarantee_fee_cents"), money("penalty_cents"), money("surplus_cents")
    came, posted = instant("received_at"), instant("posted_at")


@admin.register(LoanCreditor)
class LoanCreditorAdmin(CustomerSearch, ReadOnlyAdmin):
    large = True
    ordering = ("-id",)
    list_display = ("of", "creditor", "since")
    list_display_links = ("creditor",)
    list_filter = ("creditor", "from_date")
    list_select_related = ("loan",)
    search_ids = ("loan__public_id",)
    search_customer = "loan__user"
    fields = list_display
    of = linked("loan", text=short)
    since = day("from_date", "from")
