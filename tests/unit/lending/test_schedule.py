"""The schedule against a second computation written from the product terms alone, in fractions, one day at a time."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import floor

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from lending.rules import daycount, schedule
from lending.rules.schedule import InvalidTerms, Terms, build_schedule, plan_for

PLAIN = Terms(1_000_000, Decimal("0.144"), 12, date(2026, 1, 15))


def rounded(amount: Fraction, rounding: str) -> int:
    below = floor(amount)
    rest = amount - below
    up = rest > Fraction(1, 2) or (rest == Fraction(1, 2) and (rounding == "half_up" or below % 2 == 1))
    return below + up


def part_of_year(start: date, end: date, day_count: str, every: int) -> Fraction:
    """Regular periods only."""
    if day_count == "months/12":
        return Fraction(every, 12)
    if day_count == "30/360":
        first, last = min(start.day, 30), min(end.day, 30)
        return Fraction((end.year - start.year) * 360 + (end.month - start.month) * 30 + last - first, 360)
    days = [start + timedelta(days=n) for n in range((end - start).days)]
    if day_count == "actual/actual":
        return sum((Fraction(1, 366 if day.year % 4 == 0 else 365) for day in days), Fraction(0))
    return Fraction(len(days), int(day_count.removeprefix("actual/")))


def reference(terms: Terms, due: tuple[date, ...]) -> list[tuple[int, int, int]] | None:
    """(principal, interest, balance) a row; None where the terms repay early or do not cover their interest."""
    rate, n, grace = Fraction(terms.annual_rate), terms.instalments, terms.principal_grace
    if terms.method == "interest_only":
        grace = n - 1
    f = [rate * part_of_year(a, b, terms.day_count, terms.every) for a, b in pairwise((terms.disbursed_on, *due))]
    product, s = Fraction(1), Fraction(0)
    for factor in f[grace:]:
        product *= 1 + factor
        s = s * (1 + factor) + 1
    multiple = terms.instalment_multiple_cents
    if terms.method == "equal_principal":
        level = multiple * rounded(Fraction(terms.principal_cents, (n - grace) * multiple), terms.rounding)
    else:
        level = multiple * rounded(terms.principal_cents * product / s / multiple, terms.rounding)
    balance, rows = terms.principal_cents, []
    for k, factor in enumerate(f):
        interest = rounded(balance * factor, terms.rounding)
        principal = level if terms.method == "equal_principal" else level - interest
        if k < grace:
            principal = 0
        if k == n - 1:
            principal = balance
        if principal < 0 or (balance <= 0 and k == n - 1):
            return None
        balance -= principal
        rows.append((principal, interest, balance))
    return rows


any_terms = st.builds(
    Terms,
    principal_cents=st.integers(10_000, 100_000_000),
    annual_rate=st.decimals(0, Decimal("0.60"), places=4),
    instalments=st.integers(1, 40),
    disbursed_on=st.dates(date(2020, 1, 1), date(2030, 12, 31)),
    unit=st.sampled_from(schedule.UNITS),
    every=st.integers(1, 4),
    method=st.sampled_from(schedule.METHODS),
    day_count=st.sampled_from(daycount.DAY_COUNTS),
    rounding=st.sampled_from(schedule.ROUNDINGS),
    instalment_multiple_cents=st.sampled_from((1, 1, 10, 100)),
    principal_grace=st.integers(0, 3),
)


def outcome(rows, principal):
    """The rows, or why there are none."""
    try:
        return rows(principal)
    except (schedule.RepaidEarly, schedule.NegativeAmortisation) as refused:
        return type(refused), refused.detail


class TestBuildSchedule:
    @given(any_terms)
    @settings(max_examples=300, deadline=None)
    @example(replace(PLAIN, disbursed_on=date(2024, 1, 31), day_count="actual/actual"))
    @example(replace(PLAIN, rounding="half_even", annual_rate=Decimal("0.12"), principal_cents=10_050))
    def test_is_the_second_computation_to_the_cent(self, terms):
        assume(terms.principal_grace < terms.instalments)
        assume(terms.unit == "month" or terms.day_count != "months/12")
        due = tuple(
            line.due_on for line in build_schedule(replace(terms, principal_cents=10**9, method="interest_only"))
        )
        expected = reference(terms, due)
        if expected is None:
            with pytest.raises((schedule.RepaidEarly, schedule.NegativeAmortisation)):
                build_schedule(terms)
            return
        lines = build_schedule(terms)
        assert [(one.principal_cents, one.interest_cents, one.balance_cents) for one in lines] == expected
        assert [one.number for one in lines] == list(range(1, terms.instalments + 1))
        assert sum(one.principal_cents for one in lines) == terms.principal_cents
        assert lines[-1].balance_cents == 0
        assert all(a < b for a, b in pairwise((terms.disbursed_on, *due)))

    @given(st.integers(1_000, 10**9), st.sampled_from(("0", "0.108", "0.204", "3")), st.integers(1, 36))
    @settings(deadline=None)
    def test_gives_the_same_rows_in_the_hot_loop_and_in_the_general_one(self, principal, rate, months):
        plan = plan_for(replace(PLAIN, annual_rate=Decimal(rate), instalments=months))
        assume(plan.plain_from <= principal)
        assert outcome(plan.rows, principal) == outcome(plan._any_rows, principal)

    def test_is_the_worked_example_of_the_product_terms(self):
        lines = build_schedule(PLAIN)
        # 10,000.00 at 14.4 %: 12 instalments of 897.75…: 1.2 % a month, 12000 interest at first
        assert [one.amount_cents for one in lines] == [89_975] * 11 + [89_980]
        assert (lines[0].interest_cents, lines[0].principal_cents, lines[0].balance_cents) == (12_000, 77_975, 922_025)

    def test_puts_the_rounding_rest_into_the_last_instalment(self):
        lines = build_schedule(replace(PLAIN, annual_rate=Decimal(0), instalments=3, principal_cents=100_000))
        assert [one.principal_cents for one in lines] == [33_333, 33_333, 33_334]
        assert [one.interest_cents for one in lines] == [0, 0, 0]

    def test_rounds_the_instalment_to_whole_yuan_and_lets_the_last_differ(self):
        amounts = [one.amount_cents for one in build_schedule(replace(PLAIN, instalment_multiple_cents=100))]
        assert set(amounts[:-1]) == {90_000}
        assert amounts[-1] == 89_684

    def test_repays_one_instalment_whole(self):
        (line,) = build_schedule(replace(PLAIN, instalments=1))
        assert (line.principal_cents, line.interest_cents, line.balance_cents) == (1_000_000, 12_000, 0)

    def test_pays_only_interest_during_the_grace(self):
        lines = build_schedule(replace(PLAIN, principal_grace=3))
        assert [one.principal_cents for one in lines[:3]] == [0, 0, 0]
        assert [one.interest_cents for one in lines[:3]] == [12_000] * 3
        assert len({one.amount_cents for one in lines[3:-1]}) == 1

    def test_pays_all_principal_last_under_interest_only(self):
        lines = build_schedule(replace(PLAIN, method="interest_only", instalment_multiple_cents=100))
        assert [one.principal_cents for one in lines] == [0] * 11 + [1_000_000]
        assert {one.interest_cents for one in lines} == {12_000}

    def test_pays_equal_principal_and_falling_interest(self):
        lines = build_schedule(replace(PLAIN, method="equal_principal"))
        assert [one.principal_cents for one in lines] == [83_333] * 11 + [83_337]
        assert [one.interest_cents for one in lines[:3]] == [12_000, 11_000, 10_000]

    def test_rounds_a_tie_up_or_to_the_even_cent(self):
        terms = replace(PLAIN, principal_cents=10_050, annual_rate=Decimal("0.12"), instalments=1)  # 100.5 cents
        assert build_schedule(terms)[0].interest_cents == 101
        assert build_schedule(replace(terms, rounding="half_even"))[0].interest_cents == 100


class TestDueDates:
    def test_fall_on_the_day_of_the_disbursement_or_the_months_last(self):
        due = [one.due_on for one in build_schedule(replace(PLAIN, disbursed_on=date(2024, 1, 31), instalments=4))]
        assert due == [date(2024, 2, 29), date(2024, 3, 31), date(2024, 4, 30), date(2024, 5, 31)]

    def test_count_every_month_as_a_twelfth_whatever_its_length(self):
        lines = build_schedule(replace(PLAIN, disbursed_on=date(2026, 1, 31), method="interest_only"))
        assert {one.interest_cents for one in lines} == {12_000}
        assert [one.days for one in lines[:3]] == [28, 31, 30]

    def test_follow_a_given_first_one_and_count_its_broken_days_over_360(self):
        terms = replace(PLAIN, first_due_on=date(2026, 2, 25), method="interest_only", instalments=3)
        lines = build_schedule(terms)
        assert [one.due_on for one in lines] == [date(2026, 2, 25), date(2026, 3, 25), date(2026, 4, 25)]
        assert [one.interest_cents for one in lines] == [16_000, 12_000, 12_000]  # one month and ten days first

    def test_are_taken_as_given(self):
        due = (date(2026, 2, 1), date(2026, 4, 30), date(2026, 5, 31))
        lines = build_schedule(replace(PLAIN, instalments=3, due_on=due, day_count="actual/365", unit="day"))
        assert tuple(one.due_on for one in lines) == due
        assert [one.days for one in lines] == [17, 88, 31]
        assert lines[0].interest_cents == 6707  # 1,000,000 x 0.144 x 17 / 365 = 6706.85

    def test_given_as_the_natural_ones_change_nothing(self):
        terms = replace(PLAIN, disbursed_on=date(2026, 1, 31))
        natural = build_schedule(terms)
        assert build_schedule(replace(terms, due_on=tuple(one.due_on for one in natural))) == natural

    @pytest.mark.parametrize(
        ("unit", "every", "third"), [("week", 2, date(2026, 2, 26)), ("day", 10, date(2026, 2, 14))]
    )
    def test_step_by_weeks_and_days(self, unit, every, third):
        lines = build_schedule(replace(PLAIN, unit=unit, every=every, instalments=3, day_count="actual/360"))
        assert lines[2].due_on == third


class TestRefusals:
    @pytest.mark.parametrize(
        ("change", "code"),
        [
            ({"principal_cents": 0}, "principal_out_of_range"),
            ({"principal_cents": -1}, "principal_out_of_range"),
            ({"principal_cents": 1000.0}, "principal_out_of_range"),
            ({"principal_cents": True}, "principal_out_of_range"),
            ({"principal_cents": 10**16}, "principal_out_of_range"),
            ({"annual_rate": Decimal("-0.01")}, "rate_out_of_range"),
            ({"annual_rate": Decimal("NaN")}, "rate_out_of_range"),
            ({"annual_rate": Decimal("1e9999")}, "rate_out_of_range"),
            ({"annual_rate": Decimal("1e-9999")}, "rate_out_of_range"),
            ({"annual_rate": 0.144}, "rate_out_of_range"),
            ({"instalments": 0}, "instalments_out_of_range"),
            ({"instalments": 10**9}, "instalments_out_of_range"),
            ({"unit": "year"}, "unknown_period"),
            ({"every": 0}, "unknown_period"),
            ({"first_due_on": date(2026, 1, 15)}, "due_dates_invalid"),
            ({"disbursed_on": date(9999, 6, 1)}, "due_dates_invalid"),
            (
                {"unit": "day", "every": 1200, "disbursed_on": date(9990, 1, 1), "day_count": "30/360"},
                "due_dates_invalid",
            ),
            ({"instalments": 2, "due_on": (date(2026, 3, 1),)}, "due_dates_invalid"),
            ({"instalments": 2, "due_on": (date(2026, 3, 1), date(2026, 3, 1))}, "due_dates_invalid"),
            ({"instalments": 1, "due_on": (date(2026, 1, 15),)}, "due_dates_invalid"),
            (
                {"instalments": 1, "due_on": (date(2026, 3, 1),), "first_due_on": date(2026, 3, 1)},
                "due_dates_invalid",
            ),
            ({"instalment_multiple_cents": 0}, "multiple_out_of_range"),
            ({"principal_grace": 12}, "grace_out_of_range"),
            ({"principal_grace": -1}, "grace_out_of_range"),
            ({"method": "balloon"}, "unknown_method"),
            ({"day_count": "30E/360"}, "unknown_day_count"),
            ({"rounding": "up"}, "unknown_rounding"),
            ({"unit": "week"}, "day_count_needs_months"),
            ({"first_due_on": date(2036, 1, 15)}, "negative_amortisation"),
            ({"instalment_multiple_cents": 170_000}, "repaid_early"),
            ({"instalment_multiple_cents": 1_000_000_000}, "negative_amortisation"),
            ({"principal_cents": 7, "annual_rate": Decimal(0)}, "repaid_early"),
        ],
    )
    def test_name_the_cause(self, change, code):
        build_schedule(PLAIN)  # the same terms without the change make a schedule
        with pytest.raises(InvalidTerms) as refusal:
            build_schedule(replace(PLAIN, **change))
        assert (refusal.value.code, refusal.value.status) == (code, 422)
