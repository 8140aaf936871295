"""Interest to the day, penalty, arrears classes, and what it costs to leave a loan. Functions of (state, day) alone.

Each amount is "all of it up to that day", and a step is the difference of two of them: accruing daily, weekly or
twice for the same day ends in the same cents.

Interest to the day: the period's opening balance x rate x (whole months / 12 + broken days / 360), never above the
interest the schedule gives the period, and all of it on the due day.
Penalty (罚息): simple, on the overdue principal, at the overdue rate in place of the price, calendar days / 360.
Days inside the grace are never charged, not even afterwards: on day 4 past due one day counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from lending.common.errors import Conflict, Invalid
from lending.common.money import round_half_up
from lending.rules.daycount import MONTHS_12, year_fraction

GRACE_DAYS = 3
BUCKETS = ((0, "M0"), (30, "M1"), (60, "M2"), (90, "M3"), (180, "M4"))
WRITE_OFF = "write-off"
CLASSES = ((0, "normal"), (90, "special-mention"), (270, "substandard"), (360, "doubtful"))
LOSS = "loss"


class BeforeValueDate(Invalid):
    code, title = "before_value_date", "The loan does not run yet on that day"


class CoolingOffOver(Conflict):
    """Data `ended_at`: the last instant at which the money could be returned free of cost."""

    code, title = "cooling_off_over", "The time to return the money free of cost is over"


@dataclass(frozen=True, slots=True)
class Owed:
    """One instalment as scheduled and as paid. `penalty_cents` is what has accrued of it so far."""

    number: int
    due_on: date
    principal_cents: int
    interest_cents: int
    guarantee_fee_cents: int = 0
    penalty_cents: int = 0
    paid_principal_cents: int = 0
    paid_interest_cents: int = 0
    paid_guarantee_fee_cents: int = 0
    paid_penalty_cents: int = 0

    @property
    def open_cents(self) -> int:
        scheduled = self.principal_cents + self.interest_cents + self.guarantee_fee_cents + self.penalty_cents
        return scheduled - (
            self.paid_principal_cents
            + self.paid_interest_cents
            + self.paid_guarantee_fee_cents
            + self.paid_penalty_cents
        )


@dataclass(frozen=True, slots=True)
class Charge:
    """What one instalment costs on a settlement; `waived_*` is scheduled but never falls due."""

    number: int
    principal_cents: int
    interest_cents: int
    guarantee_fee_cents: int
    penalty_cents: int
    waived_interest_cents: int
    waived_guarantee_fee_cents: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """What ends a loan on one day. `fee_cents` is 0: early settlement is free."""

    as_of: date
    charges: tuple[Charge, ...]
    principal_cents: int
    interest_cents: int
    guarantee_fee_cents: int
    penalty_cents: int
    fee_cents: int
    total_cents: int


def interest_to(
    *,
    as_of: date,
    starts_on: date,
    due_on: date,
    balance_cents: int,
    interest_cents: int,
    annual_rate: Decimal,
    day_count: str = MONTHS_12,
    due_day: int | None = None,
) -> int:
    """Interest of one period from `starts_on` up to and including `as_of`, in cents, 0 before and all after.

    balance_cents: owed during the period. interest_cents: what the schedule gives it. due_day: the loan's day of
    month, where `starts_on` stands in for it in a short month.
    """
    if as_of >= due_on:
        return interest_cents
    if as_of <= starts_on:
        return 0
    part = year_fraction(starts_on, as_of, day_count, due_day)
    return min(interest_cents, round_half_up(Fraction(annual_rate) * part * balance_cents))


def fee_to(*, interest_cents: int, scheduled_interest_cents: int, fee_cents: int) -> int:
    """The guarantee fee of a period of which `interest_cents` have accrued: it runs with the interest."""
    if not scheduled_interest_cents or interest_cents >= scheduled_interest_cents:
        return fee_cents
    return round_half_up(Fraction(fee_cents * interest_cents, scheduled_interest_cents))


def penalty_to(
    *, as_of: date, due_on: date, principal_cents: int, overdue_rate: Decimal, grace_days: int = GRACE_DAYS
) -> int:
    """Penalty on a principal unpaid since `due_on`, up to and including `as_of`, in cents."""
    days = max(0, (as_of - due_on).days - grace_days)
    return round_half_up(Fraction(overdue_rate) * principal_cents * days / 360)


def penalty_between(
    *,
    since: date,
    until: date,
    due_on: date,
    principal_cents: int,
    overdue_rate: Decimal,
    grace_days: int = GRACE_DAYS,
) -> int:
    """Penalty of the days after `since` up to and including `until`, the overdue principal unchanged between them.

    However a span is cut, its parts sum to the whole; an empty span gives 0. A payment of principal ends a span.
    """
    if until <= since:
        return 0
    upto, before = (
        penalty_to(
            as_of=day, due_on=due_on, principal_cents=principal_cents, overdue_rate=overdue_rate, grace_days=grace_days
        )
        for day in (until, since)
    )
    return upto - before


def days_past_due(instalments: Sequence[Owed], as_of: date) -> int:
    """Days since the oldest due day with anything open; 0 on a due day and where nothing is overdue."""
    return max((_days_late(one, as_of) for one in instalments), default=0)


def _days_late(one: Owed, as_of: date) -> int:
    return max(0, (as_of - one.due_on).days) if one.open_cents > 0 else 0


def bucket(days: int) -> str:
    """M0 (0 days past due), M1 to 30, M2 to 60, M3 to 90, M4 to 180, then write-off."""
    return next((name for last, name in BUCKETS if days <= last), WRITE_OFF)


def classify(days: int) -> str:
    """Five classes (五级分类): normal, special-mention to 90, substandard to 270, doubtful to 360, loss."""
    return next((name for last, name in CLASSES if days <= last), LOSS)


def settlement(
    *,
    as_of: date,
    value_date: date,
    annual_rate: Decimal,
    instalments: Sequence[Owed],
    day_count: str = MONTHS_12,
) -> Settlement:
    """What settles the loan on `as_of`: all principal, interest and guarantee fee to the day, penalty, no fee.

    annual_rate: of the interest, without the fee. instalments: in order; their penalty accrued to `as_of`. The
    guarantee fee is part of the price, so it runs with the interest. What was paid beyond the day is not given back.
    Raises BeforeValueDate.
    """
    if as_of < value_date:
        raise BeforeValueDate(f"The value date is {value_date.isoformat()}.")
    balance, starts_on, charges = sum(one.principal_cents for one in instalments), value_date, []
    for one in instalments:
        interest = interest_to(
            as_of=as_of,
            starts_on=starts_on,
            due_on=one.due_on,
            balance_cents=balance,
            interest_cents=one.interest_cents,
            annual_rate=annual_rate,
            day_count=day_count,
            due_day=value_date.day,
        )
        charges.append(_charge(one, interest))
        balance, starts_on = balance - one.principal_cents, one.due_on
    principal, interest = sum(c.principal_cents for c in charges), sum(c.interest_cents for c in charges)
    guarantee, penalty = sum(c.guarantee_fee_cents for c in charges), sum(c.penalty_cents for c in charges)
    total = principal + interest + guarantee + penalty
    return Settlement(as_of, tuple(charges), principal, interest, guarantee, penalty, 0, total)


def _charge(one: Owed, interest: int) -> Charge:
    """`interest`: accrued of this instalment. The fee accrues in the same proportion."""
    fee = fee_to(
        interest_cents=interest, scheduled_interest_cents=one.interest_cents, fee_cents=one.guarantee_fee_cents
    )
    open_interest = max(0, interest - one.paid_interest_cents)
    open_fee = max(0, fee - one.paid_guarantee_fee_cents)
    return Charge(
        number=one.number,
        principal_cents=one.principal_cents - one.paid_principal_cents,
        interest_cents=open_interest,
        guarantee_fee_cents=open_fee,
        penalty_cents=one.penalty_cents - one.paid_penalty_cents,
        waived_interest_cents=one.interest_cents - one.paid_interest_cents - open_interest,
        waived_guarantee_fee_cents=one.guarantee_fee_cents - one.paid_guarantee_fee_cents - open_fee,
    )


def cooling_off_amount(*, principal_cents: int, paid_out_at: datetime, at: datetime, free_hours: int = 24) -> int:
    """What to return to undo the loan: the principal and nothing else, until `free_hours` by the clock have passed.

    Raises CoolingOffOver.
    """
    ended_at = paid_out_at + timedelta(hours=free_hours)
    if at > ended_at:
        raise CoolingOffOver(f"It ended at {ended_at.isoformat()}.", ended_at=ended_at.isoformat())
    return principal_cents
