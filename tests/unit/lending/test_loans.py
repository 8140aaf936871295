"""A loan's life in money: whatever comes in whatever order, the books say what the instalments say."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lending import queries
from lending.common.clock import business_date
from lending.models import Drawdown, Grant, Journal, Loan, Repayment
from lending.models import LoanStatus as L
from lending.rules.accrual import CoolingOffOver
from lending.services import drawdowns, grants, loans, repayments
from lending.services.loans import WrongState
from lending.services.repayments import NotOwed, WithdrawalClosed
from tests.factories import loans as factory
from tests.factories.loans import Taker, books, check_books
from tests.factories.staff import officer
from users.models import Notice

ORDINARY = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside is rolled back, so that every example starts from the same rows."""
    savepoint = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(savepoint)


def on(at: datetime, day: date) -> datetime:
    """The same time of day on `day`."""
    return at + (day - business_date(at))


def lines(loan: Loan) -> list[Any]:
    return list(loan.instalments.order_by("number"))


def pay(loan: Loan, amount_cents: int, at: datetime, key: str = "", received_at: datetime | None = None) -> Repayment:
    pk = repayments.post(
        loan_id=loan.pk,
        amount_cents=amount_cents,
        received_at=received_at or at,
        key=key or f"k-{loan.pk}-{loan.repayments.count()}",
        at=at,
    )
    loan.refresh_from_db()
    return Repayment.objects.get(pk=pk)


def accrue(loan: Loan, day: date, at: datetime) -> None:
    loans.accrue(loan_id=loan.pk, as_of=day, at=on(at, day))
    loan.refresh_from_db()


def to_settle(loan: Loan, day: date) -> int:
    return repayments.settlement(loan, lines(loan), day).total_cents


@pytest.fixture
def loan(at: datetime, who: Taker, grant_id: int) -> Loan:
    """10,000 yuan in the own book, twelve equal instalments."""
    return factory.paid_out(at, who, grant_id)


@pytest.fixture
def first_due(loan: Loan) -> date:
    due: date = lines(loan)[0].due_date
    return due


class TestOpen:
    def test_starts_on_the_day_the_money_went_out(self, at: datetime, who: Taker, grant_id: int) -> None:
        drawdown_id = factory.requested(at, who, grant_id)
        factory.disbursing(at, drawdown_id)
        late = at + timedelta(days=2)
        loan = Loan.objects.get(pk=drawdowns.paid(drawdown_id=drawdown_id, paid_at=at + timedelta(hours=15), at=late))
        assert loan.value_date == business_date(at) + timedelta(days=1)
        assert [line.due_date.day for line in lines(loan)] == [3] * 12
        assert [(row.creditor, row.from_date) for row in loan.creditors.all()] == [("QTX", loan.value_date)]

    def test_own_money_comes_from_our_cash_a_funder_s_is_owed_to_it(
        self, at: datetime, who: Taker, grant_id: int, loan: Loan
    ) -> None:
        assert books(loan) == {"loan_principal": 1_000_000, "cash_in_transit": -1_000_000}
        mirrored = factory.paid_out(at, who, grant_id, funder="HYF")
        assert (mirrored.creditor, mirrored.book) == ("HYF", "HYF")
        assert books(mirrored) == {"loan_principal": 1_000_000, "funder_payable": -1_000_000}
        assert set(mirrored.journals.values_list("entries__account__book", flat=True)) == {"HYF"}

    def test_paid_twice_is_one_loan(self, at: datetime, loan: Loan) -> None:
        assert drawdowns.paid(drawdown_id=loan.drawdown_id, paid_at=at, at=at) == loan.pk
        grant = Grant.objects.get(pk=loan.drawdown.grant_id)
        assert (grant.used_cents, grant.pending_cents) == (1_000_000, 0)
        assert loan.journals.count() == 1

    def test_money_that_is_out_becomes_a_loan_even_where_the_payout_day_costs_too_much(
        self, at: datetime, who: Taker, grant_id: int
    ) -> None:
        drawdown_id = factory.requested(at, who, grant_id)
        factory.disbursing(at, drawdown_id)
        drawdown = Drawdown.objects.get(pk=drawdown_id)
        drawdown.ceiling_xirr = Decimal("0.1531")  # as dear as the day of the contract, rounded up
        drawdown.save(update_fields=["ceiling_xirr"])
        paid_at = on(at, date(2027, 1, 31))
        loan = Loan.objects.get(pk=drawdowns.paid(drawdown_id=drawdown_id, paid_at=paid_at, at=paid_at))
        assert loan.xirr > drawdown.ceiling_xirr
        assert Notice.objects.get(kind="above_ceiling").subject == f"loan:{loan.pk}"


class TestGuarantee:
    """The customer's price stays: what the guarantor gets of it is no longer the creditor's."""

    RATE = Decimal("0.0480")  # a third of grade B's price

    @pytest.fixture
    def pair(self, at: datetime, who: Taker, grant_id: int) -> tuple[Loan, Loan]:
        """The same loan without and with a guarantor who is paid."""
        plain = factory.paid_out(at, who, grant_id, funder="HYF")
        return plain, factory.paid_out(at, who, grant_id, funder="HYF", guarantee_rate=self.RATE)

    def test_shares_the_same_plan_to_the_cent(self, pair: tuple[Loan, Loan]) -> None:
        plain, shared = pair
        assert (shared.annual_rate, shared.overdue_rate, shared.irr12, shared.xirr) == (
            plain.annual_rate, plain.overdue_rate, plain.irr12, plain.xirr,
        )  # fmt: skip
        for one, other in zip(lines(plain), lines(shared), strict=True):
            assert other.interest_cents + other.guarantee_fee_cents == one.interest_cents
            assert (other.principal_cents, other.open_cents) == (one.principal_cents, one.open_cents)
        fees = sum(line.guarantee_fee_cents for line in lines(shared))
        assert fees == round(sum(line.interest_cents for line in lines(plain)) / 3)

    def test_is_earned_with_the_interest_and_owed_to_the_guarantor(self, at: datetime, pair: tuple[Loan, Loan]) -> None:
        _, loan = pair
        first = lines(loan)[0]
        accrue(loan, first.due_date, at)
        assert books(loan)["guarantor_payable"] == -first.guarantee_fee_cents
        due = on(at, first.due_date)
        paid = pay(loan, first.open_cents, due)
        assert (paid.interest_cents, paid.guarantee_fee_cents, paid.principal_cents) == (
            first.interest_cents, first.guarantee_fee_cents, first.principal_cents,
        )  # fmt: skip
        check_books(loan)

    @pytest.mark.parametrize("days", [0, 1, 15, 40, 100])
    def test_settling_costs_the_customer_what_it_costs_without(
        self, at: datetime, pair: tuple[Loan, Loan], days: int
    ) -> None:
        costs = []
        for loan in pair:
            accrue(loan, loan.value_date + timedelta(days=days), at)
            costs.append(to_settle(loan, loan.value_date + timedelta(days=days)))
            pay(loan, costs[-1], on(at, loan.value_date + timedelta(days=days)))
            assert loan.status == L.SETTLED
            check_books(loan)
        assert abs(costs[0] - costs[1]) <= 1 + days // 30  # a half cent of each open period

    def test_database_refuses_a_part_that_is_not_one(self, pair: tuple[Loan, Loan]) -> None:
        for change in ({"guarantee_rate": "0.1440"}, {"guarantee_rate": "-0.01"}, {"guarantor_code": ""}):
            with pytest.raises(IntegrityError, match="guarantee_is_part_of_the_price"), transaction.atomic():
                Loan.objects.filter(pk=pair[1].pk).update(**change)


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("close"), st.integers(1, 45)),
        st.tuples(st.just("due"), st.just(0)),
        st.tuples(st.just("part"), st.integers(1, 99)),
        st.tuples(st.just("known late"), st.integers(1, 12)),
        st.tuples(st.just("settle"), st.integers(0, 300)),
    ),
    min_size=2,
    max_size=7,
)


class TestTheBooks:
    """Random terms, then random days and money."""

    @pytest.fixture
    def grant_ids(self, at: datetime, who: Taker) -> dict[str, int]:
        return {
            "equal_instalment": factory.granted(at, who, grade="D", amount_cents=5_000_000),
            "equal_principal": factory.granted(at, who, grade="A", amount_cents=5_000_000),
            "interest_only": factory.granted(at, who, grade="C", amount_cents=10_000_000, product_code="BIZ"),
        }

    def draw(self, at: datetime, who: Taker, grant_ids: dict[str, int], data: st.DataObject) -> Loan:
        method = data.draw(st.sampled_from(sorted(grant_ids)))
        big = method == "interest_only"
        return factory.paid_out(
            at,
            who,
            grant_ids[method],
            funder=data.draw(st.sampled_from(factory.FUNDERS)),
            guarantee_rate=data.draw(st.sampled_from([Decimal(0), Decimal("0.0360")])),
            method=method,
            months=data.draw(st.sampled_from([6, 12, 24] if big else [3, 6, 9, 12, 18, 24])),
            amount_cents=data.draw(st.integers(5, 100) if big else st.integers(5, 500)) * (100_000 if big else 10_000),
        )

    @ORDINARY
    @given(data=st.data())
    def test_agree_with_the_instalments_after_every_step(
        self, at: datetime, who: Taker, grant_ids: dict[str, int], data: st.DataObject
    ) -> None:
        with undone():
            started = at + timedelta(days=data.draw(st.integers(0, 29)))  # due days up to the 31st
            loan = self.draw(started, who, grant_ids, data)
            day = loan.value_date
            for step, number in data.draw(OPERATIONS):
                if loan.status == L.SETTLED:
                    break
                now = on(at, day)
                match step:
                    case "close":
                        day += timedelta(days=number)
                        accrue(loan, day, at)
                        entries = Journal.objects.filter(loan=loan).count()
                        accrue(loan, day, at)
                        assert Journal.objects.filter(loan=loan).count() == entries
                    case "due":
                        pay(loan, repayments.due_now(loan, lines(loan), day), now)
                    case "part":
                        pay(loan, max(1, to_settle(loan, day) * number // 100), now)
                    case "known late":
                        received = max(day - timedelta(days=number), loan.value_date)
                        pay(loan, repayments.due_now(loan, lines(loan), received), now, received_at=on(at, received))
                    case "settle":
                        pay(loan, to_settle(loan, day) + number, now)
                        assert loan.status == L.SETTLED
                check_books(loan)
            if loan.status != L.SETTLED:
                pay(loan, to_settle(loan, day), on(at, day))
            check_books(loan)
            assert not set(loans.CLAIM_ACCOUNTS) & set(books(loan))
            used = Grant.objects.get(pk=loan.drawdown.grant_id).used_cents
            assert used == (0 if loan.product.code == "LINE" else loan.principal_cents)

    @ORDINARY
    @given(data=st.data())
    def test_are_the_same_whether_days_are_closed_one_by_one_or_at_once(
        self, at: datetime, who: Taker, grant_ids: dict[str, int], data: st.DataObject
    ) -> None:
        with undone():
            loan = self.draw(at, who, grant_ids, data)
            last = data.draw(st.integers(1, 130))
            cuts = sorted({*data.draw(st.lists(st.integers(1, last), max_size=5)), last})
            with undone():
                accrue(loan, loan.value_date + timedelta(days=last), at)
                at_once = self.state(loan)
            loan.refresh_from_db()
            for cut in cuts:
                accrue(loan, loan.value_date + timedelta(days=cut), at)
            assert self.state(loan) == at_once

    def state(self, loan: Loan) -> Any:
        return (
            loan.status,
            loan.dpd,
            loan.accrued_through,
            books(loan),
            [
                (line.accrued_interest_cents, line.accrued_guarantee_fee_cents, line.penalty_cents, line.open_cents)
                for line in lines(loan)
            ],
        )

    def test_are_the_same_day_by_day_over_a_due_day(self, at: datetime, loan: Loan, first_due: date) -> None:
        with undone():
            accrue(loan, first_due + timedelta(days=6), at)
            at_once = self.state(loan)
        loan.refresh_from_db()
        for number in range(-4, 7):
            accrue(loan, first_due + timedelta(days=number), at)
        assert self.state(loan) == at_once


class TestArrears:
    def test_days_of_grace_cost_nothing_then_the_higher_rate_on_the_overdue_principal(
        self, at: datetime, loan: Loan, first_due: date
    ) -> None:
        first = lines(loan)[0]
        accrue(loan, first_due, at)
        assert (loan.status, loan.dpd) == (L.ACTIVE, 0)
        accrue(loan, first_due + timedelta(days=3), at)
        assert (loan.status, loan.dpd) == (L.OVERDUE, 3)
        assert lines(loan)[0].penalty_cents == 0
        accrue(loan, first_due + timedelta(days=5), at)
        rate = Decimal("0.144") * Decimal("1.5")
        assert loan.overdue_rate == rate
        assert lines(loan)[0].penalty_cents == round(first.principal_cents * rate * 2 / 360)

    def test_five_days_late_then_cured(self, at: datetime, loan: Loan, first_due: date) -> None:
        late = first_due + timedelta(days=5)
        accrue(loan, late, at)
        assert Grant.objects.get(pk=loan.drawdown.grant_id).status == "FROZEN"
        row = pay(loan, lines(loan)[0].open_cents, on(at, late))
        assert (loan.status, loan.dpd, loan.max_dpd) == (L.ACTIVE, 0, 5)
        assert row.penalty_cents > 0
        assert row.interest_cents == lines(loan)[0].interest_cents
        assert list(loan.events.order_by("id").values_list("source", "target"))[1:] == [
            ("ACTIVE", "OVERDUE"),
            ("OVERDUE", "ACTIVE"),
        ]
        check_books(loan)

    def test_cured_by_what_the_borrower_is_shown_on_the_day_before_it_is_closed(
        self, at: datetime, loan: Loan, first_due: date
    ) -> None:
        accrue(loan, first_due + timedelta(days=5), at)
        now = on(at, first_due + timedelta(days=6))
        stale = lines(loan)[0].open_cents
        shown = queries.loan_for(loan.user_id, loan.public_id, now).instalments[0].open_cents
        assert shown > stale
        with undone():
            pay(loan, stale, now)
            assert loan.status == L.OVERDUE
        loan.refresh_from_db()
        both = shown + lines(loan)[1].open_cents
        repayments.check_can_repay(loan_id=loan.pk, amount_cents=both, at=now)
        with pytest.raises(repayments.NotOwed):
            repayments.check_can_repay(loan_id=loan.pk, amount_cents=both + 1, at=now)
        pay(loan, shown, now)
        assert (loan.status, loan.dpd, loan.max_dpd) == (L.ACTIVE, 0, 5)
        check_books(loan)

    def test_a_part_pays_penalty_then_interest_then_principal_of_the_oldest(
        self, at: datetime, loan: Loan, first_due: date
    ) -> None:
        accrue(loan, first_due + timedelta(days=10), at)
        first = lines(loan)[0]
        amount = first.penalty_cents + first.interest_cents + 7
        row = pay(loan, amount, on(at, loan.accrued_through))
        assert (row.penalty_cents, row.interest_cents, row.principal_cents) == (
            first.penalty_cents,
            first.interest_cents,
            7,
        )
        assert loan.status == L.OVERDUE

    def test_past_ninety_days_the_debt_comes_first_by_the_day_the_money_came(
        self, at: datetime, loan: Loan, first_due: date
    ) -> None:
        accrue(loan, first_due + timedelta(days=90), at)
        with undone():
            row = pay(loan, 1000, on(at, first_due + timedelta(days=90)))
            assert (row.penalty_cents, row.principal_cents) == (1000, 0)
        loan.refresh_from_db()
        row = pay(loan, 1000, on(at, first_due + timedelta(days=91)), key="day after")
        assert (row.penalty_cents, row.principal_cents) == (0, 1000)

    def test_money_that_came_in_time_and_was_known_late_costs_no_penalty(
        self, at: datetime, loan: Loan, first_due: date
    ) -> None:
        amount = lines(loan)[0].open_cents
        late = first_due + timedelta(days=8)
        accrue(loan, late, at)
        assert lines(loan)[0].penalty_cents > 0
        row = pay(loan, amount, on(at, late), received_at=on(at, first_due))
        assert (row.penalty_cents, row.principal_cents) == (0, lines(loan)[0].principal_cents)
        assert (loan.status, lines(loan)[0].penalty_cents, loan.accrued_through) == (L.ACTIVE, 0, late)
        check_books(loan)
        accrue(loan, late + timedelta(days=1), at)
        check_books(loan)


class TestPostRepayment:
    def test_the_same_key_is_the_same_money(self, at: datetime, loan: Loan) -> None:
        first = pay(loan, 5000, at, key="once")
        before = books(loan), Journal.objects.count()
        assert pay(loan, 5000, at, key="once").pk == first.pk
        assert (books(loan), Journal.objects.count()) == before

    def test_settling_on_the_day_of_the_payout_costs_no_interest(self, at: datetime, loan: Loan) -> None:
        quote = queries.settlement_quote(loan.pk, at)
        assert (quote.amount_cents, quote.interest_cents, quote.fee_cents) == (1_000_000, 0, 0)
        assert business_date(quote.valid_until) == business_date(at)
        pay(loan, quote.amount_cents, at)
        assert loan.status == L.SETTLED
        assert books(loan) == {}
        with pytest.raises(WrongState):
            queries.settlement_quote(loan.pk, at)

    def test_settling_early_costs_interest_to_the_day_and_frees_the_line(self, at: datetime, loan: Loan) -> None:
        day = loan.value_date + timedelta(days=15)
        row = pay(loan, queries.settlement_quote(loan.pk, on(at, day)).amount_cents, on(at, day))
        assert row.interest_cents == round(Decimal("0.144") / 360 * 15 * 1_000_000)
        assert loan.status == L.SETTLED
        assert Grant.objects.get(pk=loan.drawdown.grant_id).used_cents == 0

    def test_interest_paid_ahead_leaves_nothing_receivable_on_settlement(self, at: datetime, loan: Loan) -> None:
        pay(loan, lines(loan)[0].open_cents, at)
        day = loan.value_date + timedelta(days=3)
        pay(loan, to_settle(loan, day), on(at, day))
        assert loan.status == L.SETTLED
        assert "interest_receivable" not in books(loan)
        check_books(loan)

    def test_what_is_over_and_what_comes_after_the_end_is_kept_for_the_borrower(self, at: datetime, loan: Loan) -> None:
        assert pay(loan, 1_000_050, at).surplus_cents == 50
        assert pay(loan, 700, at, key="again").surplus_cents == 700
        assert loan.status == L.SETTLED
        check_books(loan)

    def test_door_takes_what_is_due_or_what_settles(self, at: datetime, loan: Loan) -> None:
        first = lines(loan)[0].open_cents
        for amount in (1, first, 1_000_000):
            repayments.check_can_repay(loan_id=loan.pk, amount_cents=amount, at=at)
        with pytest.raises(NotOwed) as refused:
            repayments.check_can_repay(loan_id=loan.pk, amount_cents=first + 1, at=at)
        assert refused.value.data == {"due_cents": first, "settlement_cents": 1_000_000}
        pay(loan, 1_000_000, at)
        with pytest.raises(WrongState):
            repayments.check_can_repay(loan_id=loan.pk, amount_cents=1, at=at)


class TestWithdrawal:
    def test_within_the_hours_the_principal_undoes_the_loan(self, at: datetime, who: Taker, grant_id: int) -> None:
        loan = factory.paid_out(at + timedelta(hours=10), who, grant_id)
        next_day = at + timedelta(hours=30)
        accrue(loan, business_date(next_day), at)
        assert books(loan)["interest_receivable"] > 0
        amount = repayments.request_withdrawal(loan_id=loan.pk, by=who.by, at=next_day)
        assert amount == loan.principal_cents
        pay(loan, amount, next_day)
        assert (loan.status, books(loan)) == (L.CANCELLED, {})
        grant = Grant.objects.get(pk=grant_id)
        assert (grant.used_cents, grant.free_cents) == (0, grant.limit_cents)
        assert loan.events.latest("id").actor == who.by
        view = queries.loan(loan.pk)
        assert (view.outstanding_principal_cents, sum(line.open_cents for line in view.instalments)) == (0, 0)

    def test_after_the_hours_or_a_repayment_it_is_too_late(self, at: datetime, who: Taker, loan: Loan) -> None:
        with pytest.raises(CoolingOffOver):
            repayments.request_withdrawal(loan_id=loan.pk, by=who.by, at=at + timedelta(hours=24, seconds=1))
        repayments.request_withdrawal(loan_id=loan.pk, by=who.by, at=at + timedelta(hours=24))
        pay(loan, 100, at)
        with pytest.raises(WithdrawalClosed):
            repayments.request_withdrawal(loan_id=loan.pk, by=who.by, at=at)

    @pytest.mark.parametrize(("days", "status"), [(15, L.ACTIVE), (35, L.OVERDUE)])
    def test_asked_for_but_never_paid_the_loan_goes_on_and_settles_at_its_price(
        self, at: datetime, who: Taker, loan: Loan, days: int, status: str
    ) -> None:
        repayments.request_withdrawal(loan_id=loan.pk, by=who.by, at=at)
        late = loan.value_date + timedelta(days=days)
        accrue(loan, late, at)
        assert loan.status == status
        row = pay(loan, to_settle(loan, late), on(at, late))
        assert loan.status == L.SETTLED
        assert row.interest_cents > 0
        check_books(loan)


class TestReturned:
    def test_reverses_every_journal_and_frees_the_limit(self, at: datetime, loan: Loan) -> None:
        accrue(loan, loan.value_date + timedelta(days=2), at)
        drawdowns.returned(drawdown_id=loan.drawdown_id, at=at + timedelta(days=3))
        loan.refresh_from_db()
        assert (loan.status, books(loan), loan.drawdown.status) == (L.CANCELLED, {}, "RETURNED")
        assert loan.journals.filter(reverses=None, reversed_by=None).count() == 0
        assert Grant.objects.get(pk=loan.drawdown.grant_id).used_cents == 0
        count = loan.journals.count()
        drawdowns.returned(drawdown_id=loan.drawdown_id, at=at + timedelta(days=3))
        assert loan.journals.count() == count

    @pytest.mark.parametrize(("product", "free"), [("LINE", 5_000_000), ("ONCE", 1_000_000)])
    def test_what_was_repaid_meanwhile_is_the_borrower_s(
        self, at: datetime, who: Taker, product: str, free: int
    ) -> None:
        grant_id = factory.granted(at, who, product_code=product, amount_cents=free)
        loan = factory.paid_out(at, who, grant_id)
        pay(loan, lines(loan)[0].open_cents, at)
        repaid = loan.repayments.get().amount_cents
        drawdowns.returned(drawdown_id=loan.drawdown_id, at=at)
        assert books(loan) == {"cash_in_transit": repaid, "borrower_payable": -repaid}
        assert Grant.objects.get(pk=grant_id).free_cents == free


class TestEnds:
    @pytest.fixture
    def overdue(self, at: datetime, loan: Loan, first_due: date) -> Loan:
        accrue(loan, first_due + timedelta(days=61), at)
        return loan

    def test_compensation_moves_the_whole_claim_to_the_guarantor(
        self, at: datetime, overdue: Loan, first_due: date
    ) -> None:
        claim = sum(books(overdue).get(kind, 0) for kind in loans.CLAIM_ACCOUNTS)
        day = on(at, first_due + timedelta(days=61))
        loans.compensate(loan_id=overdue.pk, by="staff:1", at=day)
        overdue.refresh_from_db()
        assert (overdue.status, overdue.creditor) == (L.COMPENSATED, "AHG")
        assert [row.creditor for row in overdue.creditors.order_by("from_date")] == ["QTX", "AHG"]
        assert books(overdue)["guarantor_payable"] == -claim
        pay(overdue, to_settle(overdue, business_date(day)), day)
        assert overdue.status == L.SETTLED
        assert not set(books(overdue)) & set(loans.CLAIM_ACCOUNTS)

    def test_written_off_earns_nothing_more_and_what_comes_is_a_recovery(self, at: datetime, overdue: Loan) -> None:
        claim = sum(books(overdue).get(kind, 0) for kind in loans.CLAIM_ACCOUNTS)
        day = overdue.accrued_through
        loans.write_off(loan_id=overdue.pk, by="staff:1", at=on(at, day))
        overdue.refresh_from_db()
        assert not set(books(overdue)) & set(loans.CLAIM_ACCOUNTS)
        assert books(overdue)["write_off_loss"] == claim
        accrue(overdue, day + timedelta(days=30), at)
        assert overdue.accrued_through == day
        pay(overdue, 5_000, on(at, day + timedelta(days=30)))
        assert books(overdue)["recovery_income"] == -5_000
        full = to_settle(overdue, day + timedelta(days=31))
        pay(overdue, full, on(at, day + timedelta(days=31)))
        assert overdue.status == L.SETTLED
        assert books(overdue)["recovery_income"] == -5_000 - full
        assert not set(books(overdue)) & set(loans.CLAIM_ACCOUNTS)

    def test_without_a_guarantor_nobody_compensates(self, at: datetime, who: Taker, grant_id: int) -> None:
        drawdown_id = factory.requested(at, who, grant_id)
        drawdowns.record_check(drawdown_id=drawdown_id, outcome="approve", reasons=(), decision_id=None, at=at)
        drawdowns.funder_pending(drawdown_id=drawdown_id, funder_code="QTX", guarantor_code="", mode="own", at=at)
        drawdowns.funder_accepted(drawdown_id=drawdown_id, expires_at=at + timedelta(days=1), at=at)
        drawdowns.signed(drawdown_id=drawdown_id, contract_set_sha256="ab" * 32, at=at)
        drawdowns.disbursing(drawdown_id=drawdown_id, at=at)
        loan = Loan.objects.get(pk=drawdowns.paid(drawdown_id=drawdown_id, paid_at=at, at=at))
        accrue(loan, loan.value_date + timedelta(days=95), at)
        with pytest.raises(WrongState, match="no guarantor"):
            loans.compensate(loan_id=loan.pk, by="staff:1", at=at)
        assert loan.status == L.OVERDUE


class TestFrozenLine:
    def test_unfreezes_only_by_hand(self, at: datetime, who: Taker, loan: Loan, first_due: date) -> None:
        late = first_due + timedelta(days=1)
        accrue(loan, late, at)
        with pytest.raises(grants.GrantNotUsable) as refused:
            factory.requested(on(at, late), who, loan.drawdown.grant_id)
        assert refused.value.data == {"state": "FROZEN"}
        grants.unfreeze(grant_id=loan.drawdown.grant_id, reason="paid again", by=officer(at), at=at)
        assert factory.requested(on(at, late), who, loan.drawdown.grant_id)
