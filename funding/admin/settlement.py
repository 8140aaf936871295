"""What the platform earns with lenders and guarantors: the lines, and the statements that two people make of them."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from funding import services
from funding.models import FunderLine, FunderSettlement, FunderStatement
from funding.queries import settlement as queries
from lending.common import clock
from lending.common.admin import ExactSearch, ReadOnlyAdmin, day, linked, short, state_badge
from lending.common.money import format_cents, format_known, percent
from lending.common.shown import right
from lending.common.statement_pages import SHOWN, STATES, StatementPage, deciding, plain
from lending.common.tables import Table
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

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        shown = {"open_lines": queries.open_lines(clock.now())}
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
    list_display = ("programme", "collected_by", "split", "settle", "reserve", "basis", "rate", "fee_back")
