"""How the customer's price is shared between who lends and who guarantees. Pure; rates are fractions a year."""

import re
from decimal import Decimal
from fractions import Fraction

from lending.common.errors import Invalid

SHARE = re.compile(r"(\d+)/(\d+) of price")
PLACES = Decimal("0.0001")


class BadShare(Invalid):
    code, title = "bad_guarantee_share", "The guarantor's share is not a part of the price"


def share_of(text: str) -> Fraction:
    """ "1/3 of price" as 1/3; "" as nothing. Raises BadShare unless it is a part of the price, below the whole."""
    if not text:
        return Fraction(0)
    found = SHARE.fullmatch(text)
    if found is None or not 0 < int(found[1]) < int(found[2]):
        raise BadShare(f"{text!r} is not a share as 1/3 of price.")
    return Fraction(int(found[1]), int(found[2]))


def guarantee_rate(*, interest: Decimal, share: Fraction) -> Decimal:
    """The guarantor's part a year, where `interest` is what the grade's price leaves the funder.

    It follows from the grade alone: what a level takes off the price comes out of the interest.
    """
    return Decimal(0) if not share else _decimal(Fraction(interest) * share / (1 - share))


def _decimal(rate: Fraction) -> Decimal:
    return (Decimal(rate.numerator) / rate.denominator).quantize(PLACES)
