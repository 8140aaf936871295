"""Due dates and how much of a year lies between two days. Pure and exact: a year fraction is a Fraction.

The conventions, and where a name has two readings, which one and why:

months/12       Every whole month is 1/12 of a year, whatever its length; days beyond the last whole month count
                actual / 360 ("12 equal months, broken days /360"). A month is whole from a due day to the same day
                of a later month, or to its last day where the day is absent (对日): 31 Jan -> 28 Feb is one month.
                Used by every product of the demo configuration.
30/360          30E/360 (ISDA 2006 4.16(g)): a 31st counts as the 30th at both ends. Taken instead of the US bond
                basis because its periods add up: splitting a span at any day changes no total, so nobody pays for
                a 31st and 28 Feb -> 31 Mar never counts 33 days.
actual/365      Calendar days / 365, leap years too (ISDA 4.16(d)).
actual/360      Calendar days / 360 (4.16(e)).
actual/actual   ISDA 4.16(b): days that lie in a leap year / 366, the others / 365; a span counts its first day
                and not its last.
"""

import calendar
from datetime import date
from fractions import Fraction

MONTHS_12 = "months/12"
THIRTY_360 = "30/360"
ACTUAL_365 = "actual/365"
ACTUAL_360 = "actual/360"
ACTUAL_ACTUAL = "actual/actual"
DAY_COUNTS = (MONTHS_12, THIRTY_360, ACTUAL_365, ACTUAL_360, ACTUAL_ACTUAL)


def add_months(start: date, months: int, due_day: int | None = None) -> date:
    """The `due_day` (default: that of `start`) of the month `months` later; its last day where it has none.

    Raises ValueError outside the years 1..9999.
    """
    year, month0 = divmod(start.year * 12 + start.month - 1 + months, 12)
    if not date.min.year <= year <= date.max.year:
        raise ValueError(f"year {year} is out of range")
    day = due_day or start.day
    return date(year, month0 + 1, day if day <= 28 else min(day, calendar.monthrange(year, month0 + 1)[1]))


def months_and_days(start: date, end: date, due_day: int | None = None) -> tuple[int, int]:
    """Whole months from `start` to `end` >= start, and the calendar days beyond the last of them.

    due_day: the day the series falls on, where `start` is its stand-in in a short month (28 Feb for the 31st).
    """
    months = (end.year - start.year) * 12 + end.month - start.month
    whole = add_months(start, months, due_day) if months else start
    if whole > end:
        months -= 1
        whole = add_months(start, months, due_day) if months else start
    return months, (end - whole).days


def days_30_360(start: date, end: date) -> int:
    """30E/360 days: 31st counts as 30th at both ends."""
    return (end.year - start.year) * 360 + (end.month - start.month) * 30 + min(end.day, 30) - min(start.day, 30)


def count_days(start: date, end: date, day_count: str) -> int:
    """Days a period is said to have: 30/360 days under 30/360, calendar days under every other convention."""
    return days_30_360(start, end) if day_count == THIRTY_360 else (end - start).days


def year_fraction(start: date, end: date, day_count: str, due_day: int | None = None) -> Fraction:
    """Part of a year from `start` to `end` >= start. `due_day` matters to months/12 only (see months_and_days)."""
    if day_count == MONTHS_12:
        months, days = months_and_days(start, end, due_day)
        return Fraction(months * 30 + days, 360)
    if day_count == THIRTY_360:
        return Fraction(days_30_360(start, end), 360)
    if day_count == ACTUAL_365:
        return Fraction((end - start).days, 365)
    if day_count == ACTUAL_360:
        return Fraction((end - start).days, 360)
    if day_count == ACTUAL_ACTUAL:
        return _actual_actual(start, end)
    raise ValueError(f"unknown day count {day_count!r}")


def _actual_actual(start: date, end: date) -> Fraction:
    leap = sum(
        (min(end, date(year + 1, 1, 1)) - max(start, date(year, 1, 1))).days
        for year in range(start.year, end.year + 1)
        if calendar.isleap(year)
    )
    return Fraction(leap, 366) + Fraction((end - start).days - leap, 365)


def series_due_day(dates: tuple[date, ...]) -> int | None:
    """The one day of the month all `dates` fall on, a short month's last day standing in for it; None if none."""
    day = max(one.day for one in dates)
    regular = all(one.day == min(day, calendar.monthrange(one.year, one.month)[1]) for one in dates)
    return day if regular else None
