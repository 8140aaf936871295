"""What many tests begin with: written by the services the first time in a process, and copied row for row after that.

Loading everything takes seconds, copying it back some ten milliseconds.
"""

from collections.abc import Callable, Hashable
from io import StringIO
from typing import Any, TypeVar

from django.conf import settings
from django.db import connection

from tests.flush import filled

R = TypeVar("R")

# Where these hold nothing, nothing was loaded and nobody was made.
EMPTY = ("users_user", "auth_group", "users_source", "lending_product", "configuration_change")
# Written by triggers, and no model: what is remembered of the same configuration stays true.
UNMODELLED = ["configuration_change"]

_kept: dict[Hashable, tuple[dict[str, str], Any]] = {}


def loaded(key: Hashable, load: Callable[[], R]) -> R:
    """What `load` answers, with the rows that it writes into an empty database; into any other it writes them itself.

    `key` says everything that the rows depend on, but for the settings of the addresses.
    """
    if not _is_empty():
        return load()
    key = (key, settings.SANDBOX_URL, settings.PUBLIC_URL)
    if key in _kept:
        rows, answer = _kept[key]
        _copy_in(rows)
        return answer  # type: ignore[no-any-return]
    answer = load()
    _kept[key] = _copy_out(), answer
    return answer


def _is_empty() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f"(SELECT 1 FROM {table} LIMIT 1)" for table in EMPTY))
        return cursor.fetchone() is None


def _copy_out() -> dict[str, str]:
    rows = {}
    for table in [*filled(), *UNMODELLED]:
        out = StringIO()
        with connection.cursor() as cursor:
            cursor.copy_expert(f"COPY {table} TO STDOUT", out)
        rows[table] = out.getvalue()
    return rows


def _copy_in(rows: dict[str, str]) -> None:
    """Without triggers: the rows have passed them."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for table, text in rows.items():
            cursor.copy_expert(f"COPY {table} FROM STDIN", StringIO(text))
        cursor.execute("RESET session_replication_role")
