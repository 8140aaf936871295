"""What is open with each channel, and what a statement is made of."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date

from django.db.models import Count, Sum
from django.db.models.functions import TruncMonth

from lending.common.errors import NotFound
from lending.models.statement import StatementState
from traffic.models import ChannelOrder, ChannelStatement, SettlementLine


@dataclass(frozen=True, slots=True)
class Open:
    """Lines of a month that no statement has. `month`: its first day."""

    channel_code: str
    month: date
    currency: str
    count: int
    cents: int


@dataclass(frozen=True, slots=True)
class Summed:
    """Lines of one reason."""

    reason: str
    count: int
    cents: int


class NoStatement(NotFound):
    """A statement of a month is made once it is over and two people have approved it."""

    code, title = "no_statement", "There is no approved statement of this month"


@dataclass(frozen=True, slots=True)
class PartnerLine:
    """As the partner's file has it; empty where a line has no such thing. `amount_cents`: below zero, taken back."""

    line: int
    day: str
    reason: str
    order_id: str
    application_id: str
    drawdown_id: str
    base_cents: int | str
    rate: str
    amount_cents: int
    currency: str
    takes_back: int | str


HEAD = tuple(field.name for field in fields(PartnerLine))


def approved(channel_code: str, month: date) -> list[PartnerLine]:
    """The lines of a channel's approved statement, oldest first. `month`: its first day. Raises NoStatement."""
    theirs = ChannelStatement.objects.filter(channel__party_id=channel_code, month=month)
    statement = theirs.filter(state=StatementState.APPROVED).first()
    if statement is None:
        raise NoStatement(f"{month:%Y-%m}.")
    return [
        PartnerLine(
            line=line.pk,
            day=line.on_date.isoformat(),
            reason=line.reason,
            order_id=order,
            application_id=str(line.application.public_id) if line.application else "",
            drawdown_id=str(line.drawdown.public_id) if line.drawdown else "",
            base_cents="" if line.base_cents is None else line.base_cents,
            rate="" if line.rate is None else str(line.rate),
            amount_cents=line.amount_cents,
            currency=line.currency,
            takes_back=line.reverses_id or "",
        )
        for line, order in lines_of(statement.pk)
    ]


def open_lines() -> tuple[Open, ...]:
    rows = SettlementLine.objects.filter(statement=None).annotate(month=TruncMonth("on_date"))
    found = rows.order_by("month", "channel_id").values_list("channel_id", "month", "currency")
    return tuple(Open(*row) for row in found.annotate(n=Count("pk"), cents=Sum("amount_cents")))


def by_reason(statement_id: int) -> tuple[Summed, ...]:
    """Fees first."""
    rows = SettlementLine.objects.filter(statement_id=statement_id).order_by("-kind", "reason")
    found = rows.values_list("kind", "reason").annotate(n=Count("pk"), cents=Sum("amount_cents"))
    words = dict(SettlementLine._meta.get_field("reason").choices or ())
    return tuple(Summed(str(words[reason]), n, cents) for _, reason, n, cents in found)


def lines_of(statement_id: int) -> Sequence[tuple[SettlementLine, str]]:
    """Oldest first, each with the channel's own order id."""
    rows = SettlementLine.objects.filter(statement_id=statement_id).select_related("application", "drawdown")
    found = list(rows.order_by("on_date", "pk"))
    of = {line.application_id for line in found}
    orders = dict(ChannelOrder.objects.filter(application__in=of).values_list("application_id", "external_id"))
    return [(line, orders.get(line.application_id or 0, "")) for line in found]
