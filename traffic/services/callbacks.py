"""What platforms call back: recorded as it came, once per event id, in any order."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from lending.common import inbox
from traffic.models import Lead, PlatformCallback
from traffic.providers import CALLBACKS
from traffic.providers.base import Callback
from traffic.services.leads import settle_lead


def handle_callback(*, provider: str, event_id: str, payload: Mapping[str, Any], at: datetime) -> str:
    """Record a verified event and settle the lead it is about; how it ended.

    applied | late (known already, or over: recorded, changes nothing) | unknown_key | ignored (not readable)
    | duplicate (this event id was here before). Raises UnknownProvider.
    """
    said: dict[str, Any] = {"provider": provider, "event_id": event_id, "payload": payload, "at": at}
    return inbox.receive(PlatformCallback, CALLBACKS, _settle, **said)


def _settle(protocol: str, callback: Callback, at: datetime) -> str:
    """Only leads of the platform's own protocol are found: nobody settles another's."""
    if callback.answer is None:
        return "ignored"
    sent = Lead.objects.filter(key=callback.key, platform__protocol=protocol, sent_at__isnull=False)
    found = sent.values_list("pk", flat=True).first()
    return settle_lead(lead_id=found, answer=callback.answer, at=at) if found else "unknown_key"
