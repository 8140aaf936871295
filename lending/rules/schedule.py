"""Repayment schedules, exact to the cent: integers and one common denominator, no float, no Decimal inside.

The rule (product terms; the outside recomputes it with `manage.py schedule`):

- f(k) = annual rate x the year fraction of period k (`daycount`).
- equal_instalment: instalment = P * prod(1 + f(k)) / S with S(k) = S(k-1) * (1 + f(k)) + 1, over the instalments
  that carry principal, rounded to `instalment_multiple_cents`; principal = instalment - interest.
- equal_principal: P / number of instalments that carry principal, rounded to the multiple; interest on top.
- interest_only: principal in the last instalment alone (the same as a grace of all the others; no multiple).
- Every interest is the rounded balance x f(k), rounded once.
- The last row takes the rest, whatever it is: principal parts always sum to P and the balance ends at 0.

Due dates: the day of month of the disbursement, the last day where a month has none (对日); `first_due_on` moves
the series to its own day of month; `due_on` gives every date. A broken first period is counted by the day count.
Refused rather than bent: an instalment below its interest, and terms under which the debt is gone before the last.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from math import ceil, lcm
from typing import NamedTuple

from lending.common.errors import Invalid
from lending.common.money import MAX_CENTS
from lending.rules import daycount

EQUAL_INSTALMENT, EQUAL_PRINCIPAL, INTEREST_ONLY = METHODS = ("equal_instalment", "equal_principal", "interest_only")
MONTH, WEEK, DAY = UNITS = ("month", "week", "day")
HALF_UP, HALF_EVEN = ROUNDINGS = ("half_up", "half_even")

MAX_INSTALMENTS = 1200
MAX_RATE = 100  # 10,000 % a year: no price, only a guard against absurd exponents
MAX_EVERY = 1200


class InvalidTerms(Invalid):
    code, title = "invalid_terms", "These terms make no schedule"


class PrincipalOutOfRange(InvalidTerms):
    code, title = "principal_out_of_range", "The principal is a whole number of cents above zero"


class RateOutOfRange(InvalidTerms):
    code, title = "rate_out_of_range", "The annual rate is a decimal fraction, zero or more"


class InstalmentsOutOfRange(InvalidTerms):
    code, title = "instalments_out_of_range", f"The number of instalments is 1 to {MAX_INSTALMENTS}"


class UnknownPeriod(InvalidTerms):
    code, title = "unknown_period", f"A period is every 1 to {MAX_EVERY} of month, week or day"


class DueDatesInvalid(InvalidTerms):
    code, title = "due_dates_invalid", "Due dates rise, begin after the disbursement, and are one per instalment"


class MultipleOutOfRange(InvalidTerms):
    code, title = "multiple_out_of_range", "The multiple is a whole number of cents above zero"


class GraceOutOfRange(InvalidTerms):
    code, title = "grace_out_of_range", "The grace is zero or more and leaves one instalment with principal"


class UnknownMethod(InvalidTerms):
    code, title = "unknown_method", f"The method is one of {', '.join(METHODS)}"


class UnknownDayCount(InvalidTerms):
    code, title = "unknown_day_count", f"The day count is one of {', '.join(daycount.DAY_COUNTS)}"


class UnknownRounding(InvalidTerms):
    code, title = "unknown_rounding", f"The rounding is one of {', '.join(ROUNDINGS)}"


class MonthsNeedMonths(InvalidTerms):
    code, title = "day_count_needs_months", "Day count months/12 goes with periods of months or with given due dates"


class NegativeAmortisation(InvalidTerms):
    code, title = "negative_amortisation", "An instalment would not cover its own interest"


class RepaidEarly(InvalidTerms):
    code, title = "repaid_early", "The debt would be repaid before the last instalment"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a schedule is made of. Rate: nominal fraction a year (0.144); `due_on` replaces the period."""

    principal_cents: int
    annual_rate: Decimal
    instalments: int
    disbursed_on: date
    unit: str = MONTH
    every: int = 1
    first_due_on: date | None = None
    due_on: tuple[date, ...] = ()
    method: str = EQUAL_INSTALMENT
    day_count: str = daycount.MONTHS_12
    rounding: str = HALF_UP
    instalment_multiple_cents: int = 1
    principal_grace: int = 0


class Period(NamedTuple):
    """`days`: 30/360 days under 30/360, calendar days otherwise."""

    number: int
    due_on: date
    days: int


Row = tuple[Period, int, int, int]  # principal, interest, balance in cents


class Line(Row):
    """One instalment: a Row with names. Twelve of these cost half of what twelve NamedTuples cost."""

    __slots__ = ()

    @property
    def number(self) -> int:
        return self[0].number

    @property
    def due_on(self) -> date:
        return self[0].due_on

    @property
    def days(self) -> int:
        return self[0].days

    @property
    def principal_cents(self) -> int:
        return self[1]

    @property
    def interest_cents(self) -> int:
        return self[2]

    @property
    def balance_cents(self) -> int:
        """Still owed after this instalment is paid."""
        return self[3]

    @property
    def amount_cents(self) -> int:
        return self[1] + self[2]


@dataclass(frozen=True, slots=True)
class Plan:
    """Terms without the amount, worked out: one plan serves every principal on the same terms.

    Periods come with their factor, f(k) = factor / scale, scale even: those of `grace` carry interest only, `body` are
    those between, `last` takes the rest. The instalment (its principal part, under equal_principal) is
    multiple * round(principal * share / unit), unit even. `plain_from`: equal instalments, half up, no grace, and
    from this principal on no instalment can be below its interest (above MAX_CENTS where that is not so).
    """

    grace: tuple[tuple[Period, int], ...]
    body: tuple[tuple[Period, int], ...]
    last: tuple[Period, int]
    scale: int
    share: int
    unit: int
    multiple: int
    equal_principal: bool
    half_even: bool
    plain_from: int

    def level_cents(self, principal_cents: int) -> int:
        """The agreed instalment (its principal part, under equal_principal), rounded to the multiple."""
        return self.multiple * _divide(principal_cents * self.share, self.unit, self.half_even)

    def lines(self, principal_cents: int) -> tuple[Line, ...]:
        """The schedule of `principal_cents`. Raises PrincipalOutOfRange, NegativeAmortisation, RepaidEarly."""
        return tuple(map(Line, self.rows(principal_cents)))

    def rows(self, principal_cents: int) -> list[Row]:
        """What `lines` are made of, for loops that only count. Raises as `lines` does."""
        if type(principal_cents) is not int or not self.plain_from <= principal_cents <= MAX_CENTS:
            return self._any_rows(principal_cents)
        # What nearly every loan is, written without a call: `_any_rows` gives the same rows at two thirds the speed.
        balance, scale, half, unit = principal_cents, self.scale, self.scale >> 1, self.unit
        level = self.multiple * ((balance * self.share + (unit >> 1)) // unit)
        rows = []
        for period, factor in self.body:
            interest = (balance * factor + half) // scale
            principal = level - interest
            balance -= principal
            rows.append((period, principal, interest, balance))
        if balance <= 0:
            raise RepaidEarly(f"Instalments of {level} cents repay it before the last.")
        period, factor = self.last
        rows.append((period, balance, (balance * factor + half) // scale, 0))
        return rows

    def _any_rows(self, principal_cents: int) -> list[Row]:
        if type(principal_cents) is not int or not 0 < principal_cents <= MAX_CENTS:
            raise PrincipalOutOfRange(f"{principal_cents!r} is not a principal.")
        balance, level, rows = principal_cents, self.level_cents(principal_cents), []
        for period, factor in (*self.grace, *self.body):
            interest = _divide(balance * factor, self.scale, self.half_even)
            carried = level if self.equal_principal else level - interest
            principal = 0 if period.number <= len(self.grace) else carried
            if principal < 0:
                raise NegativeAmortisation(f"Instalment {period.number} is below its interest of {interest} cents.")
            balance -= principal
            rows.append((period, principal, interest, balance))
        if balance <= 0:
            raise RepaidEarly(f"Instalments of {level} cents repay it before the last.")
        period, factor = self.last
        rows.append((period, balance, _divide(balance * factor, self.scale, self.half_even), 0))
        return rows


def build_schedule(terms: Terms) -> tuple[Line, ...]:
    """One Line per instalment, in order; principal parts sum to `principal_cents`. Raises a leaf of InvalidTerms."""
    return plan_for(terms).lines(terms.principal_cents)


def plan_for(terms: Terms) -> Plan:
    """The amount-free part of `terms`, kept for the next amount on the same terms. Raises a leaf of InvalidTerms."""
    return _plan(
        terms.annual_rate,
        terms.instalments,
        terms.disbursed_on,
        terms.unit,
        terms.every,
        terms.first_due_on,
        terms.due_on,
        terms.method,
        terms.day_count,
        terms.rounding,
        terms.instalment_multiple_cents,
        terms.principal_grace,
    )


@lru_cache(maxsize=1024)
def _plan(
    annual_rate: Decimal,
    instalments: int,
    disbursed_on: date,
    unit: str,
    every: int,
    first_due_on: date | None,
    due_on: tuple[date, ...],
    method: str,
    day_count: str,
    rounding: str,
    multiple: int,
    grace: int,
) -> Plan:
    _check(annual_rate, instalments, method, day_count, rounding, multiple, grace)
    dates = _given(disbursed_on, instalments, due_on, first_due_on) if due_on else ()
    if not dates:
        _check_period(unit, every, day_count)
        dates = _series(disbursed_on, instalments, unit, every, first_due_on)
    factors = _factors(annual_rate, disbursed_on, dates, day_count)
    scale = lcm(2, *(factor.denominator for factor in factors))
    numerators = [factor.numerator * (scale // factor.denominator) for factor in factors]
    periods = [
        (Period(number, end, daycount.count_days(start, end, day_count)), numerator)
        for number, (start, end), numerator in zip(
            range(1, instalments + 1), pairwise((disbursed_on, *dates)), numerators, strict=True
        )
    ]
    if method == INTEREST_ONLY:
        grace, multiple = instalments - 1, 1
    level = Fraction(1, instalments - grace) if method == EQUAL_PRINCIPAL else _annuity(numerators[grace:], scale)
    spare = level - Fraction(max(numerators[grace:-1], default=0), scale)
    plain = method == EQUAL_INSTALMENT and rounding == HALF_UP and not grace and spare > 0
    return Plan(
        grace=tuple(periods[:grace]),
        body=tuple(periods[grace:-1]),
        last=periods[-1],
        scale=scale,
        share=2 * level.numerator,
        unit=2 * level.denominator * multiple,
        multiple=multiple,
        equal_principal=method == EQUAL_PRINCIPAL,
        half_even=rounding == HALF_EVEN,
        plain_from=ceil((multiple + 1) / (2 * spare)) if plain else MAX_CENTS + 1,
    )


def _check(
    annual_rate: Decimal, instalments: int, method: str, day_count: str, rounding: str, multiple: int, grace: int
) -> None:
    if not isinstance(annual_rate, Decimal) or not annual_rate.is_finite() or not 0 <= annual_rate <= MAX_RATE:
        raise RateOutOfRange(f"{annual_rate!s} is not a rate.")
    if len(annual_rate.as_tuple().digits) > 20 or annual_rate.adjusted() < -20:
        raise RateOutOfRange("A rate has at most 20 digits.")
    if not _whole(instalments, 1, MAX_INSTALMENTS):
        raise InstalmentsOutOfRange(f"{instalments!r} is not a number of instalments.")
    if not _whole(multiple, 1, MAX_CENTS):
        raise MultipleOutOfRange(f"{multiple!r} is not a multiple.")
    if not _whole(grace, 0, instalments - 1):
        raise GraceOutOfRange(f"{grace!r} leaves no instalment of {instalments} with principal.")
    if method not in METHODS:
        raise UnknownMethod(f"{method!r} is unknown.")
    if day_count not in daycount.DAY_COUNTS:
        raise UnknownDayCount(f"{day_count!r} is unknown.")
    if rounding not in ROUNDINGS:
        raise UnknownRounding(f"{rounding!r} is unknown.")


def _check_period(unit: str, every: int, day_count: str) -> None:
    if unit not in UNITS or not _whole(every, 1, MAX_EVERY):
        raise UnknownPeriod(f"Every {every!r} {unit!r} is unknown.")
    if day_count == daycount.MONTHS_12 and unit != MONTH:
        raise MonthsNeedMonths(f"A {unit} is no number of months.")


def _whole(value: int, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def _given(
    disbursed_on: date, instalments: int, due_on: tuple[date, ...], first_due_on: date | None
) -> tuple[date, ...]:
    if first_due_on is not None:
        raise DueDatesInvalid("Give either the first due date or all of them.")
    if len(due_on) != instalments:
        raise DueDatesInvalid(f"{len(due_on)} due dates for {instalments} instalments.")
    if any(end <= start for start, end in pairwise((disbursed_on, *due_on))):
        raise DueDatesInvalid()
    return due_on


def _series(disbursed_on: date, instalments: int, unit: str, every: int, first_due_on: date | None) -> tuple[date, ...]:
    if first_due_on is not None and first_due_on <= disbursed_on:
        raise DueDatesInvalid("The first due date is not after the disbursement.")
    start, skipped = (disbursed_on, 1) if first_due_on is None else (first_due_on, 0)
    steps = range(skipped * every, (skipped + instalments) * every, every)
    try:
        if unit == MONTH:
            return tuple(daycount.add_months(start, step) for step in steps)
        return tuple(start + timedelta(days=step * (7 if unit == WEEK else 1)) for step in steps)
    except (ValueError, OverflowError) as error:
        raise DueDatesInvalid("A due date lies beyond the calendar.") from error


def _factors(annual_rate: Decimal, disbursed_on: date, dates: tuple[date, ...], day_count: str) -> list[Fraction]:
    """f(k): the first period runs from the disbursement's own day, the later ones along the series' due day."""
    rate, due_day = Fraction(annual_rate), daycount.series_due_day(dates)
    first = daycount.year_fraction(disbursed_on, dates[0], day_count)
    return [rate * first] + [
        rate * daycount.year_fraction(start, end, day_count, due_day) for start, end in pairwise(dates)
    ]


def _annuity(numerators: Sequence[int], scale: int) -> Fraction:
    """prod(1 + f) / S in integers: with f = a / D, T(k) = S(k) * D^(k-1) = T(k-1) * (D + a(k)) + D^(k-1)."""
    growth, total, power = 1, 0, 1
    for numerator in numerators:
        growth *= scale + numerator
        total = total * (scale + numerator) + power
        power *= scale
    return Fraction(growth, scale * total)


def _divide(numerator: int, denominator: int, half_even: bool) -> int:
    """numerator / denominator to the nearest integer, denominator even; a tie goes up, or to the even neighbour."""
    quotient, rest = divmod(numerator + (denominator >> 1), denominator)
    return quotient - 1 if half_even and not rest and quotient & 1 else quotient
