"""A repeated request gets the first answer. Key, effect and answer are one transaction, so a crash leaves nothing."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from lending.common.errors import Conflict, Invalid
from lending.models import IdempotencyKey

MAX_KEY_LENGTH = 128


class KeyMissing(Invalid):
    code, title = "idempotency_key_missing", "The header Idempotency-Key is required (1 to 128 characters)"


class KeyReused(Invalid):
    code, title = "idempotency_key_reused", "This Idempotency-Key was used with another request"


class KeyInFlight(Conflict):
    code, title = "idempotency_key_in_flight", "The first request with this Idempotency-Key is still running"


@dataclass(frozen=True, slots=True)
class Answer:
    status_code: int
    body: Any


def once(*, caller: str, key: str | None, request: Any, at: datetime, act: Callable[[], Answer]) -> tuple[Answer, bool]:
    """Run `act` unless (caller, key) has been answered; the answer, and whether it is a replay.

    `request` is what must be equal in a repetition (JSON-able). An error raised by `act` is not stored: nothing
    happened, and the same key may be tried again.
    """
    if not key or len(key) > MAX_KEY_LENGTH:
        raise KeyMissing()
    _lock(f"{caller}\0{key}")
    digest = hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()
    stored = IdempotencyKey.objects.filter(caller=caller, key=key).first()
    if stored is not None:
        if stored.request_sha256 != digest:
            raise KeyReused()
        return Answer(stored.status_code, stored.response), True
    answer = act()
    IdempotencyKey.objects.create(
        caller=caller,
        key=key,
        request_sha256=digest,
        status_code=answer.status_code,
        response=answer.body,
        created_at=at,
    )
    return answer, False


def _lock(text: str) -> None:
    """Held until the transaction ends; a second holder is told at once instead of waiting."""
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
        row = cursor.fetchone()
    if not row or not row[0]:
        raise KeyInFlight()
