"""What a channel was told in a day, to be laid beside what it took."""

from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta
from typing import Any

from lending.common import clock
from lending.common.errors import Conflict, Invalid
from traffic.models import StatusPush

SETTLES = timedelta(minutes=5)  # after midnight, within which everything that began before it is written
FIRST_YEAR = 2020


class DayNotOver(Conflict):
    code, title = "day_not_over", "The file of a day is final five minutes after its end"


@dataclass(frozen=True, slots=True)
class Line:
    """As the file has it; empty where a status has no such thing. `amount_cents`: of the drawdown, or the limit."""

    seq: int
    order_id: str
    application_id: str
    status: str
    drawdown_id: str
    loan_id: str
    amount_cents: int | str
    currency: str
    occurred_at: str


HEAD = tuple(field.name for field in fields(Line))


def day_of(channel_code: str, day: date, *, at: datetime) -> list[Line]:
    """Every status that took its number in this business day, in order: days follow each other without a gap.

    Raises Invalid for a day that no calendar of ours has, DayNotOver.
    """
    if not FIRST_YEAR <= day.year <= 9998:
        raise Invalid("No such day here.", fields={"day": f"From {FIRST_YEAR} on."})
    begin, end = clock.end_of(day - timedelta(days=1)), clock.end_of(day)
    if at < end + SETTLES:
        raise DayNotOver(day=day.isoformat(), final_at=(end + SETTLES).isoformat())
    rows = StatusPush.objects.filter(
        channel__party_id=channel_code, seq__isnull=False, created_at__gte=begin, created_at__lt=end
    )
    return [_line(payload) for payload in rows.order_by("seq").values_list("payload", flat=True)]


def _line(told: dict[str, Any]) -> Line:
    return Line(
        seq=told["seq"],
        order_id=told.get("order_id", ""),
        application_id=told["application_id"],
        status=told["status"],
        drawdown_id=told.get("drawdown_id", ""),
        loan_id=told.get("loan_id", ""),
        amount_cents=told.get("amount_cents", told.get("limit_cents") or ""),
        currency=told.get("currency", ""),
        occurred_at=told["occurred_at"],
    )
