"""The file of a lender's day, and what its guarantor keeps with it."""

import csv
import io
from datetime import date, datetime, timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.urls import reverse

from funding import services
from funding.queries import clearing
from funding.queries.clearing import Deposit
from lending.common.errors import DomainError
from lending.services import loans, repayments
from tests.conftest import Clock
from tests.unit.funding.test_settlement import A_DAY, at_ten, paid_out, pay

FILE = "admin:funding_clearing"


class TestClearing:
    def test_has_each_lender_s_money_of_the_day_by_part(self, at: datetime) -> None:
        ljb, hyf, own = (paid_out(at, funder) for funder in ("LJB", "HYF", "QTX"))
        day = ljb.instalments.get(number=1).due_date
        for loan in (ljb, hyf, own):
            pay(loan, 1, day)
        pay(ljb, 2, day + A_DAY)
        [line] = clearing.clearing_of("LJB", day, at=at_ten(day + A_DAY))
        first = ljb.instalments.get(number=1)
        parts = (line.principal_cents, line.interest_cents, line.guarantee_fee_cents, line.penalty_cents)
        assert parts == (first.principal_cents, first.interest_cents, first.guarantee_fee_cents, 0)
        assert (line.loan_id, line.kind, line.amount_cents) == (ljb.public_id, "repayment", sum(parts))
        [summed, other] = [row for row in clearing.cleared_days(at_ten(day + A_DAY), days=7) if row.on_date == day]
        assert {summed.lender_code, other.lender_code} == {"LJB", "HYF"}
        assert clearing.lenders() == ("HYF", "LJB")
        assert [row.on_date for row in clearing.cleared_days(at_ten(day + 2 * A_DAY), days=1)] == [day + A_DAY]

    def test_has_a_claim_and_nothing_that_the_guarantor_collects_after_it(self, at: datetime) -> None:
        loan = paid_out(at, "LJB")
        due = loan.instalments.order_by("number")[0].due_date
        now = at_ten(due + 62 * A_DAY)
        loans.accrue(loan_id=loan.pk, as_of=due + 61 * A_DAY, at=now)
        services.compensate(loan_id=loan.pk, at=now)
        repayments.post(loan_id=loan.pk, amount_cents=100_000, received_at=now + A_DAY, key="late", at=now + A_DAY)
        [claim] = clearing.clearing_of("LJB", now.date(), at=now + A_DAY)
        assert (claim.kind, claim.principal_cents) == ("claim", 1_000_000)
        assert clearing.clearing_of("LJB", (now + A_DAY).date(), at=now + 2 * A_DAY) == ()

    def test_is_final_five_minutes_after_the_day(self, at: datetime) -> None:
        midnight = datetime.combine(at + A_DAY, datetime.min.time(), tzinfo=at.tzinfo)
        for minutes, refused in ((4, True), (6, False)):
            now = midnight + timedelta(minutes=minutes)
            if refused:
                with pytest.raises(clearing.DayNotOver):
                    clearing.clearing_of("LJB", at.date(), at=now)
            else:
                assert clearing.clearing_of("LJB", at.date(), at=now) == ()

    @pytest.mark.parametrize(("lender", "day"), [("QTX", date(2026, 3, 1)), ("", date(2026, 3, 1)), ("LJB", date.min)])
    def test_refuses_by_name(self, at: datetime, lender: str, day: date) -> None:
        with pytest.raises(DomainError, match=r"lender|before"):
            clearing.clearing_of(lender, day, at=at)


def test_the_deposit_is_a_share_of_what_is_owed_to_the_lender(at: datetime) -> None:
    assert [(row.balance_cents, row.cents) for row in clearing.deposits()] == [(0, 0)]
    loan = paid_out(at, "LJB")
    paid_out(at, "HYF")
    first = pay(loan, 1, loan.instalments.get(number=1).due_date)
    [row] = clearing.deposits()
    owed = 1_000_000 - first.principal_cents
    assert row == Deposit("LJB-G", "LJB", "AHG", "CNY", owed, row.rate, round(owed * 5 / 100))


class TestFile:
    @pytest.fixture
    def desk(self, at: datetime, clock: Clock) -> Client:
        client = Client()
        staff = get_user_model().objects.create_superuser("viewer", password="long enough to be one", created_at=at)
        client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
        return client

    def test_sums_what_it_lists(self, desk: Client, at: datetime, clock: Clock) -> None:
        loan = paid_out(at, "LJB")
        day = loan.instalments.get(number=1).due_date
        pay(loan, 1, day)
        clock.set(at_ten(day + A_DAY))
        page = desk.get(reverse("admin:funding_funderstatement_changelist")).content.decode()
        assert f"?lender=LJB&amp;day={day}" in page
        answer = desk.get(reverse(FILE), {"lender": "LJB", "day": day.isoformat()})
        assert answer["Content-Disposition"] == f'attachment; filename="clearing-LJB-{day}.csv"'
        rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
        assert [row["Day"] for row in rows] == [day.isoformat(), "Total"]
        assert rows[0]["Amount"] == rows[1]["Amount"] != ""

    @pytest.mark.parametrize("day", ["", "yesterday", "2026-03-02", "2999-01-01", "0001-01-01", "9999-12-31"])
    def test_is_refused_with_a_sentence(self, desk: Client, at: datetime, day: str) -> None:
        answer = desk.get(reverse(FILE), {"lender": "LJB", "day": day}, follow=True)
        assert answer.redirect_chain
        assert "No file of" in answer.content.decode()

    def test_is_for_who_may_see_statements(self, at: datetime) -> None:
        client = Client()
        staff = get_user_model().objects.create_user("nobody", "long enough to be one", created_at=at)
        client.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")
        answer = client.get(reverse(FILE), {"lender": "LJB", "day": "2026-03-01"})
        assert answer.status_code == 403
