"""Served by granian for `bench_partner`: the least that answers. Nothing of Django or of the platform is imported.

`nothing` answers the same whatever comes. `precheck` answers as ours does and keeps the question, on a connection of
its thread, but lets anybody in: no signature, no nonce, no limit. BENCH_FACTS: the statement that all look people up
by, planned once a connection.
"""

import json
import os
import re
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import psycopg2

Start = Callable[[str, list[tuple[str, str]]], object]
CHANNEL = "LOANHUB"
PRODUCTS = ["ONCE", "LINE"]

_thread = threading.local()


def nothing(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    environ["wsgi.input"].read()
    return _told(start, {"answer": "eligible", "until": None})


def precheck(environ: dict[str, Any], start: Start) -> Iterable[bytes]:
    digest = json.loads(environ["wsgi.input"].read())["phone_hash"]
    if not re.fullmatch("[0-9a-f]{64}", digest):
        raise ValueError(digest)
    at, db = datetime.now(UTC), _connection()
    with db, db.cursor() as cursor:
        cursor.execute("EXECUTE facts (%s, %s, %s, %s)", [CHANNEL, digest, PRODUCTS, at])
        found, barred, has_open, reapply_at, is_customer = cursor.fetchone()
        answer = (
            "not_eligible"
            if found and barred
            else "open_application"
            if has_open
            else "cooling_off"
            if reapply_at
            else "existing_customer"
            if is_customer
            else "eligible"
        )
        cursor.execute(
            "INSERT INTO traffic_precheck (channel_id, digest, answer, hit, at) VALUES (%s, %s, %s, %s, %s)",
            [CHANNEL, digest, answer, bool(found), at],
        )
    return _told(start, {"answer": answer, "until": reapply_at.isoformat() if reapply_at else None})


def _connection() -> Any:
    if not hasattr(_thread, "db"):
        _thread.db = psycopg2.connect(os.environ["DATABASE_URL"])
        with _thread.db, _thread.db.cursor() as cursor:
            named = {name: f"${place}" for place, name in enumerate(("channel", "asked", "products", "at"), start=1)}
            cursor.execute(
                "SET plan_cache_mode = force_generic_plan; PREPARE facts AS " + os.environ["BENCH_FACTS"] % named
            )
    return _thread.db


def _told(start: Start, body: dict[str, Any]) -> list[bytes]:
    content = json.dumps(body).encode()
    start("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(content)))])
    return [content]
