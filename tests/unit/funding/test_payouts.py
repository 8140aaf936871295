"""Money goes out once: with its contracts, its reservation and its exact amount, whatever the channel says and when."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from funding import queries, services
from funding.models import Allocation, CallbackEvent, HeadroomDay, Payout, Programme
from funding.providers.base import FunderAnswer, PaymentAnswer
from funding.services.payouts import NotReadyToPay
from lending import flow
from lending.models import Drawdown, Grant, Loan
from lending.services import drawdowns as lending
from lending.services.drawdowns import CardNotUsable
from tests.factories import drawdowns
from users.models import Notice

AMOUNT = 1_000_000
PAID = PaymentAnswer("succeeded", moved_cents=AMOUNT)


def ordered(at: datetime, **asked: Any) -> Payout:
    allocation = drawdowns.signed(at, **asked)
    payout_id = services.start_payout(drawdown_id=allocation.drawdown_id, at=at)
    return Payout.objects.get(pk=payout_id)


def settle(payout: Payout, answer: PaymentAnswer, at: datetime) -> str:
    outcome = services.settle_payout(payout_id=payout.pk, answer=answer, at=at)
    payout.refresh_from_db()
    return outcome


def status(payout: Payout) -> str:
    return Drawdown.objects.get(pk=payout.drawdown_id).status


def day() -> tuple[int, int]:
    row = HeadroomDay.objects.get(programme="HYF-D")
    return row.reserved_cents, row.committed_cents


class TestStartPayout:
    def test_orders_the_principal_under_a_stored_key(self, at: datetime) -> None:
        payout = ordered(at)
        assert (payout.amount_cents, payout.state, status(payout)) == (AMOUNT, "DUE", "DISBURSING")
        assert payout.key.startswith("payout-")
        assert day() == (AMOUNT, 0)

    def test_refuses_before_the_signature_and_a_second_time(self, at: datetime) -> None:
        allocation = drawdowns.signing(at)
        with pytest.raises(NotReadyToPay):
            services.start_payout(drawdown_id=allocation.drawdown_id, at=at)
        payout = ordered(at)
        with pytest.raises(NotReadyToPay):
            services.start_payout(drawdown_id=payout.drawdown_id, at=at)
        assert Payout.objects.count() == 1

    def test_waits_for_the_funder_s_opening_and_counts_on_that_day(self, at: datetime) -> None:
        allocation = drawdowns.signed(at)
        late = at.replace(hour=23, minute=10)
        payout = Payout.objects.get(pk=services.start_payout(drawdown_id=allocation.drawdown_id, at=late))
        assert payout.not_before == (at + timedelta(days=1)).replace(hour=0, minute=30)
        held = {str(row.business_date): row.reserved_cents for row in HeadroomDay.objects.all()}
        assert held == {"2026-03-02": 0, "2026-03-03": AMOUNT}

    def test_goes_to_another_funder_where_that_day_is_full(self, at: datetime) -> None:
        allocation = drawdowns.signed(at)
        tomorrow = at + timedelta(days=1)
        services.allocate(drawdown_id=drawdowns.routing(tomorrow), at=tomorrow)
        Programme.objects.filter(pk="HYF-D").update(cap_day_cents=AMOUNT)
        assert services.start_payout(drawdown_id=allocation.drawdown_id, at=tomorrow) is None
        allocation.refresh_from_db()
        assert (allocation.state, allocation.release_cause) == ("RELEASED", "no_headroom")
        assert Drawdown.objects.get(pk=allocation.drawdown_id).status == "ROUTING"
        services.allocate(drawdown_id=allocation.drawdown_id, at=tomorrow)
        assert Allocation.objects.latest("id").recipient == "QTX"


class TestSettlePayout:
    def test_paid_opens_the_loan_on_the_day_of_payment_and_commits_the_headroom(self, at: datetime) -> None:
        payout = ordered(at)
        assert settle(payout, PAID, at + timedelta(minutes=1)) == "applied"
        loan = Loan.objects.get(drawdown=payout.drawdown_id)
        assert (loan.principal_cents, loan.creditor, loan.value_date) == (AMOUNT, "HYF", at.date())
        assert (status(payout), payout.state, day()) == ("PAID", "PAID", (0, AMOUNT))
        assert Allocation.objects.get(pk=payout.allocation_id).state == "COMMITTED"
        assert Grant.objects.get(pk=loan.drawdown.grant_id).used_cents == AMOUNT

    @pytest.mark.parametrize("hours", [-100, 100])
    def test_a_channel_s_wrong_clock_moves_no_value_date(self, at: datetime, hours: int) -> None:
        payout = ordered(at)
        settle(payout, PaymentAnswer("succeeded", moved_cents=AMOUNT, completed_at=at + timedelta(hours=hours)), at)
        assert Loan.objects.get(drawdown=payout.drawdown_id).value_date == at.date()

    def test_the_card_s_fault_keeps_funder_and_money_until_another_card(self, at: datetime) -> None:
        payout = ordered(at)
        settle(payout, PaymentAnswer("failed", fault="card", code="card_closed"), at)
        assert (status(payout), payout.code, day()) == ("CARD_FIX", "card_closed", (AMOUNT, 0))
        with pytest.raises(CardNotUsable):
            services.start_payout(drawdown_id=payout.drawdown_id, at=at)
        drawdown = Drawdown.objects.get(pk=payout.drawdown_id)
        card_id = drawdowns.card(drawdown.user_id, at)
        by = f"user:{drawdown.user_id}"
        lending.fix_card(drawdown_id=drawdown.pk, card_id=card_id, by=by, at=at)
        with pytest.raises(CardNotUsable):  # back to the one that the bank refused
            flow.change_card(drawdown_id=drawdown.pk, card_id=payout.card_id, by=by, at=at)
        second = Payout.objects.get(pk=services.start_payout(drawdown_id=drawdown.pk, at=at))
        assert (second.card_id, second.allocation_id) == (card_id, payout.allocation_id)
        settle(second, PAID, at)
        assert (status(second), day()) == ("PAID", (0, AMOUNT))
        assert [view.state for view in queries.payouts_of(drawdown.pk)] == ["FAILED", "PAID"]

    def test_a_new_set_signed_with_the_refused_card_is_tried_again(self, at: datetime) -> None:
        payout = ordered(at)
        settle(payout, PaymentAnswer("failed", fault="card", code="card_closed"), at)
        lending.approval_ran_out(drawdown_id=payout.drawdown_id, at=at)
        second = services.allocate(drawdown_id=payout.drawdown_id, at=at)
        assert second
        services.settle_allocation(allocation_id=second, answer=FunderAnswer("accepted"), at=at)
        lending.signed(drawdown_id=payout.drawdown_id, contract_set_sha256=drawdowns.SET_SHA256, at=at)
        assert services.start_payout(drawdown_id=payout.drawdown_id, at=at) != payout.pk
        assert day() == (AMOUNT, 0)

    def test_the_funder_s_fault_releases_and_seeks_another_one(self, at: datetime) -> None:
        payout = ordered(at)
        settle(payout, PaymentAnswer("failed", fault="funder", code="payer_limit"), at)
        assert (status(payout), day()) == ("ROUTING", (0, 0))
        services.allocate(drawdown_id=payout.drawdown_id, at=at)
        assert Allocation.objects.latest("id").recipient == "QTX"

    def test_a_payout_that_failed_is_not_shown_as_a_refusal(self, at: datetime) -> None:
        payout = ordered(at, candidates=["HYF"])
        settle(payout, PaymentAnswer("failed", fault="funder", code="payer_limit"), at)
        services.allocate(drawdown_id=payout.drawdown_id, at=at)
        drawdown = Drawdown.objects.get(pk=payout.drawdown_id)
        assert (drawdown.status, drawdown.reasons) == ("NO_FUNDER", ["M04"])

    def test_returned_after_paid_gives_everything_back_once(self, at: datetime) -> None:
        payout = ordered(at)
        settle(payout, PAID, at)
        back = PaymentAnswer("returned", moved_cents=AMOUNT, code="account_returned")
        assert [settle(payout, back, at), settle(payout, back, at), settle(payout, PAID, at)] == [
            "applied",
            "late",
            "late",
        ]
        assert (status(payout), payout.state, day()) == ("RETURNED", "RETURNED", (0, 0))
        assert Loan.objects.get(drawdown=payout.drawdown_id).status == "CANCELLED"
        assert not services.release(drawdown_id=payout.drawdown_id, at=at)  # flow's step of RETURNED finds nothing held

    def test_returned_that_overtakes_paid_opens_and_cancels_the_loan(self, at: datetime) -> None:
        payout = ordered(at)
        settle(payout, PaymentAnswer("returned", moved_cents=AMOUNT), at)
        assert (status(payout), day()) == ("RETURNED", (0, 0))
        assert Loan.objects.get(drawdown=payout.drawdown_id).status == "CANCELLED"

    def test_another_amount_than_ordered_books_nothing_and_tells_people(self, at: datetime) -> None:
        payout = ordered(at)
        settle(payout, PaymentAnswer("succeeded", moved_cents=AMOUNT - 1), at)
        assert (payout.state, status(payout)) == ("UNKNOWN", "DISBURSING")
        assert Notice.objects.get(kind="payout_amount").severity == "critical"
        assert settle(payout, PAID, at) == "applied"

    def test_paid_after_a_final_failure_is_recorded_and_alarmed_but_changes_nothing(self, at: datetime) -> None:
        payout = ordered(at)
        settle(payout, PaymentAnswer("failed", fault="card", code="card_closed"), at)
        assert settle(payout, PAID, at) == "late"
        assert (payout.state, status(payout)) == ("FAILED", "CARD_FIX")
        assert Notice.objects.filter(kind="payout_contradiction").exists()

    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(news=st.lists(st.sampled_from(["processing", "succeeded", "absent", "returned"]), min_size=1, max_size=6))
    def test_any_order_and_repetition_of_news_pays_at_most_once(
        self, at: datetime, order: Payout, news: list[str]
    ) -> None:
        with transaction.atomic():
            payout = Payout.objects.get(pk=order.pk)
            for word in news:
                settle(payout, PaymentAnswer(word, moved_cents=AMOUNT), at)  # type: ignore[arg-type]
            loans = Loan.objects.filter(drawdown=payout.drawdown_id)
            if "returned" in news:
                assert (status(payout), loans.get().status, day()) == ("RETURNED", "CANCELLED", (0, 0))
            elif "succeeded" in news:
                assert (status(payout), loans.get().status, day()) == ("PAID", "ACTIVE", (0, AMOUNT))
            else:
                assert (status(payout), loans.count(), day()) == ("DISBURSING", 0, (AMOUNT, 0))
            transaction.set_rollback(True)


@pytest.fixture
def order(at: datetime) -> Payout:
    return ordered(at)


class TestDatabase:
    def copy(self, payout: Payout, **change: Any) -> Payout:
        fields = [f for f in Payout._meta.concrete_fields if not f.primary_key]
        return Payout(**{f.attname: getattr(payout, f.attname) for f in fields} | {"key": "second"} | change)

    def test_refuses_a_second_payout_until_the_first_has_failed(self, order: Payout) -> None:
        for state in ("DUE", "SENT", "UNKNOWN"):
            Payout.objects.filter(pk=order.pk).update(state=state)
            with pytest.raises(IntegrityError, match="one_payout_not_failed"), transaction.atomic():
                self.copy(order, state="DUE").save()

    def test_refuses_another_amount(self, order: Payout) -> None:
        with pytest.raises(IntegrityError, match="payout_not_the_principal"), transaction.atomic():
            self.copy(order, amount_cents=AMOUNT - 1).save()

    def test_refuses_a_payout_without_contracts(self, at: datetime) -> None:
        allocation = drawdowns.signing(at)
        drawdown = Drawdown.objects.get(pk=allocation.drawdown_id)
        with pytest.raises(IntegrityError, match="payout_without_contracts"), transaction.atomic():
            Payout.objects.create(
                key="early",
                drawdown=drawdown,
                allocation=allocation,
                card_id=drawdown.card_id,
                amount_cents=AMOUNT,
                provider="payment-v1",
                created_at=at,
            )

    def test_refuses_a_payout_without_a_live_reservation(self, at: datetime, order: Payout) -> None:
        settle(order, PaymentAnswer("failed", fault="funder", code="payer_limit"), at)
        Drawdown.objects.filter(pk=order.drawdown_id).update(contract_set_sha256=drawdowns.SET_SHA256)
        with pytest.raises(IntegrityError, match="payout_without_reservation"), transaction.atomic():
            self.copy(order, state="DUE", fault="").save()

    def test_refuses_to_edit_an_order_and_to_reopen_a_final_one(self, at: datetime, order: Payout) -> None:
        with pytest.raises(IntegrityError, match="never edited"), transaction.atomic():
            Payout.objects.filter(pk=order.pk).update(amount_cents=1)
        settle(order, PAID, at)
        with pytest.raises(IntegrityError, match="stays so"), transaction.atomic():
            Payout.objects.filter(pk=order.pk).update(state="DUE")


class TestHandleCallback:
    def call(self, payout: Payout, event_id: str, status: str, at: datetime, **more: Any) -> str:
        data = {"key": payout.key, "kind": "payout", "status": status, "amount_cents": AMOUNT} | more
        payload = {"event_id": event_id, "type": f"payout.{status}", "data": data}
        return services.handle_callback(provider="payment", event_id=event_id, payload=payload, at=at)

    def test_the_same_event_twice_is_handled_once(self, at: datetime, order: Payout) -> None:
        assert [self.call(order, "e1", "succeeded", at) for _ in range(2)] == ["applied", "duplicate"]
        assert (CallbackEvent.objects.count(), Loan.objects.count()) == (1, 1)

    def test_news_that_is_old_is_recorded_and_changes_nothing(self, at: datetime, order: Payout) -> None:
        self.call(order, "e1", "succeeded", at)
        assert self.call(order, "e2", "failed", at, fault="card") == "late"
        assert self.call(order, "e3", "processing", at) == "late"
        assert status(order) == "PAID"

    def test_unreadable_or_unknown_ones_are_kept_for_people(self, at: datetime, order: Payout) -> None:
        assert self.call(order, "e1", "exploded", at) == "ignored"
        assert self.call(order, "e2", "succeeded", at, amount_cents="much") == "ignored"
        assert self.call(order, "e3", "succeeded", at, key="payout-nobody") == "unknown_key"
        assert CallbackEvent.objects.get(event_id="e1").payload["data"]["status"] == "exploded"
        assert status(order) == "DISBURSING"


class TestErase:
    def test_what_the_other_side_wrote_goes_and_what_came_of_it_stays(self, at: datetime) -> None:
        payout = ordered(at)
        settle(payout, PaymentAnswer("succeeded", moved_cents=AMOUNT, reference="R1", raw={"payee": "王建国"}), at)
        facts = {"provider": "channel", "type": "payout.paid", "payload": {"payee": "王建国"}, "received_at": at}
        CallbackEvent.objects.create(event_id="own", key=payout.key, **facts)
        CallbackEvent.objects.create(event_id="another's", key="payout-of-somebody", **facts)
        services.erase(user_id=payout.allocation.user_id)
        payout.refresh_from_db()
        assert (payout.answer, payout.reference, payout.state) == (None, "R1", "PAID")
        assert {row.event_id: row.payload for row in CallbackEvent.objects.all()} == {
            "own": {},
            "another's": {"payee": "王建国"},
        }
        assert {row.answer is None for row in Allocation.objects.all()} == {True}
