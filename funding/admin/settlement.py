"""What the platform earns with lenders and guarantors: the lines, and the statements that two people make of them."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.safestring import SafeString

from funding import services
from funding.models import FunderLine, FunderSettlement, FunderStatement
from funding.queries import clearing
from funding.queries import settlement as queries
from lending.common import clock
from lending.common.admin import ExactSearch, ReadOnlyAdmin, day, linked, short, state_badge
from lending.common.errors import DomainError
from lending.common.money import format_cents, format_known, percent
from lending.common.shown import right
from lending.common.statement_pages import SHOWN, STATES, StatementPage, deciding, plain
from lending.common.tables import Table, download
from users import queries as users

KINDS = {"cost": "amber", "provision": "amber"}
HEAD = (
    "Day",
    "Kind",
    "Programme",
    "Loan",
    "Of",
    "Rate",
    "Days past due",
    "Amount",
    "Currency",
    "Line",
    "Takes back",
    "Note",
)
CLEARING = (
    *("Day", "Programme", "Loan", "For", "Principal", "Interest", "Guarantee fee", "Penalty", "Surplus", "Amount"),
    "Currency",
)
CLEARED_DAYS = 7


@admin.register(FunderStatement)
class FunderStatementAdmin(StatementPage):
    acts = deciding(services, approve="funding.approve_funderstatement", settle="funding.settle_funder")
    names_of = staticmethod(users.actor_names)
    due = day("due_on", "due")
    list_display = (
        "party",
        "month_shown",
        "badge",
        "lines_count",
        "total",
        "due",
        "author",
        "drafted",
        "decider",
        "decided",
    )
    list_filter = ("state", "party")
    list_select_related = ("party",)
    list_before_template = "funding/office/settlement.html"
    change_form_outer_before_template = "funding/office/statement.html"

    def table(self, statement: FunderStatement) -> Table:
        """Amounts in major units; above zero where the platform earns them."""
        rows = [
            (
                line.on_date.isoformat(),
                line.kind,
                str(line.programme_id or ""),
                str(line.loan.public_id) if line.loan else "",
                plain(line.base_cents),
                "" if line.rate is None else str(line.rate),
                "" if line.dpd is None else str(line.dpd),
                plain(line.amount_cents),
                line.currency,
                str(line.pk),
                str(line.reverses_id or ""),
                line.note,
            )
            for line in queries.lines_of(statement.pk)
        ]
        total = ("Total", "", "", "", "", "", "", plain(statement.total_cents), statement.currency, "", "", "")
        return Table("statement", str(statement), HEAD, [*rows, total])

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [path("clearing/", wrap(self.clearing_view), name="funding_clearing"), *super().get_urls()]

    def clearing_view(self, request: HttpRequest) -> HttpResponse:
        """A lender's day as a file."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        lender, asked = request.GET.get("lender", ""), request.GET.get("day", "")
        try:
            day = date.fromisoformat(asked)
            lines = clearing.clearing_of(lender, day, at=clock.now())
        except (ValueError, DomainError) as error:
            told = error.detail if isinstance(error, DomainError) else "That is no day."
            messages.error(request, f"No file of {asked[:10] or 'no day'}: {told}")
            return redirect("admin:funding_funderstatement_changelist")
        return download(_clearing(lines), f"clearing-{lender}-{day}")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        at = clock.now()
        shown = {
            "open_lines": queries.open_lines(at),
            "cleared": clearing.cleared_days(at, days=CLEARED_DAYS),
            "lenders": clearing.lenders(),
            "yesterday": clock.business_date(at) - clearing.A_DAY,
            "deposits": clearing.deposits(),
        }
        return super().changelist_view(request, (extra_context or {}) | shown)

    def composed(self, request: HttpRequest, pk: int) -> dict[str, Any]:
        statement = FunderStatement.objects.select_related("party").get(pk=pk)
        lines = [
            (line, format_cents(line.amount_cents, line.currency), _of(line)) for line in queries.lines_of(pk)[:SHOWN]
        ]
        sums = [
            (row, format_known(row.base_cents), format_cents(row.cents, statement.currency))
            for row in queries.by_kind(pk)
        ]
        return {
            "statement": statement,
            "lines": lines,
            "sums": sums,
            "total": format_cents(statement.total_cents, statement.currency),
            "agreed": queries.agreements(str(statement.party_id)),
            "states": STATES,
        }


def _clearing(lines: Sequence[clearing.Cleared]) -> Table:
    """Amounts in major units, and their sum."""
    rows = [
        (
            line.on_date.isoformat(),
            line.programme_code,
            str(line.loan_id),
            f"{line.kind} {line.number}",
            *(plain(getattr(line, part)) for part in clearing.PARTS),
            line.currency,
        )
        for line in lines
    ]
    sums = [plain(sum(getattr(line, part) for line in lines)) for part in clearing.PARTS]
    return Table("clearing", "Clearing", CLEARING, [*rows, ("Total", "", "", "", *sums, "")])


def _of(line: FunderLine) -> str:
    """65 % of ¥120.00."""
    if line.rate is None or line.base_cents is None:
        return "-"
    return f"{percent(line.rate)} of {format_cents(line.base_cents, line.currency)}"


@admin.register(FunderLine)
class FunderLineAdmin(ExactSearch, ReadOnlyAdmin):
    large = True
    search_ids = ("loan__public_id",)
    search_codes = ("source",)
    badge = state_badge("kind", KINDS, "kind")
    on = day("on_date", "day")
    of_loan = linked("loan", text=short)
    list_display = ("id", "on", "party", "programme", "badge", "of_loan", "share", "dpd", "amount", "statement")
    list_filter = ("kind", "party", "programme", ("statement", admin.EmptyFieldListFilter))
    list_select_related = ("party", "programme", "loan", "statement")

    @admin.display(description="of")
    def share(self, line: FunderLine) -> str:
        return _of(line)

    @admin.display(description="amount")
    def amount(self, line: FunderLine) -> SafeString:
        return right(format_cents(line.amount_cents, line.currency))


@admin.register(FunderSettlement)
class FunderSettlementAdmin(ReadOnlyAdmin):
    list_display = ("programme", "collected_by", "split", "settle", "reserve", "basis", "rate", "fee_back", "deposit")
