"""Configuration that a process reads once, and again when the database says that some of it has changed.

Each statement that changes a table of configuration adds a row to `configuration_change`, by trigger, in its own
transaction (`watch`). What was read stands as long as that little table shows the same rows: a change is seen by
whoever begins after its commit, in every process, and one that is rolled back never was.
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from threading import Lock
from typing import ParamSpec, TypeVar

from django.db import connection
from django.db.migrations.operations import RunSQL

P = ParamSpec("P")
R = TypeVar("R")
Stamp = tuple[int, int]

LOOK = "SELECT count(*), coalesce(sum(id), 0) FROM configuration_change"
STAMPS_KEPT = 2  # a run that began before a change, and those after it

functions: list[Callable[..., object]] = []  # all that are remembered, for whoever checks that their tables are watched

_lock = Lock()
_read: dict[Stamp, dict[Hashable, object]] = {}
_looked: ContextVar[Stamp | None] = ContextVar("looked", default=None)


def remembered(function: Callable[P, R]) -> Callable[P, R]:
    """For a read of watched tables and nothing else. What it returns is shared: nobody may change it."""

    @wraps(function)
    def remembering(*args: P.args, **kwargs: P.kwargs) -> R:
        known, key = _known(_looked.get() or _look()), (function, args, *sorted(kwargs.items()))
        if key not in known:
            known[key] = function(*args, **kwargs)
        return known[key]  # type: ignore[return-value]

    functions.append(function)
    return remembering


@contextmanager
def one_look() -> Iterator[None]:
    """Within it the configuration is looked at once: it is as it was at the beginning, or later."""
    token = _looked.set(_look())
    try:
        yield
    finally:
        _looked.reset(token)


def forget() -> None:
    """For whoever changes rows behind the triggers."""
    with _lock:
        _read.clear()


def watch(*tables: str) -> RunSQL:
    """For a migration, after users.0034: what is remembered of these tables is read anew once they change."""
    name = "configuration_changed"
    return RunSQL(
        "; ".join(
            f"CREATE TRIGGER {name} AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION note_configuration_change()"
            for table in tables
        ),
        "; ".join(f"DROP TRIGGER {name} ON {table}" for table in tables),
    )


def _look() -> Stamp:
    with connection.cursor() as cursor:
        cursor.execute(LOOK)
        count, total = cursor.fetchone()
    return int(count), int(total)


def _known(stamp: Stamp) -> dict[Hashable, object]:
    with _lock:
        if stamp not in _read:
            for old in list(_read)[: len(_read) - STAMPS_KEPT + 1]:
                del _read[old]
            _read[stamp] = {}
        return _read[stamp]
