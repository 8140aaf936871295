"""A grant is the decided terms under the ceiling, once; and what may be drawn against it."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from lending.models import Application, Event, Grant, Product
from lending.rules.offer import AboveCeiling
from lending.services import grants
from lending.services.grants import GrantNotUsable
from tests.factories import loans as factory
from tests.factories.applications import judged, submitted
from tests.factories.loans import Taker
from users.models import Message


class TestOpen:
    def test_is_what_was_decided_with_both_costs_and_a_validity(self, at: datetime) -> None:
        application_id = judged(at, "approve", grade="B", offer_cents=700_000, reasons=())
        grant = Grant.objects.get(pk=grants.open(application_id=application_id, at=at))
        assert (grant.limit_cents, grant.months, grant.annual_rate) == (700_000, 12, Decimal("0.144"))
        assert grant.valid_until == at + timedelta(days=365)
        assert Decimal("0.144") - Decimal("0.0001") < grant.irr12 < grant.xirr < Decimal("0.1601")
        assert Message.objects.filter(user_id=grant.user_id, template="application_granted").count() == 1

    def test_twice_is_one(self, at: datetime) -> None:
        application_id = judged(at, "approve", reasons=())
        first = grants.open(application_id=application_id, at=at)
        assert grants.open(application_id=application_id, at=at) == first
        assert Event.objects.filter(grant_id=first).count() == 1

    def test_not_before_the_yes(self, at: datetime) -> None:
        application_id = submitted(at)
        with pytest.raises(GrantNotUsable):
            grants.open(application_id=application_id, at=at)
        assert not Grant.objects.exists()

    def test_above_the_ceiling_there_is_none(self, at: datetime) -> None:
        """Under 24 by IRR x 12 and over it by XIRR: 21.6 %, taken on the last of January."""
        application_id = judged(at, "approve", reasons=())
        Application.objects.filter(pk=application_id).update(decided_rate=Decimal("0.216"))
        with pytest.raises(AboveCeiling) as refused:
            grants.open(application_id=application_id, at=at.replace(year=2027, month=1, day=31))
        assert refused.value.data["xirr"] == "0.240701"
        assert not Grant.objects.exists()
        Application.objects.filter(pk=application_id).update(decided_rate=Decimal("0.144"))
        Product.objects.filter(code="LINE").update(ceiling_xirr=Decimal("0.15"))
        with pytest.raises(AboveCeiling):
            grants.open(application_id=application_id, at=at)


class TestCheckCanDraw:
    def test_up_to_what_is_free(self, at: datetime, grant_id: int) -> None:
        grant = Grant.objects.get(pk=grant_id)
        grants.check_can_draw(grant, grant.limit_cents, at)
        with pytest.raises(GrantNotUsable) as refused:
            grants.check_can_draw(grant, grant.limit_cents + 1, at)
        assert refused.value.data == {"free_cents": 5_000_000}

    def test_until_its_last_instant(self, at: datetime, grant_id: int) -> None:
        grant = Grant.objects.get(pk=grant_id)
        grants.check_can_draw(grant, 1, grant.valid_until - timedelta(microseconds=1))
        with pytest.raises(GrantNotUsable) as refused:
            grants.check_can_draw(grant, 1, grant.valid_until)
        assert refused.value.data == {"state": "EXPIRED"}

    def test_a_single_loan_is_drawn_once(self, at: datetime, who: Taker) -> None:
        grant_id = factory.granted(at, who, product_code="ONCE", months=12, amount_cents=1_000_000)
        factory.requested(at, who, grant_id, amount_cents=500_000)
        with pytest.raises(GrantNotUsable) as refused:
            grants.check_can_draw(Grant.objects.get(pk=grant_id), 500_000, at)
        assert refused.value.data == {"free_cents": 0}
