"""What partners asked is kept for thirty days: calls by the true clock, prechecks by the platform's."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from tests.factories.borrowers import borrower
from traffic import services
from traffic.models import Channel, JoinLink, PartnerCall, Precheck, PrecheckSubject, Touch


@pytest.mark.django_db(transaction=True)
def test_what_is_older_than_thirty_days_goes_and_nothing_younger(at: datetime) -> None:
    channel, now = Channel.objects.get(party__code="LOANHUB"), time.time()
    true = datetime.fromtimestamp(now, UTC)
    for days in (29, 31):
        PartnerCall.objects.create(
            channel=channel, nonce=f"{days}", operation="events", at=true - timedelta(days=days), status=200, ms=1
        )
        Precheck.objects.create(
            channel=channel, digest=f"{days}", answer="eligible", hit=False, at=at - timedelta(days=days)
        )
    assert services.run_retention(now=now, at=at) == 2
    assert PartnerCall.objects.get().nonce == "29"
    assert Precheck.objects.get().digest == "29"
    assert services.run_retention(now=now, at=at) == 0


@pytest.mark.django_db
def test_erasing_forgets_who_brought_somebody(at: datetime) -> None:
    one, other = borrower(at), borrower(at)
    channel = Channel.objects.get(party__code="LOANHUB")
    for user_id in (one, other):
        Touch.objects.create(user_id=user_id, channel=channel, kind="session", at=at)
        PrecheckSubject.objects.create(user_id=user_id, channel=channel, digest="d" * 64)
        JoinLink.objects.create(
            token_hash=f"{user_id}", channel=channel, user_id=user_id, made_at=at, expires_at=at + timedelta(minutes=9)
        )
    services.erase(user_id=one)
    assert [model.objects.get().user_id for model in (Touch, PrecheckSubject, JoinLink)] == [other] * 3
