"""Closing the days: every accruing loan through yesterday, once, and whatever was missed on the way."""

from datetime import date, datetime, timedelta

import pytest

from lending.models import Journal, Loan
from lending.services import day_close, loans, repayments
from tests.factories import loans as factory
from tests.factories.loans import Taker, check_books

DAY = timedelta(days=1)


@pytest.fixture
def pair(at: datetime, who: Taker, grant_id: int) -> tuple[Loan, Loan]:
    return (
        factory.paid_out(at, who, grant_id),
        factory.paid_out(at, who, grant_id, method="equal_principal", months=6, funder="HYF"),
    )


class TestClose:
    def test_closes_yesterday_for_every_loan_and_twice_is_once(self, at: datetime, pair: tuple[Loan, Loan]) -> None:
        assert day_close.close(at=at) == 0
        assert day_close.close(at=at + DAY) == 0  # the value date itself earns nothing
        assert day_close.close(at=at + 2 * DAY) == 2
        journals = Journal.objects.count()
        assert day_close.close(at=at + 2 * DAY + timedelta(hours=13)) == 0
        assert Journal.objects.count() == journals == 4
        for loan in pair:
            check_books(loan)
            assert loan.accrued_through == date(2026, 3, 3)

    def test_the_day_is_the_market_s(self, at: datetime, pair: tuple[Loan, Loan]) -> None:
        midnight = at.replace(hour=0, minute=0) + 2 * DAY
        assert day_close.close(at=midnight - timedelta(seconds=1)) == 0
        assert day_close.close(at=midnight) == 2

    def test_makes_up_for_days_that_were_missed(self, at: datetime, pair: tuple[Loan, Loan]) -> None:
        loans.accrue(loan_id=pair[0].pk, as_of=date(2026, 4, 1), at=at + 31 * DAY)  # stopped after the first loan
        assert day_close.close(at=at + 31 * DAY) == 1
        assert day_close.close(at=at + 40 * DAY) == 2
        for loan in pair:
            check_books(loan)
            assert (loan.status, loan.dpd, loan.accrued_through) == ("OVERDUE", 8, date(2026, 4, 10))

    def test_leaves_what_earns_nothing_alone(self, at: datetime, pair: tuple[Loan, Loan]) -> None:
        repayments.post(loan_id=pair[0].pk, amount_cents=1_000_000, received_at=at, key="all", at=at)
        assert day_close.close(at=at + 200 * DAY) == 1
        loans.write_off(loan_id=pair[1].pk, by="staff:1", at=at + 200 * DAY)
        assert day_close.close(at=at + 300 * DAY) == 0
