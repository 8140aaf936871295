"""A statement whose planning costs more than its running, planned once for a connection.

Postgres plans what it gets as text anew each time. A prepared statement keeps its plan as long as the session, so a
pooler in between must pool sessions, not transactions.
"""

import hashlib
import re
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

from django.db import connection

_known: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()


def execute(cursor: Any, sql: str, values: Mapping[str, Any]) -> None:
    """As `cursor.execute` of one statement with %(named)s values, inside a transaction or not.

    What type a value has is told by its first place in the statement: cast it there where that says nothing.
    """
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", sql)))
    statement = "p_" + hashlib.sha256(sql.encode()).hexdigest()[:16]
    connection.ensure_connection()
    prepared = _known.setdefault(connection.connection, set())
    if statement not in prepared:
        numbered = re.sub(r"%\((\w+)\)s", lambda found: f"${names.index(found[1]) + 1}", sql).replace("%%", "%")
        cursor.execute(f"PREPARE {statement} AS {numbered}")
        prepared.add(statement)
    places = ", ".join(["%s"] * len(names))
    cursor.execute(f"EXECUTE {statement} ({places})", [values[name] for name in names])
