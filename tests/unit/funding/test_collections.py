"""A card is debited once per key, one debit of a loan at a time; what came is posted, not what was asked."""

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from funding import queries, services
from funding.models import Collection, HeadroomBorrower, HeadroomDay, HeadroomTotal
from funding.providers.base import PaymentAnswer
from funding.services.collections import CollectionOpen, KeyReused, LoanClosed, NothingToCollect
from lending.common.errors import NotFound
from lending.models import Loan, Repayment
from lending.services import repayments
from tests.factories import drawdowns

AMOUNT = 50_000


@pytest.fixture
def loan(at: datetime) -> Loan:
    allocation = drawdowns.signed(at)
    payout_id = services.start_payout(drawdown_id=allocation.drawdown_id, at=at)
    assert payout_id
    services.settle_payout(payout_id=payout_id, answer=PaymentAnswer("succeeded", moved_cents=1_000_000), at=at)
    return Loan.objects.get(drawdown=allocation.drawdown_id)


def start(loan: Loan, at: datetime, key: str = "k1", amount_cents: int = AMOUNT, **more: object) -> int:
    return services.start_collection(
        loan_id=loan.pk,
        amount_cents=amount_cents,
        key=key,
        by=f"user:{loan.user_id}",
        at=at,
        **more,  # type: ignore[arg-type]
    )


class TestStartCollection:
    def test_orders_a_debit_of_the_card_the_loan_was_paid_to(self, at: datetime, loan: Loan) -> None:
        row = Collection.objects.get(pk=start(loan, at))
        assert (row.card_id, row.amount_cents, row.state) == (loan.drawdown.card_id, AMOUNT, "DUE")
        assert queries.collection(row.public_id).state == "DUE"

    def test_the_same_key_is_the_same_debit_and_nothing_else(self, at: datetime, loan: Loan) -> None:
        first = start(loan, at)
        assert start(loan, at) == first
        with pytest.raises(KeyReused):
            start(loan, at, amount_cents=AMOUNT + 1)
        with pytest.raises(IntegrityError, match="one_collection_per_request"), transaction.atomic():
            Collection.objects.create(
                key="k9",
                request_key="k1",
                loan=loan,
                card_id=loan.drawdown.card_id,
                amount_cents=AMOUNT,
                provider="payment-v1",
                by="system",
                state="FAILED",
                created_at=at,
            )

    def test_one_at_a_time(self, at: datetime, loan: Loan) -> None:
        row = Collection.objects.get(pk=start(loan, at))
        with pytest.raises(CollectionOpen):
            start(loan, at, key="k2")
        fields = [f for f in Collection._meta.concrete_fields if not f.primary_key]
        again = {f.attname: getattr(row, f.attname) for f in fields} | {
            "key": "k3",
            "request_key": "k3",
            "public_id": "0" * 32,
        }
        with pytest.raises(IntegrityError, match="one_open_collection"), transaction.atomic():
            Collection.objects.create(**again)

    def test_refuses_another_s_card_nothing_and_a_closed_loan(self, at: datetime, loan: Loan) -> None:
        other = drawdowns.asking(at)
        with pytest.raises(NotFound):
            start(loan, at, card_id=other.drawdown.card_id)
        with pytest.raises(NothingToCollect):
            start(loan, at, amount_cents=0)
        collection_id = start(loan, at, amount_cents=1_000_000)
        services.settle_collection(
            collection_id=collection_id, answer=PaymentAnswer("succeeded", moved_cents=1_000_000), at=at
        )
        loan.refresh_from_db()
        assert loan.status == "SETTLED"
        with pytest.raises(LoanClosed):
            start(loan, at, key="k2")


class TestSettleCollection:
    def settle(self, collection_id: int, answer: PaymentAnswer, at: datetime) -> str:
        return services.settle_collection(collection_id=collection_id, answer=answer, at=at)

    def test_posts_what_came_once(self, at: datetime, loan: Loan) -> None:
        collection_id = start(loan, at)
        came = PaymentAnswer("succeeded", moved_cents=AMOUNT)
        assert [self.settle(collection_id, came, at) for _ in range(2)] == ["applied", "late"]
        repayment = Repayment.objects.get()
        row = Collection.objects.get()
        assert (repayment.amount_cents, repayment.key, row.repayment_id) == (AMOUNT, row.key, repayment.pk)

    def test_gives_the_funder_s_outstanding_back_what_was_repaid(self, at: datetime, loan: Loan) -> None:
        def owed() -> tuple[int, int]:
            total, borrower = HeadroomTotal.objects.get(), HeadroomBorrower.objects.get(user=loan.user_id)
            assert total.committed_cents == borrower.committed_cents
            return total.committed_cents, sum(line.open_principal_cents for line in loan.instalments.all())

        assert owed() == (1_000_000, 1_000_000)
        self.settle(start(loan, at), PaymentAnswer("succeeded", moved_cents=AMOUNT), at)
        held, open_cents = owed()
        assert held == open_cents < 1_000_000
        rest = repayments.settlement(loan, list(loan.instalments.order_by("number")), at.date()).total_cents
        self.settle(start(loan, at, key="k2", amount_cents=rest), PaymentAnswer("succeeded", moved_cents=rest), at)
        assert owed() == (0, 0)
        day = HeadroomDay.objects.get()
        assert (day.reserved_cents, day.committed_cents) == (0, 1_000_000)  # what went out that day stays gone

    def test_gives_all_of_it_back_with_the_loan_that_is_given_back(self, at: datetime, loan: Loan) -> None:
        repayments.request_withdrawal(loan_id=loan.pk, by=f"user:{loan.user_id}", at=at)
        all_of_it = PaymentAnswer("succeeded", moved_cents=1_000_000)
        self.settle(start(loan, at, amount_cents=1_000_000), all_of_it, at)
        loan.refresh_from_db()
        assert (loan.status, HeadroomTotal.objects.get().used_cents) == ("CANCELLED", 0)

    def test_a_part_posts_the_part_only_where_it_was_allowed(self, at: datetime, loan: Loan) -> None:
        part = PaymentAnswer("succeeded", moved_cents=AMOUNT // 2, code="insufficient_funds")
        collection_id = start(loan, at)
        self.settle(collection_id, part, at)
        assert (Collection.objects.get().state, Repayment.objects.count()) == ("UNKNOWN", 0)
        self.settle(collection_id, PaymentAnswer("failed", code="insufficient_funds"), at)
        allowed = start(loan, at, key="k2", allow_partial=True)
        self.settle(allowed, part, at)
        assert Repayment.objects.get().amount_cents == AMOUNT // 2

    def test_a_failure_posts_nothing_and_lets_the_borrower_try_again(self, at: datetime, loan: Loan) -> None:
        collection_id = start(loan, at)
        self.settle(collection_id, PaymentAnswer("failed", code="insufficient_funds"), at)
        view = queries.collections_of(loan.pk)[0]
        assert (view.state, view.code, view.collected_cents) == ("FAILED", "insufficient_funds", 0)
        assert start(loan, at, key="k2") != collection_id
        assert not Repayment.objects.exists()

    def test_money_counts_from_when_it_came_not_before_it_was_asked(self, at: datetime, loan: Loan) -> None:
        collection_id = start(loan, at)
        early = PaymentAnswer("succeeded", moved_cents=AMOUNT, completed_at=at - timedelta(days=9))
        self.settle(collection_id, early, at + timedelta(minutes=5))
        assert Repayment.objects.get().received_at == at
