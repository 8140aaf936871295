"""What channels are owed: the lines, and the statements that two people make of them."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from lending.common.admin import ExactSearch, ReadOnlyAdmin, day, state_badge
from lending.common.money import format_cents, percent
from lending.common.shown import right
from lending.common.statement_pages import SHOWN, STATES, StatementPage, deciding, plain
from lending.common.tables import Table
from traffic import services
from traffic.models import ChannelStatement, SettlementLine
from traffic.queries import settlement as queries
from users import queries as users

HEAD = (
    "Day",
    "Reason",
    "Order",
    "Application",
    "Drawdown",
    "Base",
    "Rate",
    "Amount",
    "Currency",
    "Line",
    "Takes back",
    "Note",
)


@admin.register(ChannelStatement)
class ChannelStatementAdmin(StatementPage):
    acts = deciding(services, approve="traffic.approve_channelstatement", settle="traffic.settle_channel")
    names_of = staticmethod(users.actor_names)
    list_display = (
        "channel",
        "month_shown",
        "badge",
        "lines_count",
        "total",
        "author",
        "drafted",
        "decider",
        "decided",
    )
    list_filter = ("state", "channel")
    list_select_related = ("channel", "journal")
    list_before_template = "traffic/office/settlement.html"
    change_form_outer_before_template = "traffic/office/statement.html"

    def table(self, statement: ChannelStatement) -> Table:
        """Amounts in major units."""
        rows = [
            (
                line.on_date.isoformat(),
                line.reason,
                order,
                str(line.application.public_id) if line.application else "",
                str(line.drawdown.public_id) if line.drawdown else "",
                plain(line.base_cents),
                str(line.rate) if line.rate is not None else "",
                plain(line.amount_cents),
                line.currency,
                str(line.pk),
                str(line.reverses_id or ""),
                line.note,
            )
            for line, order in queries.lines_of(statement.pk)
        ]
        total = ("Total", "", "", "", "", "", "", plain(statement.total_cents), statement.currency, "", "", "")
        return Table("statement", str(statement), HEAD, [*rows, total])

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        shown = {"open_lines": queries.open_lines()}
        return super().changelist_view(request, (extra_context or {}) | shown)

    def composed(self, request: HttpRequest, pk: int) -> dict[str, Any]:
        statement = ChannelStatement.objects.select_related("channel").get(pk=pk)
        lines = [
            (line, order, format_cents(line.amount_cents, line.currency), _share(line))
            for line, order in queries.lines_of(pk)[:SHOWN]
        ]
        sums = [(row, format_cents(row.cents, statement.currency)) for row in queries.by_reason(pk)]
        total = format_cents(statement.total_cents, statement.currency)
        return {"statement": statement, "lines": lines, "sums": sums, "total": total, "states": STATES}


def _share(line: SettlementLine) -> str:
    """2 % of ¥10,000.00."""
    if line.rate is None or line.base_cents is None:
        return "-"
    return f"{percent(line.rate)} of {format_cents(line.base_cents, line.currency)}"


@admin.register(SettlementLine)
class SettlementLineAdmin(ExactSearch, ReadOnlyAdmin):
    large = True
    search_ids = ("application__public_id",)
    search_codes = ("source",)
    badge = state_badge("kind", {"fee": "green", "clawback": "amber"}, "kind")
    on = day("on_date", "day")
    list_display = ("id", "on", "channel", "badge", "reason", "application", "share", "amount", "statement")
    list_filter = ("kind", "reason", "channel", ("statement", admin.EmptyFieldListFilter))
    list_select_related = ("channel", "application", "statement")

    @admin.display(description="of")
    def share(self, line: SettlementLine) -> str:
        return _share(line)

    @admin.display(description="amount")
    def amount(self, line: SettlementLine) -> SafeString:
        return right(format_cents(line.amount_cents, line.currency))
