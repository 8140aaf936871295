"""Money is `int` minor units (`_cents`), rates are `Decimal` fractions; this is where the two meet text.

Pure: no Django. Rounding of an amount happens in `lending.rules`, once; the two functions here are the only ways.
"""

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction

from lending.common.errors import Invalid

SYMBOLS = {"CNY": "¥", "EUR": "€"}

MAX_CENTS = 10**15  # far above any note, far below what a bigint holds


class NotMoney(Invalid):
    code, title = "not_money", "Not an amount of money"


def round_half_up(amount: Decimal | Fraction) -> int:
    """The nearest integer; a tie goes away from zero (0.5 -> 1, -0.5 -> -1)."""
    if isinstance(amount, Decimal):
        return int(amount.to_integral_value(ROUND_HALF_UP))
    sign = -1 if amount < 0 else 1
    return sign * int((2 * abs(amount.numerator) + amount.denominator) // (2 * amount.denominator))


def round_half_even(amount: Decimal | Fraction) -> int:
    """The nearest integer; a tie goes to the even neighbour (0.5 -> 0, 1.5 -> 2)."""
    return int(amount.to_integral_value(ROUND_HALF_EVEN)) if isinstance(amount, Decimal) else round(amount)


def cents(yuan: str | int | Decimal) -> int:
    """Major units to minor, exactly: "10.5" -> 1050. A float or a third decimal raises NotMoney."""
    if isinstance(yuan, (bool, float)):
        raise NotMoney(f"{yuan!r} is not an exact amount")
    try:
        scaled = Decimal(yuan).scaleb(2)
        exact = scaled.is_finite() and scaled == scaled.to_integral_value()
    except (ArithmeticError, ValueError, TypeError) as error:
        raise NotMoney(f"{yuan!r} is not an amount") from error
    if not exact:
        raise NotMoney(f"{yuan!r} is not a whole number of cents")
    if abs(scaled) > MAX_CENTS:
        raise NotMoney(f"{yuan!r} is out of range")
    return int(scaled)


def format_cents(amount_cents: int, currency: str = "CNY") -> str:
    """1000000 -> '¥10,000.00'; an unknown currency is written as its code in front ('SEK 1.00')."""
    sign = "-" if amount_cents < 0 else ""
    major, minor = divmod(abs(amount_cents), 100)
    return f"{sign}{SYMBOLS.get(currency, currency + ' ')}{major:,}.{minor:02d}"


def format_known(amount_cents: int | None) -> str:
    """As `format_cents`; "-" for an amount that nobody knows."""
    return "-" if amount_cents is None else format_cents(amount_cents)


def percent(rate: Decimal, places: int = 2) -> str:
    """A fraction as people read it: Decimal("0.144") -> '14.40%', half up."""
    return f"{(rate * 100).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)}%"
