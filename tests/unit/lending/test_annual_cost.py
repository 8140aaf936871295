from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lending.rules.annual_cost import Cashflow, NoAnnualCost, cashflows_of, irr12, xirr
from lending.rules.schedule import Terms, build_schedule

DAY = date(2026, 1, 1)
STARTS = [DAY + timedelta(days=n) for n in range(730)]  # every day of 2026 and 2027


def flows(*pairs: tuple[int, int]) -> list[Cashflow]:
    """(days after DAY, cents)."""
    return [Cashflow(DAY + timedelta(days=days), cents) for days, cents in pairs]


def loan(rate: str, months: int, day: date = DAY, **more) -> tuple[Cashflow, ...]:
    return cashflows_of(build_schedule(Terms(1_000_000, Decimal(rate), months, day, **more)), day)


def present_value(found: list[Cashflow], rate: Decimal) -> Decimal:
    """At an effective yearly rate, to 60 digits."""
    with localcontext(prec=60):
        first = min(flow.on for flow in found)
        return sum(
            (flow.amount_cents * (1 + rate) ** (-Decimal((flow.on - first).days) / 365) for flow in found), Decimal(0)
        )


class TestPriceList:
    """The prices of the demo configuration under the 24 % ceiling, over every start date of 2026 and 2027."""

    @pytest.mark.parametrize(
        ("price", "published"), [("0.108", "0.1180"), ("0.144", "0.1601"), ("0.18", "0.2036"), ("0.204", "0.2335")]
    )
    def test_costs_at_worst_what_is_published_for_three_months(self, price, published):
        methods = ("equal_instalment", "equal_principal")
        worst = max(xirr(loan(price, 3, day, method=method)) for day in STARTS for method in methods)
        assert worst.quantize(Decimal("0.0001"), ROUND_HALF_UP) == Decimal(published)

    @pytest.mark.parametrize("price", ["0.108", "0.204"])
    def test_costs_less_the_longer_it_runs(self, price):
        worst = [max(xirr(loan(price, months, day)) for day in STARTS[::7]) for months in (3, 6, 12, 24)]
        assert worst == sorted(worst, reverse=True)

    @pytest.mark.parametrize(("months", "worst"), [(3, "0.2486"), (12, "0.2407")])
    def test_a_nominal_21_6_is_under_24_by_irr12_and_breaks_it_by_xirr(self, months, worst):
        found = max((loan("0.216", months, day) for day in STARTS), key=xirr)
        assert xirr(found).quantize(Decimal("0.0001"), ROUND_HALF_UP) == Decimal(worst)
        assert xirr(found) > Decimal("0.24") > irr12(found)


class TestXirr:
    def test_is_the_effective_rate_over_a_year(self):
        assert xirr(flows((0, 100_000), (365, -110_000))) == Decimal("0.10000000")

    def test_counts_a_leap_day(self):
        assert xirr([Cashflow(date(2024, 1, 1), 100), Cashflow(date(2025, 1, 1), -110)]) < Decimal("0.1")

    def test_is_negative_where_less_comes_back(self):
        assert xirr(flows((0, 100_000), (365, -90_000))) == Decimal("-0.10000000")

    def test_is_zero_where_the_same_comes_back(self):
        assert str(xirr(flows((0, 100_000), (90, -100_000)))) == "0E-8"

    def test_grows_with_a_fee_paid_beside_the_loan(self):
        lines = build_schedule(Terms(1_000_000, Decimal("0.144"), 12, DAY))
        assert xirr(cashflows_of(lines, DAY, fees_cents=10_000)) > xirr(cashflows_of(lines, DAY))

    def test_finds_a_rate_beyond_any_loan(self):
        assert xirr(flows((0, 100_000), (1, -101_000))) == Decimal("36.78343433")

    @given(
        st.integers(100_000, 10**9),
        st.lists(st.tuples(st.integers(20, 2000), st.integers(1, 100)), min_size=1, max_size=36),
        st.integers(50, 300),
    )
    @settings(deadline=None)
    def test_solves_every_loan(self, principal, weights, percent):
        """Half to three times of it paid back, on any days, in any parts."""
        total = sum(weight for _, weight in weights)
        payments = [(days, -(principal * percent * weight // (100 * total))) for days, weight in weights]
        found = flows((0, principal), *payments)
        rate, tick = xirr(found), Decimal("0.00000001")
        assume(Decimal("-0.99") < rate < 1000)
        assert present_value(found, rate - tick) <= 0 <= present_value(found, rate + tick)


class TestIrr12:
    @given(st.sampled_from(("0.108", "0.204")), st.integers(2, 24), st.sampled_from(STARTS))
    @settings(deadline=None)
    def test_is_the_nominal_price_of_a_monthly_schedule_whatever_day_it_starts(self, price, months, day):
        assert abs(irr12(loan(price, months, day)) - Decimal(price)) < Decimal("0.00001")

    def test_counts_broken_days_as_thirtieths_of_a_month(self):
        assert irr12(flows((0, 100_000), (15, -100_500))) == Decimal("0.12030000")  # 1.005 ** 2 - 1, times 12

    def test_counts_a_short_month_whole(self):
        on = [Cashflow(date(2026, 1, 31), 100_000), Cashflow(date(2026, 2, 28), -101_000)]
        assert irr12(on) == Decimal("0.12000000")


class TestNoAnnualCost:
    @pytest.mark.parametrize("cost", [xirr, irr12])
    @pytest.mark.parametrize(
        ("found", "cause"),
        [
            (flows(), "no_cashflows"),
            (flows((0, 100)), "one_date"),
            (flows((0, 100), (0, -110)), "one_date"),
            (flows((0, 100), (30, 100)), "one_sign"),
            (flows((0, 0), (30, 0)), "one_sign"),
            (flows((0, 100), (365, -230), (730, 132)), "several_rates"),
            (flows((0, 100), (365, -100), (730, 100)), "no_rate"),
            (flows((0, 1), (1, -(10**15)), (2, 1)), "several_rates"),
            (flows((0, 10**16), (1, -(10**15))), "amount_out_of_range"),
        ],
    )
    def test_says_why(self, cost, found, cause):
        with pytest.raises(NoAnnualCost) as none:
            cost(found)
        assert (none.value.code, none.value.data["cause"]) == ("no_annual_cost", cause)

    def test_is_not_claimed_where_a_refund_leaves_one_rate(self):
        found = flows((0, 100_000), (180, -60_000), (200, 500), (365, -55_000))
        rate = xirr(found)
        assert present_value(found, rate - Decimal("1e-8")) <= 0 <= present_value(found, rate + Decimal("1e-8"))
