"""What a borrower is offered: the schedule and cost of an amount, the ceiling it must keep, what they can afford."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

from lending.common.errors import Invalid
from lending.common.money import round_half_up
from lending.rules import annual_cost, daycount
from lending.rules.schedule import HALF_UP, INTEREST_ONLY, Line, Terms, build_schedule, plan_for

STORED_PLACES = Decimal("0.000001")
OVERDUE_FACTOR = Decimal("1.5")
OVERDUE_CEILING = Decimal("0.24")
MAX_INCOME_SHARE = Decimal("0.5")
MIN_LEFT_CENTS = 150_000


class AboveCeiling(Invalid):
    """Data `xirr`, `ceiling_xirr`: fractions as strings."""

    code, title = "above_ceiling", "The all-in annual cost is above what this product allows"


@dataclass(frozen=True, slots=True)
class Quote:
    """`irr12`, `xirr` to the six places the database keeps. `instalment_cents`: what most months cost, the first."""

    lines: tuple[Line, ...]
    instalment_cents: int
    highest_instalment_cents: int
    total_cents: int
    total_interest_cents: int
    irr12: Decimal
    xirr: Decimal


@dataclass(frozen=True, slots=True)
class Affordability:
    """`share` of net income that all instalments take (None without income); `left_cents` to live on a month."""

    affordable: bool
    share: Decimal | None
    left_cents: int


def quote(
    *,
    amount_cents: int,
    months: int,
    annual_rate: Decimal,
    method: str,
    disbursed_on: date,
    fees_cents: int = 0,
    day_count: str = daycount.MONTHS_12,
    rounding: str = HALF_UP,
    instalment_multiple_cents: int = 1,
) -> Quote:
    """Monthly schedule and both annual costs, were it paid out in full on `disbursed_on`.

    fees_cents: paid by the borrower on that day beside the loan, never deducted from it. Raises a leaf of
    InvalidTerms, NoAnnualCost.
    """
    lines = build_schedule(
        _terms(amount_cents, months, annual_rate, method, disbursed_on, day_count, rounding, instalment_multiple_cents)
    )
    flows = annual_cost.cashflows_of(lines, disbursed_on, fees_cents)
    interest = sum(line.interest_cents for line in lines)
    return Quote(
        lines=lines,
        instalment_cents=lines[0].amount_cents,
        highest_instalment_cents=monthly_burden(lines, method),
        total_cents=amount_cents + interest + fees_cents,
        total_interest_cents=interest,
        irr12=annual_cost.irr12(flows).quantize(STORED_PLACES, ROUND_HALF_EVEN),
        xirr=annual_cost.xirr(flows).quantize(STORED_PLACES, ROUND_HALF_EVEN),
    )


def guarantee_fees(lines: Sequence[Line], *, annual_rate: Decimal, guarantee_rate: Decimal) -> tuple[int, ...]:
    """What of each instalment's cost is the guarantor's, in cents; the rest of its `interest_cents` is interest.

    The customer's plan stays: both parts sum to it, and the fees to their part of all interest, rounded half up.
    """
    fees, cost, before = [], 0, 0
    for line in lines:
        cost += line.interest_cents
        upto = round_half_up(Fraction(guarantee_rate) / Fraction(annual_rate) * cost) if guarantee_rate else 0
        fees.append(upto - before)
        before = upto
    return tuple(fees)


def check_ceiling(xirr: Decimal, ceiling: Decimal) -> None:
    """The ceiling itself is allowed. Raises AboveCeiling."""
    if xirr > ceiling:
        raise AboveCeiling(f"{xirr} is above {ceiling}.", xirr=str(xirr), ceiling_xirr=str(ceiling))


def overdue_rate(annual_rate: Decimal) -> Decimal:
    """罚息: one and a half times the price, at most 24 % a year; it replaces the price, it does not add to it."""
    return min(OVERDUE_FACTOR * annual_rate, OVERDUE_CEILING)


def monthly_burden(lines: Sequence[Line], method: str) -> int:
    """The dearest month, in cents. The final principal of interest_only is no month's burden: it has its own limit."""
    if method == INTEREST_ONLY:
        return max(line.interest_cents for line in lines)
    return max(line.amount_cents for line in lines)


def affordability(
    *,
    net_income_cents: int,
    elsewhere_cents: int,
    ours_cents: int,
    max_share: Decimal = MAX_INCOME_SHARE,
    min_left_cents: int = MIN_LEFT_CENTS,
) -> Affordability:
    """All instalments a month against the verified net income: at most `max_share` of it, and enough left to live."""
    burden = elsewhere_cents + ours_cents
    left = net_income_cents - burden
    share = Decimal(burden) / net_income_cents if net_income_cents > 0 else None
    affordable = net_income_cents > 0 and burden <= max_share * net_income_cents and left >= min_left_cents
    return Affordability(affordable, share, left)


def highest_affordable(
    *,
    net_income_cents: int,
    elsewhere_cents: int,
    months: int,
    annual_rate: Decimal,
    method: str,
    disbursed_on: date,
    minimum_cents: int,
    maximum_cents: int,
    step_cents: int,
    max_share: Decimal = MAX_INCOME_SHARE,
    min_left_cents: int = MIN_LEFT_CENTS,
) -> int:
    """The highest affordable amount on the grid minimum, minimum + step, … <= maximum, in cents; 0 where none is.

    Raises a leaf of InvalidTerms.
    """
    plan = plan_for(_terms(minimum_cents, months, annual_rate, method, disbursed_on))

    def affordable(step: int) -> bool:
        burden = monthly_burden(plan.lines(minimum_cents + step * step_cents), method)
        return affordability(
            net_income_cents=net_income_cents,
            elsewhere_cents=elsewhere_cents,
            ours_cents=burden,
            max_share=max_share,
            min_left_cents=min_left_cents,
        ).affordable

    low, high = -1, (maximum_cents - minimum_cents) // step_cents  # step `low` is affordable, or is none
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if affordable(middle) else (low, middle - 1)
    return minimum_cents + low * step_cents if low >= 0 else 0


def _terms(
    amount_cents: int,
    months: int,
    annual_rate: Decimal,
    method: str,
    disbursed_on: date,
    day_count: str = daycount.MONTHS_12,
    rounding: str = HALF_UP,
    instalment_multiple_cents: int = 1,
) -> Terms:
    return Terms(
        principal_cents=amount_cents,
        annual_rate=annual_rate,
        instalments=months,
        disbursed_on=disbursed_on,
        method=method,
        day_count=day_count,
        rounding=rounding,
        instalment_multiple_cents=instalment_multiple_cents,
    )
