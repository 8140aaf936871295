"""On which day a batch begins. Every batch opens at 10:00 of a new business day, whenever it is sent."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta

from lending import queries
from lending.common import clock
from lending.management.demo.stories import DAYS_LATE
from lending.rules.daycount import add_months

OPENS_AT = time(10)


def next_opening(at: datetime) -> datetime:
    """10:00 of the first business day whose 10:00 is after `at`."""
    return _first_after(at, queries.is_workday)


def opening_of_the_late(at: datetime) -> datetime:
    """As `next_opening`, on a day whose loan is late, as `late_opening` has it, on a business day too."""
    return _first_after(at, lambda day: queries.is_workday(day) and queries.is_workday(_late_on(day)))


def late_opening(opened: datetime) -> datetime:
    """10:00 of the day after the close of the fifth day past due, for a loan paid out on the day of `opened`."""
    return _opening(opened, _late_on(clock.business_date(opened)))


def claim_opening(opened: datetime) -> datetime:
    """10:00 of the day after the close at which a guarantor pays, for a loan paid out on the day of `opened`."""
    first_due = add_months(clock.business_date(opened), 1)
    return _opening(opened, first_due + timedelta(days=int(queries.servicing("guarantee_compensation_dpd")) + 1))


def _late_on(value_date: date) -> date:
    return add_months(value_date, 1) + timedelta(days=DAYS_LATE + 1)


def _first_after(at: datetime, fits: Callable[[date], bool]) -> datetime:
    day = clock.business_date(at)
    while _opening(at, day) <= at or not fits(day):
        day += timedelta(days=1)
    return _opening(at, day)


def _opening(at: datetime, day: date) -> datetime:
    return datetime.combine(day, OPENS_AT, tzinfo=clock.local(at).tzinfo)
