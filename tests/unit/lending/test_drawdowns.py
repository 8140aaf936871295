"""What a drawdown needs, what it holds of the limit, and that a late answer of anybody changes nothing."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from lending.common.errors import DomainError, Invalid, NotFound
from lending.models import Drawdown, Event, Grant, Product
from lending.rules.offer import AboveCeiling
from lending.services import drawdowns
from lending.services.drawdowns import CardNotUsable, ConsentNotLive, TooManyLoans, WrongState
from lending.services.gates import InvalidRequest
from lending.services.grants import GrantNotUsable
from tests.factories import loans as factory
from tests.factories.borrowers import consent
from tests.factories.drawdowns import SET_SHA256, card
from tests.factories.loans import Taker
from users.services import cards, consents


def row(drawdown_id: int) -> Drawdown:
    return Drawdown.objects.get(pk=drawdown_id)


def limit(grant_id: int) -> tuple[int, int]:
    grant = Grant.objects.get(pk=grant_id)
    return grant.used_cents, grant.pending_cents


class TestConfirm:
    def test_holds_the_amount_and_keeps_both_costs(self, at: datetime, who: Taker, grant_id: int) -> None:
        found = row(factory.requested(at, who, grant_id))
        assert (found.status, found.candidates, found.annual_rate) == ("REQUESTED", ["HYF", "QTX"], Decimal("0.1440"))
        assert found.irr12 < found.xirr <= found.ceiling_xirr
        assert limit(grant_id) == (0, 1_000_000)

    @pytest.mark.parametrize(
        ("asked", "error", "data"),
        [
            ({"amount_cents": 40_000}, InvalidRequest, "amount_cents"),
            ({"amount_cents": 1_000_050}, InvalidRequest, "amount_cents"),
            ({"months": 5}, InvalidRequest, "months"),
            ({"method": "interest_only"}, InvalidRequest, "method"),
            ({"candidates": ()}, ConsentNotLive, None),
            ({"candidates": ("HYF", "NHT")}, ConsentNotLive, None),
            ({"candidates": ("HYF", "QTX", "LJB", "NHT")}, ConsentNotLive, None),
        ],
    )
    def test_refuses_by_name_and_holds_nothing(
        self,
        at: datetime,
        who: Taker,
        grant_id: int,
        asked: dict[str, Any],
        error: type[DomainError],
        data: str | None,
    ) -> None:
        with pytest.raises(error) as refused:
            factory.requested(at, who, grant_id, **asked)
        if data:
            assert set(refused.value.data["fields"]) == {data}
        assert limit(grant_id) == (0, 0)
        assert not Drawdown.objects.exists()

    def test_is_never_longer_than_the_grant(self, at: datetime, who: Taker) -> None:
        grant_id = factory.granted(at, who, months=6)
        with pytest.raises(InvalidRequest) as refused:
            factory.requested(at, who, grant_id, months=9)
        assert refused.value.data["fields"] == {"months": "at most 6"}

    def test_never_above_the_limit_and_at_most_three_open_notes(self, at: datetime, who: Taker, grant_id: int) -> None:
        factory.paid_out(at, who, grant_id, amount_cents=3_000_000)
        factory.requested(at, who, grant_id, amount_cents=1_500_000)
        assert limit(grant_id) == (3_000_000, 1_500_000)
        with pytest.raises(GrantNotUsable):
            factory.requested(at, who, grant_id, amount_cents=510_000)
        factory.requested(at, who, grant_id, amount_cents=100_000)
        with pytest.raises(TooManyLoans):
            factory.requested(at, who, grant_id, amount_cents=100_000)

    def test_needs_a_confirmed_card_of_one_s_own(self, at: datetime, who: Taker, grant_id: int) -> None:
        other = factory.taker(at)
        raw = cards.add(user_id=who.user_id, number="6222021234567890128", phone="13900001111", at=at)
        for card_id, error in ((raw, CardNotUsable), (other.card_id, NotFound)):
            with pytest.raises(error):
                factory.requested(at, Taker(who.user_id, card_id, who.share_id, who.bureau_id), grant_id)
        assert limit(grant_id) == (0, 0)

    def test_needs_consents_that_are_live_and_one_s_own(self, at: datetime, who: Taker, grant_id: int) -> None:
        other = factory.taker(at)
        with pytest.raises(ConsentNotLive):
            factory.requested(at, Taker(who.user_id, who.card_id, other.share_id, who.bureau_id), grant_id)
        consents.withdraw(user_id=who.user_id, consent_id=who.bureau_id, by=who.by, at=at)
        with pytest.raises(ConsentNotLive) as refused:
            factory.requested(at, who, grant_id)
        assert refused.value.data == {"document": "funder_bureau", "recipients": ["HYF", "QTX"]}

    def test_a_later_consent_to_fewer_lenders_does_not_undo_the_wider_one(
        self, at: datetime, who: Taker, grant_id: int
    ) -> None:
        later = at + timedelta(minutes=2)
        consent(who.user_id, "funder_share", later, ("HYF",))
        consent(who.user_id, "funder_bureau", later, ("HYF",))
        assert factory.requested(later, who, grant_id)

    def test_costs_no_more_than_the_ceiling_on_the_day_it_is_taken(self, at: datetime, who: Taker) -> None:
        """Granted at 20.4 % under 24; a ceiling that was lowered since holds for what is taken from then on."""
        grant_id = factory.granted(at, who, grade="D", amount_cents=500_000)
        Product.objects.filter(code="LINE").update(ceiling_xirr=Decimal("0.2230"))
        assert factory.requested(at, who, grant_id, amount_cents=100_000, months=6)
        with pytest.raises(AboveCeiling):
            factory.requested(at, who, grant_id, amount_cents=100_000, months=18)
        with pytest.raises(AboveCeiling):
            factory.requested(at.replace(year=2027, month=1, day=31), who, grant_id, amount_cents=100_000, months=3)
        assert limit(grant_id) == (0, 100_000)


LATE: dict[str, Callable[[int, datetime], object]] = {
    "check": lambda pk, at: drawdowns.record_check(
        drawdown_id=pk, outcome="decline", reasons=["S03"], decision_id=7, at=at
    ),
    "acceptance": lambda pk, at: drawdowns.funder_accepted(drawdown_id=pk, expires_at=at, at=at),
    "refusal": lambda pk, at: drawdowns.funder_refused(drawdown_id=pk, reasons=["M02"], at=at),
    "signature": lambda pk, at: drawdowns.signed(drawdown_id=pk, contract_set_sha256="cd" * 32, at=at),
    "payout failure": lambda pk, at: drawdowns.payout_failed(drawdown_id=pk, fault="card", reasons=["M03"], at=at),
}


class TestLate:
    @pytest.mark.parametrize("answer", LATE)
    def test_an_answer_on_an_ended_drawdown_is_false_and_changes_nothing(
        self, at: datetime, who: Taker, grant_id: int, answer: str
    ) -> None:
        drawdown_id = factory.requested(at, who, grant_id)
        drawdowns.cancel(drawdown_id=drawdown_id, by=who.by, at=at)
        before = Drawdown.objects.filter(pk=drawdown_id).values().get(), limit(grant_id), Event.objects.count()
        assert LATE[answer](drawdown_id, at + timedelta(hours=1)) is False
        assert (
            Drawdown.objects.filter(pk=drawdown_id).values().get(),
            limit(grant_id),
            Event.objects.count(),
        ) == before


class TestTheWay:
    def test_a_refusal_forgets_the_funder_and_only_named_ones_are_asked(
        self, at: datetime, who: Taker, grant_id: int
    ) -> None:
        drawdown_id = factory.requested(at, who, grant_id)
        drawdowns.record_check(drawdown_id=drawdown_id, outcome="approve", reasons=(), decision_id=None, at=at)
        ask = {"drawdown_id": drawdown_id, "guarantor_code": "AHG", "mode": "direct", "at": at}
        with pytest.raises(ConsentNotLive):
            drawdowns.funder_pending(funder_code="LJB", **ask)  # type: ignore[arg-type]
        assert row(drawdown_id).status == "ROUTING"
        drawdowns.funder_pending(funder_code="HYF", **ask)  # type: ignore[arg-type]
        drawdowns.funder_refused(drawdown_id=drawdown_id, reasons=["M02"], at=at)
        found = row(drawdown_id)
        assert (found.funder_code, found.guarantor_code, found.mode, found.reasons) == ("", "", "", ["M02"])
        assert Event.objects.filter(drawdown_id=drawdown_id).latest("id").actor == "vendor:HYF"

    def test_a_funder_that_fails_at_the_payout_takes_its_contracts_with_it(
        self, at: datetime, who: Taker, grant_id: int
    ) -> None:
        drawdown_id = factory.requested(at, who, grant_id)
        factory.disbursing(at, drawdown_id)
        with pytest.raises(Invalid, match="not a fault"):
            drawdowns.payout_failed(drawdown_id=drawdown_id, fault="weather", reasons=["M03"], at=at)
        assert drawdowns.payout_failed(drawdown_id=drawdown_id, fault="funder", reasons=["M01"], at=at)
        found = row(drawdown_id)
        assert (found.status, found.funder_code, found.contract_set_sha256) == ("ROUTING", "", "")
        assert limit(grant_id) == (0, 1_000_000)

    def test_the_card_is_changed_for_another_confirmed_one_of_the_same_borrower(
        self, at: datetime, who: Taker, grant_id: int
    ) -> None:
        drawdown_id = factory.requested(at, who, grant_id)
        factory.disbursing(at, drawdown_id)
        other = card(who.user_id, at)
        with pytest.raises(WrongState):
            drawdowns.fix_card(drawdown_id=drawdown_id, card_id=other, by=who.by, at=at)
        drawdowns.payout_failed(drawdown_id=drawdown_id, fault="card", reasons=["M03"], at=at)
        with pytest.raises(NotFound):
            drawdowns.fix_card(drawdown_id=drawdown_id, card_id=factory.taker(at).card_id, by=who.by, at=at)
        assert drawdowns.fix_card(drawdown_id=drawdown_id, card_id=other, by=who.by, at=at)
        assert not drawdowns.fix_card(drawdown_id=drawdown_id, card_id=other, by=who.by, at=at)
        assert (row(drawdown_id).card_id, row(drawdown_id).contract_set_sha256) == (other, SET_SHA256)

    @pytest.mark.parametrize("end", ["cancel", "expire", "decline"])
    def test_an_end_without_money_gives_the_limit_back(self, at: datetime, who: Taker, grant_id: int, end: str) -> None:
        drawdown_id = factory.requested(at, who, grant_id)
        match end:
            case "cancel":
                drawdowns.cancel(drawdown_id=drawdown_id, by=who.by, at=at)
            case "expire":
                drawdowns.expire(drawdown_id=drawdown_id, reasons=["M01"], at=at)
            case "decline":
                drawdowns.record_check(
                    drawdown_id=drawdown_id, outcome="decline", reasons=["P01"], decision_id=1, at=at
                )
        assert limit(grant_id) == (0, 0)
        assert factory.requested(at, who, grant_id, amount_cents=5_000_000)
