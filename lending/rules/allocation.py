"""Which debts a repayment pays (servicing terms `allocation_to_90dpd`, `allocation_over_90dpd`)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from lending.common.errors import Invalid

PENALTY, INTEREST, GUARANTEE_FEE, PRINCIPAL = PARTS = ("penalty", "interest", "guarantee_fee", "principal")
ORDER_TO_90 = (PENALTY, INTEREST, GUARANTEE_FEE, PRINCIPAL)
ORDER_OVER_90 = (PRINCIPAL, INTEREST, GUARANTEE_FEE, PENALTY)


class AmountNotPositive(Invalid):
    code, title = "amount_not_positive", "A repayment is a whole number of cents above zero"


class UnknownAllocationOrder(Invalid):
    code, title = "unknown_allocation_order", f"An order names each of {', '.join(PARTS)} once"


@dataclass(frozen=True, slots=True)
class Due:
    """What is still open of one instalment; also what a repayment paid of it."""

    number: int
    due_on: date
    penalty_cents: int = 0
    interest_cents: int = 0
    guarantee_fee_cents: int = 0
    principal_cents: int = 0

    @property
    def total_cents(self) -> int:
        return self.penalty_cents + self.interest_cents + self.guarantee_fee_cents + self.principal_cents


@dataclass(frozen=True, slots=True)
class Allocation:
    """`paid`: one Due per instalment that got anything, oldest first. paid + `leftover_cents` = the amount."""

    paid: tuple[Due, ...]
    leftover_cents: int

    def total(self, part: str) -> int:
        """All that went to one of PARTS, in cents."""
        return sum(_of(due, part) for due in self.paid)


def order_for(days_past_due: int) -> tuple[str, ...]:
    """Past 90 days the debt itself comes first, so that the borrower's payments shrink it."""
    return ORDER_OVER_90 if days_past_due > 90 else ORDER_TO_90


def read_order(words: str) -> tuple[str, ...]:
    """'penalty interest guarantee_fee principal' as configured. Raises UnknownAllocationOrder."""
    order = tuple(words.split())
    if sorted(order) != sorted(PARTS):
        raise UnknownAllocationOrder(f"{words!r} is not an order.")
    return order


def allocate(*, amount_cents: int, dues: Iterable[Due], order: Sequence[str]) -> Allocation:
    """Pay the oldest instalment in full, part by part in `order`, then the next; the rest is left over.

    Conserves: paid + leftover = amount, and no part is paid beyond what is open. Raises AmountNotPositive.
    """
    if type(amount_cents) is not int or amount_cents <= 0:
        raise AmountNotPositive(f"{amount_cents!r} cannot be allocated.")
    left, paid = amount_cents, []
    for due in sorted(dues, key=lambda one: (one.due_on, one.number)):
        took: dict[str, int] = {}
        for part in order:
            took[f"{part}_cents"] = share = min(left, _of(due, part))
            left -= share
        if any(took.values()):
            paid.append(Due(due.number, due.due_on, **took))
    return Allocation(tuple(paid), left)


def _of(due: Due, part: str) -> int:
    cents: int = getattr(due, f"{part}_cents")
    return cents
