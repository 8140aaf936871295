from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lending.rules.offer import (
    AboveCeiling,
    affordability,
    check_ceiling,
    highest_affordable,
    monthly_burden,
    overdue_rate,
    quote,
)

DAY = date(2026, 1, 15)
CEILING = Decimal("0.24")
TERMS = {"months": 12, "annual_rate": Decimal("0.144"), "method": "equal_instalment", "disbursed_on": DAY}


class TestQuote:
    def test_sums_what_the_borrower_pays(self):
        found = quote(amount_cents=1_000_000, **TERMS)
        assert found.instalment_cents == found.highest_instalment_cents - 5 == 89_975
        assert found.total_cents == 1_000_000 + found.total_interest_cents
        assert found.total_cents == sum(line.amount_cents for line in found.lines)
        assert abs(found.irr12 - Decimal("0.144")) < Decimal("0.00001")
        assert found.xirr > found.irr12

    def test_counts_a_fee_beside_the_loan_into_the_cost(self):
        free, dear = (quote(amount_cents=1_000_000, fees_cents=fees, **TERMS) for fees in (0, 10_000))
        assert dear.total_cents == free.total_cents + 10_000
        assert dear.xirr > free.xirr


class TestCheckCeiling:
    def test_lets_the_ceiling_itself_pass(self):
        check_ceiling(CEILING, CEILING)

    def test_refuses_the_least_above_it(self):
        with pytest.raises(AboveCeiling) as refusal:
            check_ceiling(Decimal("0.240001"), CEILING)
        assert refusal.value.data == {"xirr": "0.240001", "ceiling_xirr": "0.24"}

    @pytest.mark.parametrize(("months", "disbursed_on"), [(3, DAY), (12, date(2027, 2, 28))])
    def test_refuses_a_price_that_looks_cheaper_by_irr12(self, months, disbursed_on):
        change = {"annual_rate": Decimal("0.216"), "months": months, "disbursed_on": disbursed_on}
        found = quote(amount_cents=1_000_000, **TERMS | change)
        assert found.irr12 < CEILING
        with pytest.raises(AboveCeiling):
            check_ceiling(found.xirr, CEILING)

    def test_judges_one_payout_day_only(self):
        """The same terms may keep the ceiling on one day and break it on another: the gate is asked again later."""
        terms = TERMS | {"annual_rate": Decimal("0.216")}
        early, late = (quote(amount_cents=1_000_000, **terms | {"disbursed_on": on}) for on in (DAY, date(2027, 2, 28)))
        assert early.xirr <= CEILING < late.xirr


class TestOverdueRate:
    @pytest.mark.parametrize(("price", "rate"), [("0.108", "0.162"), ("0.16", "0.24"), ("0.204", "0.24")])
    def test_is_half_again_the_price_and_at_most_24_percent(self, price, rate):
        assert overdue_rate(Decimal(price)) == Decimal(rate)


class TestAffordability:
    def test_allows_half_of_the_income(self):
        found = affordability(net_income_cents=800_000, elsewhere_cents=300_000, ours_cents=100_000)
        assert (found.affordable, found.share, found.left_cents) == (True, Decimal("0.5"), 400_000)
        assert not affordability(net_income_cents=800_000, elsewhere_cents=300_000, ours_cents=100_001).affordable

    def test_leaves_enough_to_live_on(self):
        assert affordability(net_income_cents=200_000, elsewhere_cents=0, ours_cents=50_000).affordable
        assert not affordability(net_income_cents=200_000, elsewhere_cents=0, ours_cents=50_001).affordable

    def test_affords_nothing_without_an_income(self):
        found = affordability(net_income_cents=0, elsewhere_cents=0, ours_cents=0, min_left_cents=0)
        assert (found.affordable, found.share) == (False, None)


class TestHighestAffordable:
    LIMITS = {"minimum_cents": 100_000, "maximum_cents": 5_000_000, "step_cents": 10_000}

    def highest(self, income: int, elsewhere: int = 0, **change) -> int:
        return highest_affordable(net_income_cents=income, elsewhere_cents=elsewhere, **TERMS | self.LIMITS | change)

    @given(st.integers(0, 3_000_000), st.integers(0, 500_000), st.sampled_from((3, 12, 24)))
    @settings(deadline=None)
    def test_is_affordable_where_one_step_more_is_not(self, income, elsewhere, months):
        found = self.highest(income, elsewhere, months=months)

        def affords(amount: int) -> bool:
            lines = quote(amount_cents=amount, **TERMS | {"months": months}).lines
            burden = monthly_burden(lines, "equal_instalment")
            return affordability(net_income_cents=income, elsewhere_cents=elsewhere, ours_cents=burden).affordable

        assert found == 0 or affords(found)
        assert found == 5_000_000 or not affords(found + 10_000 if found else 100_000)
        assert found % 10_000 == 0

    def test_is_nothing_where_the_minimum_is_too_much(self):
        assert self.highest(150_000) == 0

    def test_is_never_above_the_maximum_of_the_grid(self):
        assert self.highest(10**9, maximum_cents=5_005_000) == 5_000_000

    def test_does_not_count_the_last_principal_of_interest_only_as_a_month(self):
        assert self.highest(800_000, method="interest_only") > self.highest(800_000)
