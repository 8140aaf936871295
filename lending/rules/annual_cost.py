"""What a loan costs a year over every cash flow of the borrower, in the two ways that are always shown together.

irr12  The monthly rate j with sum(amount * (1 + j)^-t) = 0, times 12. t counts months from the first flow as the
       product does: a whole month to the same day (or the last day, 对日) is 1, a day beyond it 1/30. On a monthly
       schedule t is 0, 1, 2, …; any other dates lie on the same grid.
xirr   The effective yearly rate r with sum(amount * (1 + r)^-(days/365)) = 0: calendar days, 365 in leap years too.

Money out to the borrower is positive, money the borrower pays is negative. A rate is found where exactly one exists:
flows that change sign once have one (Descartes), negative when less is paid back than was received. Flows that
change sign more often are searched over the whole range and refused unless one single rate solves them.
Results are fractions (0.118 = 11.8 %), rounded half even to 8 places.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from itertools import pairwise
from math import exp, expm1

from lending.common.errors import Invalid
from lending.common.money import MAX_CENTS
from lending.rules.daycount import months_and_days
from lending.rules.schedule import Line

PLACES = Decimal("0.00000001")
STEEPEST = 600.0  # no discount factor passes exp(600), which times MAX_CENTS a float still holds
SEARCH_STEPS = 2000


class NoAnnualCost(Invalid):
    """Data `cause`: no_cashflows, amount_out_of_range, one_date, one_sign, no_rate or several_rates."""

    code, title = "no_annual_cost", "These cash flows have no annual cost"


@dataclass(frozen=True, slots=True)
class Cashflow:
    on: date
    amount_cents: int


def cashflows_of(lines: Sequence[Line], disbursed_on: date, fees_cents: int = 0) -> tuple[Cashflow, ...]:
    """The borrower's flows of a schedule: principal in on `disbursed_on` less fees paid then, instalments out."""
    principal = sum(line.principal_cents for line in lines)
    paid_out = Cashflow(disbursed_on, principal - fees_cents)
    return (paid_out, *(Cashflow(line.due_on, -line.amount_cents) for line in lines))


def xirr(cashflows: Sequence[Cashflow]) -> Decimal:
    """Effective annual rate, actual/365. Raises NoAnnualCost."""
    first = _first_day(cashflows)
    intensity = _intensity([(flow.amount_cents, (flow.on - first).days / 365) for flow in cashflows])
    return _rounded(intensity, 1)


def irr12(cashflows: Sequence[Cashflow]) -> Decimal:
    """Monthly rate of return times 12. Raises NoAnnualCost."""
    first = _first_day(cashflows)
    intensity = _intensity([(flow.amount_cents, _months(first, flow.on)) for flow in cashflows])
    return _rounded(intensity, 12)


def _first_day(cashflows: Sequence[Cashflow]) -> date:
    if not cashflows:
        raise NoAnnualCost("There is no cash flow.", cause="no_cashflows")
    if any(abs(flow.amount_cents) > MAX_CENTS for flow in cashflows):
        raise NoAnnualCost(f"An amount is above {MAX_CENTS} cents.", cause="amount_out_of_range")
    return min(flow.on for flow in cashflows)


def _months(first: date, on: date) -> float:
    months, days = months_and_days(first, on)
    return months + days / 30


def _rounded(intensity: float, times: int) -> Decimal:
    """Fifteen digits are what a float knows; eight places are what is shown."""
    if intensity > STEEPEST:
        raise NoAnnualCost("No rate that can be written down solves these flows.", cause="no_rate")
    rate = Decimal(f"{times * expm1(intensity):.15g}")
    with localcontext(prec=400):
        return rate.quantize(PLACES, ROUND_HALF_EVEN) + 0  # + 0: no "-0"


def _intensity(flows: Sequence[tuple[int, float]]) -> float:
    """The g = ln(1 + rate) with sum(amount * exp(-g * t)) = 0. flows: (amount, t >= 0)."""
    by_time: dict[float, int] = {}
    for amount, time in flows:
        by_time[time] = by_time.get(time, 0) + amount
    net = [(amount, time) for time, amount in sorted(by_time.items()) if amount]
    changes = sum((a > 0) != (b > 0) for (a, _), (b, _) in pairwise(net))
    if not changes:
        cause = "one_date" if len(by_time) == 1 else "one_sign"
        raise NoAnnualCost("Money must flow both ways, on two dates or more.", cause=cause)
    # Shifting the origin multiplies the sum by a power of e and moves no root.
    net = [(amount, time - net[0][1]) for amount, time in net]
    limit = STEEPEST / net[-1][1]

    def value(g: float) -> float:
        return sum(amount * exp(-g * time) for amount, time in net)

    def slope(g: float) -> float:
        return sum(-time * amount * exp(-g * time) for amount, time in net)

    if changes == 1:
        low, high = _around_zero(value, limit)
    else:
        low, high = _only_bracket(value, limit)
    return _root(value, slope, low, high)


def _around_zero(value: Callable[[float], float], limit: float) -> tuple[float, float]:
    """A bracket of the one root, grown outwards from 0 on the side where it lies."""
    at_zero = value(0.0)
    if at_zero == 0:
        return 0.0, 0.0
    for direction in (1.0, -1.0):
        inner, outer = 0.0, min(0.25, limit)
        while True:
            reached = value(direction * outer)
            if (reached > 0) != (at_zero > 0):
                return min(direction * inner, direction * outer), max(direction * inner, direction * outer)
            if outer == limit:
                break
            inner, outer = outer, min(2 * outer, limit)
    raise NoAnnualCost("No rate that can be written down solves these flows.", cause="no_rate")


def _only_bracket(value: Callable[[float], float], limit: float) -> tuple[float, float]:
    """Brackets between neighbours of a grid that is fine near 0 and coarse far out; there must be exactly one."""
    half = SEARCH_STEPS // 2
    grid = [limit * (step / half) * abs(step / half) ** 2 for step in range(-half, half + 1)]
    known = [(g, value(g)) for g in grid]
    brackets = [(low, high) for (low, a), (high, b) in pairwise(known) if a and (b == 0 or (a > 0) != (b > 0))]
    if len(brackets) != 1:
        cause = "several_rates" if brackets else "no_rate"
        raise NoAnnualCost(f"{len(brackets)} rates solve these flows.", cause=cause)
    return brackets[0]


def _root(value: Callable[[float], float], slope: Callable[[float], float], low: float, high: float) -> float:
    """Newton inside a shrinking bracket; a step that would leave it becomes a bisection."""
    rising = value(low) < 0
    g = (low + high) / 2
    for _ in range(200):
        at = value(g)
        if at == 0 or low == high:
            return g
        if (at > 0) == rising:
            high = g
        else:
            low = g
        steep = slope(g)
        following = g - at / steep if steep else low
        if not low < following < high:
            following = (low + high) / 2
        if abs(following - g) <= 1e-16 + 1e-15 * abs(g):
            return following
        g = following
    return g
