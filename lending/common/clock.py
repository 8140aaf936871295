"""What time it is, asked only by doors, tasks and commands; domain code is handed `at` or `as_of`.

Development moves a demo clock forward through `set_offset_source`; tests replace the whole source.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings


def _system() -> datetime:
    return datetime.now(UTC)


_source: Callable[[], datetime] = _system


def set_source(source: Callable[[], datetime] | None) -> None:
    """Replace the clock of this process; None puts the system's back."""
    global _source
    _source = source or _system


def set_offset_source(offset: Callable[[], timedelta]) -> None:
    """Run the clock ahead of the system's by what `offset` answers at each call (the demo clock)."""
    set_source(lambda: _system() + offset())


def now() -> datetime:
    """This instant, aware, UTC."""
    return _source()


def local(at: datetime) -> datetime:
    """The same instant as people in the market read it."""
    return at.astimezone(ZoneInfo(settings.TIME_ZONE))


def business_date(at: datetime) -> date:
    """The market's calendar day at that instant."""
    return local(at).date()


def end_of(day: date) -> datetime:
    """The instant at which the market's calendar day is over."""
    return datetime.combine(day + timedelta(days=1), time(), ZoneInfo(settings.TIME_ZONE))
