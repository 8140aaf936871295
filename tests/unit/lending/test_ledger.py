"""Only balanced journals are posted, once per key; a correction is the opposite of what was posted, once."""

from datetime import datetime

import pytest

from lending.models import Account, Journal, Loan
from lending.services import ledger
from lending.services.ledger import AlreadyReversed
from tests.factories import loans as factory
from tests.factories.loans import Taker, books


@pytest.fixture
def loan(at: datetime, who: Taker, grant_id: int) -> Loan:
    return factory.paid_out(at, who, grant_id)


def post(loan: Loan, at: datetime, key: str = "k", **legs: int) -> Journal:
    return ledger.post(key=key, kind="test", loan=loan, legs=legs, business_date=at.date(), at=at)


class TestPost:
    def test_books_the_legs_in_the_loan_s_book_and_leaves_out_zeros(self, at: datetime, loan: Loan) -> None:
        journal = post(loan, at, cash_in_transit=70, interest_income=-70, penalty_income=0)
        legs = {entry.account.kind: (entry.account.book, entry.amount_cents) for entry in journal.entries.all()}
        assert legs == {"cash_in_transit": ("own", 70), "interest_income": ("own", -70)}

    @pytest.mark.parametrize("legs", [{}, {"cash_in_transit": 0}, {"cash_in_transit": 5, "interest_income": -4}])
    def test_refuses_what_does_not_balance(self, at: datetime, loan: Loan, legs: dict[str, int]) -> None:
        with pytest.raises(ValueError, match="does not balance"):
            post(loan, at, **legs)
        assert loan.journals.count() == 1

    def test_the_same_key_is_the_same_journal(self, at: datetime, loan: Loan) -> None:
        first = post(loan, at, cash_in_transit=70, interest_income=-70)
        assert post(loan, at, cash_in_transit=9, interest_income=-9) == first
        assert books(loan)["interest_income"] == -70

    def test_has_one_account_per_kind_and_book(self, at: datetime, who: Taker, grant_id: int, loan: Loan) -> None:
        factory.paid_out(at, who, grant_id)
        factory.paid_out(at, who, grant_id, funder="HYF")
        assert sorted(Account.objects.filter(kind="loan_principal").values_list("book", flat=True)) == ["HYF", "own"]


class TestReverse:
    def test_posts_the_opposite_once(self, at: datetime, loan: Loan) -> None:
        payout = loan.journals.get()
        back = ledger.reverse(journal=payout, key="back", business_date=at.date(), at=at)
        assert (back.kind, back.reverses, books(loan)) == ("payout_reversal", payout, {})
        assert ledger.reverse(journal=payout, key="back", business_date=at.date(), at=at) == back
        with pytest.raises(AlreadyReversed):
            ledger.reverse(journal=payout, key="again", business_date=at.date(), at=at)
        assert loan.journals.count() == 2
