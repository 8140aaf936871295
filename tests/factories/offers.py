"""Offers of other platforms, and leads, made by the services of the product."""

from datetime import datetime
from typing import Any

from lending import flow
from tests.factories.applications import judged
from tests.factories.borrowers import IP, one_time_code
from traffic.models import Lead, Offer
from traffic.services import match_offers
from users import queries as users
from users.services import consents


def declined(at: datetime, **asked: Any) -> int:
    """An application that the machine refused for reasons which do not forbid to be offered elsewhere."""
    return judged(at, "decline", **{"grade": "C", "reasons": ("S01",)} | asked)


def offered(at: datetime, code: str = "BRIDGE", **asked: Any) -> Offer:
    """By one of the platforms that match somebody who was declined."""
    application_id = declined(at, **asked)
    match_offers(application_id=application_id, trigger="declined", at=at)
    return Offer.objects.get(application_id=application_id, platform_id=code)


def consented(offer: Offer, at: datetime, *named: str) -> int:
    """The consent's id."""
    document = users.document("distribution", at)
    assert document
    otp = one_time_code(offer.user_id, "consent", "distribution", at)
    return consents.give(
        user_id=offer.user_id,
        code="distribution",
        version=document.version,
        recipients=named or (str(offer.platform_id),),
        context=f"offer:{offer.public_id}",
        ip=IP,
        otp=otp,
        at=at,
    )


def chosen(at: datetime, code: str = "BRIDGE", **asked: Any) -> Lead:
    offer = offered(at, code, **asked)
    otp = one_time_code(offer.user_id, "consent", "distribution", at)
    document = users.document("distribution", at)
    assert document
    pk = flow.accept_offer(
        user_id=offer.user_id, offer_id=offer.public_id, version=document.version, otp=otp, ip=IP, at=at
    )
    return Lead.objects.get(pk=pk)
