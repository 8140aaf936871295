"""A statement whose planning costs more than its running, planned once for a connection.

Postgres plans what it gets as text anew each time. A prepared statement keeps its plan as long as the session, so a
pooler in between must pool sessions, not transactions.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

from django.db import connection

_known: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()


def execute(
    cursor: Any, sql: str, values: Mapping[str, Any], *, planner: Sequence[str] = (), lock: str | None = None
) -> None:
    """As `cursor.execute` of one statement with %(named)s values; outside a transaction it is one of its own.

    What type a value has is told by its first place in the statement: cast it there where that says nothing.
    `planner`: settings such as "enable_sort = off", for a plan that must hold whatever the values are; they end with
    the transaction. `lock`: a name that one transaction has at a time, taken in the same message: the statement sees
    what the one before has committed.
    """
    names, statement, numbered = _read(sql)
    connection.ensure_connection()
    prepared = _known.setdefault(connection.connection, set())
    if statement not in prepared:
        cursor.execute(f"PREPARE {statement} AS {numbered}")
        prepared.add(statement)
    places = ", ".join(["%s"] * len(names))
    # Left to itself, Postgres finds the plan for known values cheaper on paper, and plans each time.
    settings = "".join(f"SET LOCAL {setting}; " for setting in ("plan_cache_mode = force_generic_plan", *planner))
    taking = "" if lock is None else "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0)); "
    said = [*([] if lock is None else [lock]), *(values[name] for name in names)]
    cursor.execute(f"{taking}{settings}EXECUTE {statement} ({places})", said)


@cache
def _read(sql: str) -> tuple[list[str], str, str]:
    """The names of its values, the name it is kept by, and what Postgres is told."""
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", sql)))
    numbered = re.sub(r"%\((\w+)\)s", lambda found: f"${names.index(found[1]) + 1}", sql).replace("%%", "%")
    return names, "p_" + hashlib.sha256(sql.encode()).hexdigest()[:16], numbered
