"""Development's clock: runs ahead of the real one by the offset in one row, moved only forward."""

import time
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError, transaction

from lending.common import clock
from lending.common.errors import Forbidden
from lending.models import DemoClock

CACHE_SECONDS = 0.5
_cached: tuple[float, timedelta] | None = None


class NoDemoClock(Forbidden):
    code, title = "no_demo_clock", "Only development settings have a demo clock"


def offset() -> timedelta:
    """How far ahead; read at most twice a second in a process."""
    global _cached
    if _cached is None or time.monotonic() - _cached[0] > CACHE_SECONDS:
        _cached = (time.monotonic(), _read(_cached[1] if _cached else timedelta(0)))
    return _cached[1]


def _read(known: timedelta) -> timedelta:
    """What the row says; what is known already where there is no table yet, or the database is away."""
    try:
        # A read in the midst of a caller's transaction must not break it where the table is not there yet.
        with transaction.atomic():
            row = DemoClock.objects.filter(pk=1).first()
    except DatabaseError:
        return known
    return timedelta(seconds=row.offset_seconds if row else 0)


def move_to(*, instant: datetime) -> None:
    """Set the clock to `instant`, which lies ahead of it. Every process follows within a second."""
    if not getattr(settings, "DEMO_CLOCK", False):
        raise NoDemoClock()
    ahead = instant - clock.now()
    if ahead <= timedelta(0):
        return
    row, _ = DemoClock.objects.get_or_create(pk=1)
    row.offset_seconds += int(ahead.total_seconds()) + 1
    row.save(update_fields=["offset_seconds"])
    _forget()
    transaction.on_commit(_forget)  # until then another thread of this process reads the old row, and keeps it


def _forget() -> None:
    global _cached
    _cached = None
