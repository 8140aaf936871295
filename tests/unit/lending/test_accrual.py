from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lending.rules.accrual import (
    BeforeValueDate,
    CoolingOffOver,
    Owed,
    bucket,
    classify,
    cooling_off_amount,
    days_past_due,
    interest_to,
    penalty_between,
    penalty_to,
    settlement,
)
from lending.rules.schedule import Terms, build_schedule

RATE = Decimal("0.144")
START = date(2026, 1, 31)
LINES = build_schedule(Terms(1_000_000, RATE, 12, START))


def owed(**first) -> list[Owed]:
    rows = [Owed(line.number, line.due_on, line.principal_cents, line.interest_cents) for line in LINES]
    return [Owed(1, rows[0].due_on, rows[0].principal_cents, rows[0].interest_cents, **first), *rows[1:]]


def interest(as_of: date, **more) -> int:
    period = {"starts_on": date(2026, 2, 28), "due_on": date(2026, 3, 31), "due_day": 31}
    return interest_to(as_of=as_of, balance_cents=1_000_000, interest_cents=12_000, annual_rate=RATE, **(period | more))


class TestInterestTo:
    @pytest.mark.parametrize(
        ("as_of", "cents"),
        [
            (date(2026, 2, 1), 0),
            (date(2026, 2, 28), 0),
            (date(2026, 3, 1), 400),
            (date(2026, 3, 30), 12_000),  # thirty broken days are a month's interest already
            (date(2026, 3, 31), 12_000),
            (date(2027, 1, 1), 12_000),
        ],
    )
    def test_runs_by_the_day_over_360_and_never_past_the_scheduled_interest(self, as_of, cents):
        assert interest(as_of) == cents

    def test_counts_whole_months_of_a_long_period_as_twelfths(self):
        quarter = {"due_on": date(2026, 5, 31), "interest_cents": 36_000}
        found = interest_to(
            as_of=date(2026, 4, 10),
            starts_on=date(2026, 2, 28),
            balance_cents=1_000_000,
            annual_rate=RATE,
            due_day=31,
            **quarter,
        )
        assert found == 12_000 + 10 * 400

    @given(st.dates(date(2026, 1, 1), date(2026, 6, 1)))
    def test_never_falls_from_one_day_to_the_next(self, day):
        assert interest(day) <= interest(day + timedelta(days=1))


class TestPenalty:
    DUE = date(2026, 3, 31)

    def penalty(self, days: int, principal: int = 100_000) -> int:
        on = self.DUE + timedelta(days=days)
        return penalty_to(as_of=on, due_on=self.DUE, principal_cents=principal, overdue_rate=Decimal("0.216"))

    def test_is_nothing_within_the_grace_and_one_day_on_the_day_after(self):
        assert [self.penalty(days) for days in (-5, 0, 1, 3, 4, 5)] == [0, 0, 0, 0, 60, 120]

    def test_is_simple(self):
        assert self.penalty(363) == 360 * 60

    @given(st.lists(st.integers(-10, 400), min_size=2, max_size=12), st.integers(1, 10**7))
    def test_sums_to_the_same_however_the_days_are_cut(self, days, principal):
        cuts = [self.DUE + timedelta(days=day) for day in sorted(days)]
        terms = {"due_on": self.DUE, "principal_cents": principal, "overdue_rate": Decimal("0.2025")}
        parts = [penalty_between(since=since, until=until, **terms) for since, until in pairwise(cuts)]
        assert sum(parts) == penalty_between(since=cuts[0], until=cuts[-1], **terms)
        assert min(parts) >= 0

    def test_adds_nothing_when_run_twice_for_a_day(self):
        on = self.DUE + timedelta(days=30)
        terms = {"due_on": self.DUE, "principal_cents": 100_000, "overdue_rate": Decimal("0.216")}
        assert penalty_between(since=on, until=on, **terms) == 0
        assert penalty_between(since=on, until=on - timedelta(days=9), **terms) == 0


class TestArrears:
    def test_are_counted_from_the_oldest_unpaid_due_day(self):
        first_due = LINES[0].due_on
        assert days_past_due(owed(), first_due) == 0
        assert days_past_due(owed(), first_due + timedelta(days=40)) == 40
        paid = owed(paid_principal_cents=LINES[0].principal_cents, paid_interest_cents=LINES[0].interest_cents)
        assert days_past_due(paid, first_due + timedelta(days=40)) == 40 - (LINES[1].due_on - first_due).days

    @pytest.mark.parametrize(
        ("days", "name", "class_"),
        [
            (0, "M0", "normal"),
            (1, "M1", "special-mention"),
            (30, "M1", "special-mention"),
            (31, "M2", "special-mention"),
            (60, "M2", "special-mention"),
            (61, "M3", "special-mention"),
            (90, "M3", "special-mention"),
            (91, "M4", "substandard"),
            (180, "M4", "substandard"),
            (181, "write-off", "substandard"),
            (270, "write-off", "substandard"),
            (271, "write-off", "doubtful"),
            (360, "write-off", "doubtful"),
            (361, "write-off", "loss"),
        ],
    )
    def test_have_a_bucket_and_one_of_five_classes(self, days, name, class_):
        assert (bucket(days), classify(days)) == (name, class_)


class TestSettlement:
    def settle(self, as_of: date, rows: list[Owed] | None = None):
        return settlement(as_of=as_of, value_date=START, annual_rate=RATE, instalments=rows or owed())

    def test_costs_the_principal_alone_on_the_first_day(self):
        assert self.settle(START).total_cents == 1_000_000

    def test_costs_ten_days_of_interest_after_ten_days_and_no_fee(self):
        quote = self.settle(date(2026, 2, 10))
        assert (quote.principal_cents, quote.interest_cents, quote.fee_cents) == (1_000_000, 4_000, 0)
        assert sum(charge.waived_interest_cents for charge in quote.charges) == (
            sum(line.interest_cents for line in LINES) - 4_000
        )

    def test_takes_the_next_interest_on_what_is_still_owed(self):
        paid = owed(paid_principal_cents=LINES[0].principal_cents, paid_interest_cents=LINES[0].interest_cents)
        quote = self.settle(LINES[0].due_on + timedelta(days=15), paid)
        assert quote.principal_cents == 922_025
        assert quote.interest_cents == 5_532  # 922,025 x 0.144 x 15 / 360 = 5532.15

    def test_adds_what_is_overdue_with_its_penalty(self):
        quote = self.settle(LINES[1].due_on, owed(penalty_cents=77, paid_penalty_cents=7))
        assert quote.interest_cents == LINES[0].interest_cents + LINES[1].interest_cents
        assert quote.penalty_cents == 70
        assert quote.total_cents == 1_000_000 + quote.interest_cents + 70

    def test_runs_the_guarantee_fee_with_the_interest(self):
        rows = owed(guarantee_fee_cents=6_000)
        half = self.settle(START + timedelta(days=15), rows)
        assert (half.charges[0].interest_cents, half.charges[0].guarantee_fee_cents) == (6_000, 3_000)
        assert half.charges[0].waived_guarantee_fee_cents == 3_000

    def test_does_not_give_back_what_was_paid_beyond_the_day(self):
        quote = self.settle(date(2026, 2, 10), owed(paid_interest_cents=12_000))
        assert (quote.interest_cents, quote.total_cents) == (0, 1_000_000)

    @given(st.integers(0, 400))
    @settings(deadline=None)
    def test_charges_and_waivers_make_up_the_schedule(self, days):
        quote = self.settle(START + timedelta(days=days))
        for charge, line in zip(quote.charges, LINES, strict=True):
            assert charge.interest_cents + charge.waived_interest_cents == line.interest_cents
        assert quote.total_cents == quote.principal_cents + quote.interest_cents

    def test_refuses_a_day_before_the_loan(self):
        with pytest.raises(BeforeValueDate):
            self.settle(START - timedelta(days=1))


class TestCoolingOff:
    PAID = datetime(2026, 1, 31, 10, 0, tzinfo=UTC)

    def test_costs_nothing_to_the_last_instant(self):
        last = self.PAID + timedelta(hours=24)
        assert cooling_off_amount(principal_cents=1_000_000, paid_out_at=self.PAID, at=last) == 1_000_000

    def test_ends_after_24_hours(self):
        with pytest.raises(CoolingOffOver) as over:
            cooling_off_amount(
                principal_cents=1_000_000, paid_out_at=self.PAID, at=self.PAID + timedelta(hours=24, microseconds=1)
            )
        assert over.value.data == {"ended_at": "2026-02-01T10:00:00+00:00"}
