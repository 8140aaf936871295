"""When a funder pays out next, and when it is asked again by itself."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from funding.models import Allocation, Payout, Programme
from funding.models.allocation import AllocationState
from funding.models.payment import PayoutState
from funding.rules import hours
from lending import queries as lending
from lending.common import clock

SIGNED_OR_SIGNING = ("SIGNING", "SIGNED", "CARD_FIX")


def pay_day(programme: Programme, at: datetime) -> tuple[datetime, date]:
    """When the programme's funder can pay out next, at or after `at`, and on which of its business days."""
    funder = programme.funder
    local = hours.next_opening(local=clock.local(at), opens=funder.opens, closes=funder.closes)
    while funder.workdays_only and not lending.is_workday(local.date()):
        local = hours.next_day(local=local, opens=funder.opens)
    day = hours.business_date(local=local, cut_off=funder.cut_off)
    while funder.workdays_only and day > local.date() and not lending.is_workday(day):
        day += timedelta(days=1)
    return local, day


def pays_from(drawdown: lending.DrawdownView, at: datetime) -> datetime | None:
    """The opening for which a drawdown's money waits, or would wait if it were signed now; None where none is shut."""
    if drawdown.status == "DISBURSING":
        due = Payout.objects.filter(drawdown_id=drawdown.id, state=PayoutState.DUE, attempts=0, not_before__gt=at)
        return due.values_list("not_before", flat=True).first()
    if drawdown.status not in SIGNED_OR_SIGNING:
        return None
    accepted = Allocation.objects.filter(drawdown_id=drawdown.id, state=AllocationState.ACCEPTED)
    allocation = accepted.select_related("programme__funder").first()
    opening = pay_day(allocation.programme, at)[0] if allocation else at
    return opening if opening > at else None


def due_for_another_look(waiting: Iterable[tuple[int, Sequence[str], datetime]], at: datetime) -> list[int]:
    """Which drawdowns without a funder had new money of one of theirs since: (id, funders named, waiting since)."""
    programmes = _routed()
    chances = {drawdown_id: _chance(programmes, named, since) for drawdown_id, named, since in waiting}
    return [drawdown_id for drawdown_id, chance in chances.items() if chance and chance <= at]


def asks_again_at(drawdown: lending.DrawdownView) -> datetime | None:
    """When a drawdown without a funder is looked at again; None where those that were named have all said no."""
    if drawdown.status != "NO_FUNDER" or "M01" not in drawdown.reasons:
        return None
    return _chance(_routed(), drawdown.candidates, drawdown.status_at)


def _routed() -> list[Programme]:
    return list(Programme.objects.filter(enabled=True).select_related("funder"))


def _chance(programmes: Iterable[Programme], named: Sequence[str], since: datetime) -> datetime | None:
    return min((_next_chance(row, since) for row in programmes if row.funder_id in named), default=None)


def _next_chance(programme: Programme, since: datetime) -> datetime:
    funder = programme.funder
    local = hours.next_chance(local=clock.local(since), opens=funder.opens, cut_off=funder.cut_off)
    while funder.workdays_only and not lending.is_workday(local.date()):
        local = hours.next_day(local=local, opens=funder.opens)
    return local
