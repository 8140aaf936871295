"""Closing the days: every accruing loan through yesterday, once, and whatever was missed on the way."""

from datetime import date, datetime, timedelta

import pytest

from lending.common import clock
from lending.models import Journal, Loan
from lending.services import day_close, loans, repayments
from tests.factories import loans as factory
from tests.factories.loans import Taker, check_books
from users import queries

DAY = timedelta(days=1)


@pytest.fixture
def pair(at: datetime, who: Taker, grant_id: int) -> tuple[Loan, Loan]:
    return (
        factory.paid_out(at, who, grant_id),
        factory.paid_out(at, who, grant_id, method="equal_principal", months=6, funder="HYF"),
    )


def level(who: Taker) -> str:
    return queries.level(who.user_id).code


class TestLevels:
    def test_fall_with_the_day_somebody_is_late_and_rise_when_that_is_long_ago(
        self, at: datetime, who: Taker, pair: tuple[Loan, Loan]
    ) -> None:
        loan, settled = pair
        repayments.post(loan_id=settled.pk, amount_cents=1_000_000, received_at=at, key="all", at=at)
        assert level(who) == "V3"  # one loan settled, never late
        due = loan.instalments.earliest("number").due_date
        at_due = at.replace(year=due.year, month=due.month, day=due.day)
        day_close.close(at=at_due + 4 * DAY)
        assert level(who) == "V3"  # three days late
        day_close.close(at=at_due + 5 * DAY)
        assert level(who) == "V2"  # what was paid on time remains
        day_close.close(at=at_due + 5 * DAY)
        assert [(row.before.code, row.level.code) for row in queries.level_changes(who.user_id)] == [
            ("V3", "V2"),
            ("V1", "V3"),
        ]
        loan.refresh_from_db()
        paid_at = at_due + 5 * DAY
        lines = list(loan.instalments.order_by("number"))
        owed = repayments.settlement(loan, lines, clock.business_date(paid_at)).total_cents
        repayments.post(loan_id=loan.pk, amount_cents=owed, received_at=paid_at, key="rest", at=paid_at)
        day_close.close(at=paid_at + 360 * DAY)
        assert level(who) == "V2"
        day_close.close(at=paid_at + 361 * DAY)
        assert level(who) == "V3"  # being late counts for twelve months


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
