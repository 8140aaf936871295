from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lending.common.money import NotMoney, cents, format_cents, percent, round_half_even, round_half_up


class TestRounding:
    @pytest.mark.parametrize(
        ("amount", "up", "even"), [("0.5", 1, 0), ("1.5", 2, 2), ("2.5", 3, 2), ("-0.5", -1, 0), ("2.4999", 2, 2)]
    )
    def test_sends_a_tie_away_from_zero_or_to_the_even_neighbour(self, amount, up, even):
        for exact in (Decimal(amount), Fraction(amount)):
            assert (round_half_up(exact), round_half_even(exact)) == (up, even)

    @given(st.decimals(-(10**12), 10**12, places=3))
    def test_is_the_same_for_a_decimal_and_a_fraction(self, amount):
        assert round_half_up(amount) == round_half_up(Fraction(amount))
        assert round_half_even(amount) == round_half_even(Fraction(amount))


class TestCents:
    @pytest.mark.parametrize(
        ("yuan", "expected"), [("10.5", 1050), (7, 700), (Decimal("-0.01"), -1), ("1000.00", 100000), ("1.230", 123)]
    )
    def test_is_exact(self, yuan, expected):
        assert cents(yuan) == expected

    @pytest.mark.parametrize("yuan", ["10.005", 1.5, True, "", "ten", "NaN", "Infinity", None, "1e15"])
    def test_refuses_what_is_no_exact_amount(self, yuan):
        with pytest.raises(NotMoney):
            cents(yuan)

    @given(st.integers(-(10**14), 10**14))
    def test_undoes_formatting(self, amount):
        assert cents(format_cents(amount).replace("¥", "").replace(",", "")) == amount


class TestFormatting:
    def test_groups_thousands_and_signs_in_front_of_the_symbol(self):
        assert format_cents(1_000_000) == "¥10,000.00"
        assert format_cents(-5) == "-¥0.05"
        assert format_cents(123_456, "EUR") == "€1,234.56"
        assert format_cents(100, "SEK") == "SEK 1.00"

    def test_writes_a_rate_as_percent(self):
        assert percent(Decimal("0.144")) == "14.40%"
        assert percent(Decimal("0.235"), 1) == "23.5%"
