"""At 61 days past due the guarantor pays the creditor, once, and holds the claim; what it stood for is free again."""

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from funding import queries, services
from funding.models import Claim, Collection, HeadroomBorrower, HeadroomDay, HeadroomGuarantor, HeadroomTotal
from funding.providers.base import PaymentAnswer
from lending.models import Entry, Loan
from lending.services import day_close, loans
from tests.factories import drawdowns
from tests.factories.loans import books
from users.models import Message


def paid_out(at: datetime, funder: str) -> Loan:
    allocation = drawdowns.signed(at, candidates=[funder])
    payout_id = services.start_payout(drawdown_id=allocation.drawdown_id, at=at)
    assert payout_id
    services.settle_payout(payout_id=payout_id, answer=PaymentAnswer("succeeded", moved_cents=1_000_000), at=at)
    return Loan.objects.get(drawdown=allocation.drawdown_id)


def closed(loan: Loan, at: datetime, dpd: int) -> datetime:
    """The morning after the day close at which the loan is `dpd` days past due."""
    first = loan.instalments.order_by("number")[0].due_date
    now = at + (first + timedelta(days=dpd + 1) - at.date())
    loans.accrue(loan_id=loan.pk, as_of=first + timedelta(days=dpd), at=now)
    loan.refresh_from_db()
    assert loan.dpd == dpd
    return now


@pytest.fixture
def loan(at: datetime) -> Loan:
    return paid_out(at, "LJB")


class TestCompensate:
    def test_pays_what_the_creditor_s_book_says_and_takes_the_claim_over(self, at: datetime, loan: Loan) -> None:
        now = closed(loan, at, 61)
        owed = {kind: cents for kind, cents in books(loan).items() if kind in loans.CLAIM_ACCOUNTS}
        claim_id = services.compensate(loan_id=loan.pk, at=now)
        claim = Claim.objects.get(pk=claim_id)
        assert (claim.guarantor_id, claim.creditor, claim.dpd, claim.business_date) == ("AHG", "LJB", 61, now.date())
        assert claim.principal_cents == owed["loan_principal"] == 1_000_000
        assert claim.guarantee_fee_cents == owed["guarantee_fee_receivable"] > 0
        assert claim.amount_cents == sum(owed.values())
        loan.refresh_from_db()
        assert (loan.status, loan.creditor, loan.book) == ("COMPENSATED", "AHG", "AHG")
        of_the_bank = Entry.objects.filter(journal__loan=loan, account__book="LJB", account__kind="loan_principal")
        assert sum(entry.amount_cents for entry in of_the_bank) == 0
        view = queries.claim_of(loan.pk)
        assert view
        assert (view.guarantor_code, view.creditor, view.amount_cents) == ("AHG", "LJB", claim.amount_cents)
        assert Message.objects.filter(user_id=loan.user_id, template="loan_compensated").count() == 1

    def test_frees_what_the_bank_and_the_guarantor_had_in_use(self, at: datetime, loan: Loan) -> None:
        kinds = (HeadroomTotal, HeadroomBorrower, HeadroomGuarantor)
        assert [kind.objects.get().committed_cents for kind in kinds] == [1_000_000] * 3
        services.compensate(loan_id=loan.pk, at=closed(loan, at, 61))
        assert [kind.objects.get().committed_cents for kind in kinds] == [0] * 3
        assert HeadroomDay.objects.get().committed_cents == 1_000_000

    def test_happens_once_and_only_when_it_is_due(self, at: datetime, loan: Loan) -> None:
        early = closed(loan, at, 60)
        assert services.compensate(loan_id=loan.pk, at=early) is None
        assert services.run_due(now=early) == 0
        now = closed(loan, at, 61)
        assert services.compensate(loan_id=loan.pk, at=now)
        assert services.compensate(loan_id=loan.pk, at=now) is None
        assert Claim.objects.count() == 1

    def test_nobody_pays_for_a_loan_that_nobody_guarantees(self, at: datetime) -> None:
        alone = paid_out(at, "HYF")
        assert services.compensate(loan_id=alone.pk, at=closed(alone, at, 90)) is None
        alone.refresh_from_db()
        assert alone.status == "OVERDUE"

    def test_waits_for_a_debit_that_may_cure_it(self, at: datetime, loan: Loan) -> None:
        now = closed(loan, at, 61)
        pk = services.start_collection(loan_id=loan.pk, amount_cents=100, key="k", by="system", at=now)
        assert services.compensate(loan_id=loan.pk, at=now) is None
        services.settle_collection(collection_id=pk, answer=PaymentAnswer("failed", code="x"), at=now)
        assert services.compensate(loan_id=loan.pk, at=now)
        assert Collection.objects.get().state == "FAILED"

    def test_database_keeps_a_claim_as_it_was(self, at: datetime, loan: Loan) -> None:
        services.compensate(loan_id=loan.pk, at=closed(loan, at, 61))
        for act in (lambda: Claim.objects.update(dpd=1), lambda: Claim.objects.all().delete()):
            with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
                act()


@pytest.mark.django_db(transaction=True)
def test_the_day_close_and_the_next_sweep_bring_it_about(at: datetime) -> None:
    with transaction.atomic():
        loan = paid_out(at, "LJB")
    first = loan.instalments.order_by("number")[0].due_date
    morning = at + (first + timedelta(days=62) - at.date())
    day_close.close(at=morning)
    assert services.run_due(now=morning) == 1
    assert services.run_due(now=morning) == 0
    loan.refresh_from_db()
    assert (loan.status, Claim.objects.get().dpd) == ("COMPENSATED", 61)
