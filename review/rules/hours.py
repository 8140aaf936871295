"""The clock of a review queue: time runs only while the queue is open.

Instants are aware and in the market's own zone; `is_workday` tells the calendar of that market.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

LONGEST_CLOSURE_DAYS = 366

Calendar = Callable[[date], bool]


class NeverOpen(ValueError):
    """The queue has no open hour within a year: its configuration is wrong."""


@dataclass(frozen=True)
class Hours:
    """Open from `opens` until `closes` of the same day, every day or on workdays alone."""

    opens: time
    closes: time
    workdays_only: bool = False


def _openings(start: datetime, hours: Hours, is_workday: Calendar) -> Iterator[tuple[datetime, datetime]]:
    """The open spans from `start` on, the first one cut at `start`."""
    for offset in range(LONGEST_CLOSURE_DAYS):
        day = start.date() + timedelta(days=offset)
        if hours.workdays_only and not is_workday(day):
            continue
        begin = max(start, datetime.combine(day, hours.opens, start.tzinfo))
        end = datetime.combine(day, hours.closes, start.tzinfo)
        if begin < end:
            yield begin, end


def add(start: datetime, duration: timedelta, hours: Hours, is_workday: Calendar) -> datetime:
    """The instant at which `duration` of open time has passed since `start`. Raises NeverOpen."""
    for begin, end in _openings(start, hours, is_workday):
        if duration <= end - begin:
            return begin + duration
        duration -= end - begin
    raise NeverOpen(f"{hours} has too few open hours after {start:%Y-%m-%d}")


def between(start: datetime, end: datetime, hours: Hours, is_workday: Calendar) -> timedelta:
    """Open time from `start` to `end`; zero where `end` is not later."""
    total = timedelta()
    for begin, close in _openings(start, hours, is_workday):
        if begin >= end:
            break
        total += min(close, end) - begin
    return total
