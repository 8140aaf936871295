"""What vendors call back: recorded as it came, once per event id, in any order."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from funding.models import Allocation, CallbackEvent, Collection, Payout
from funding.providers import CALLBACKS
from funding.providers.base import Callback, FunderAnswer, PaymentAnswer
from funding.services.allocations import settle_allocation
from funding.services.collections import settle_collection
from funding.services.payouts import settle_payout
from lending.common import inbox


def handle_callback(*, provider: str, event_id: str, payload: Mapping[str, Any], at: datetime) -> str:
    """Record a verified event and settle what it is about; how it ended.

    applied | late (known already, or closed: recorded, changes nothing) | unknown_key | ignored (not readable)
    | duplicate (this event id was here before). Raises UnknownProvider.
    """
    said: dict[str, Any] = {"provider": provider, "event_id": event_id, "payload": payload, "at": at}
    return inbox.receive(CallbackEvent, CALLBACKS, _settle, **said)


def _settle(protocol: str, callback: Callback, at: datetime) -> str:
    """Only rows of the vendor's own protocol are found: nobody settles another's."""
    match callback.answer:
        case FunderAnswer() as answer:
            found = Allocation.objects.filter(key=callback.key, programme__funder__protocol=protocol).first()
            return settle_allocation(allocation_id=found.pk, answer=answer, at=at) if found else "unknown_key"
        case PaymentAnswer() as answer if callback.type.startswith("payout."):
            payout = Payout.objects.filter(key=callback.key, provider=protocol).first()
            return settle_payout(payout_id=payout.pk, answer=answer, at=at) if payout else "unknown_key"
        case PaymentAnswer() as answer:
            collection = Collection.objects.filter(key=callback.key, provider=protocol).first()
            return settle_collection(collection_id=collection.pk, answer=answer, at=at) if collection else "unknown_key"
        case _:
            return "ignored"
