"""What vendors call back, kept as it came and acted on once: per event id, in any order."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.db import models

from lending.common.errors import NotFound

Readers = Mapping[str, tuple[str, Callable[[Mapping[str, Any]], Any]]]


class UnknownProvider(NotFound):
    code, title = "unknown_provider", "Nobody of this name calls back here"


def receive(
    events: type[models.Model],
    readers: Readers,
    settle: Callable[[str, Any, datetime], str],
    *,
    provider: str,
    event_id: str,
    payload: Mapping[str, Any],
    at: datetime,
) -> str:
    """Record a verified event and settle what it is about; how it ended, or duplicate: its id was here before.

    events: the table. readers: by provider its protocol, and what reads its payload. `settle(protocol, callback, at)`
    says the outcome that is kept. Raises UnknownProvider.
    """
    if provider not in readers:
        raise UnknownProvider(f"{provider} is not known.")
    protocol, read = readers[provider]
    callback = read(payload)
    event, new = events._default_manager.get_or_create(
        provider=provider,
        event_id=event_id,
        defaults={
            "type": callback.type[:40],
            "key": callback.key[:80],
            "payload": dict(payload),
            "received_at": at,
            "outcome": "received",
        },
    )
    if not new:
        return "duplicate"
    outcome = settle(protocol, callback, at)
    event.outcome = outcome  # type: ignore[attr-defined]
    event.save(update_fields=["outcome"])
    return outcome
