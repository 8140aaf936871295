"""The terms an offer stands on."""

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Terms:
    """`annual_rate` is a nominal fraction a year (0.144 = 14.4 %); `method` as in `lending.rules.schedule`."""

    amount_cents: int
    months: int
    annual_rate: Decimal
    method: str = "equal_instalment"
    fees_cents: int = 0
