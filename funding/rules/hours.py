"""A funder's hours and its business day. Pure; times are local to the market.

`closes` and `cut_off` of None mean midnight (written 24:00): open to the end of the day, no early cut-off.
"""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta


def business_date(*, local: datetime, cut_off: time | None) -> date:
    """The funder's day an act belongs to: from the cut-off on it is the next day's. local: aware, market time."""
    late = cut_off is not None and local.time() >= cut_off
    return local.date() + timedelta(days=1) if late else local.date()


def next_opening(*, local: datetime, opens: time, closes: time | None) -> datetime:
    """`local` itself while the funder pays out, else the next instant at which it does."""
    if local.time() < opens:
        return datetime.combine(local.date(), opens, local.tzinfo)
    if closes is not None and local.time() >= closes:
        return datetime.combine(local.date() + timedelta(days=1), opens, local.tzinfo)
    return local


def words(text: time | None) -> str:
    return "24:00" if text is None else f"{text:%H:%M}"


def next_chance(*, local: datetime, opens: time, cut_off: time | None) -> datetime:
    """The next instant after `local` that is worth asking the funder at: it opens, or its next day's money begins.

    At the cut-off itself, shut or not: who comes later must not be served before those who wait.
    """
    if local.time() < opens:
        return datetime.combine(local.date(), opens, local.tzinfo)
    if cut_off is not None and local.time() < cut_off:
        return datetime.combine(local.date(), cut_off, local.tzinfo)
    return next_day(local=local, opens=opens)


def next_day(*, local: datetime, opens: time) -> datetime:
    """The opening of the following calendar day."""
    return datetime.combine(local.date() + timedelta(days=1), opens, local.tzinfo)


def nth_workday(*, month: date, number: int, special: Mapping[date, bool]) -> date:
    """The `number`th workday of a month: Monday to Friday, unless `special` says otherwise. `month`: any day of it."""
    day = month.replace(day=1) - timedelta(days=1)
    while number:
        day += timedelta(days=1)
        number -= special.get(day, day.weekday() < 5)
    return day
