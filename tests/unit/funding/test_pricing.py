"""What of the customer's price is the guarantor's, and that the instalments still sum to the customer's plan."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding.rules import pricing
from lending.rules import offer


@pytest.mark.parametrize(("interest", "fee"), [("0.0720", "0.0360"), ("0.0960", "0.0480"), ("0.1200", "0.0600")])
def test_a_third_of_the_grade_s_price(interest: str, fee: str) -> None:
    share = pricing.share_of("1/3 of price")
    assert pricing.guarantee_rate(interest=Decimal(interest), share=share) == Decimal(fee)
    assert pricing.guarantee_rate(interest=Decimal(interest), share=Fraction(0)) == 0


@pytest.mark.parametrize("text", ["1/3", "0/3 of price", "3/3 of price", "1/0 of price", "a third", "-1/3 of price"])
def test_refuses_what_is_no_part(text: str) -> None:
    with pytest.raises(pricing.BadShare):
        pricing.share_of(text)
    assert pricing.share_of("") == 0


@given(
    amount=st.integers(100_000, 10_000_000),
    months=st.sampled_from([3, 6, 12, 24]),
    rate=st.sampled_from(["0.1080", "0.1440", "0.1380", "0.1800"]),
    method=st.sampled_from(["equal_instalment", "equal_principal", "interest_only"]),
)
def test_fees_and_interest_sum_to_the_plan_and_each_stays_near_its_part(
    amount: int, months: int, rate: str, method: str
) -> None:
    price, fee = Decimal(rate), Decimal("0.0360")
    plan = offer.quote(
        amount_cents=amount, months=months, annual_rate=price, method=method, disbursed_on=date(2026, 3, 2)
    )
    fees = offer.guarantee_fees(plan.lines, annual_rate=price, guarantee_rate=fee)
    assert all(0 <= part <= line.interest_cents for part, line in zip(fees, plan.lines, strict=True))
    assert abs(sum(fees) - plan.total_interest_cents * Fraction(fee) / Fraction(price)) <= Fraction(1, 2)
    for part, line in zip(fees, plan.lines, strict=True):
        assert abs(part - line.interest_cents * Fraction(fee) / Fraction(price)) <= 1
    assert not any(offer.guarantee_fees(plan.lines, annual_rate=price, guarantee_rate=Decimal(0)))
