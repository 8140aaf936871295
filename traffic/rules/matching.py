"""Which downstream platforms could be offered to a borrower, and why each could or could not. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from lending.rules import offer
from traffic.rules import settlement

CEILING = Decimal("0.24")  # all-in, a year: what we do not charge ourselves, we do not offer of others
METHOD = "equal_instalment"


@dataclass(frozen=True)
class Platform:
    """`annual_rate`, `stated_xirr`: what it says it charges, fractions; `free_cents`: prepaid and not spoken for."""

    code: str
    enabled: bool
    accepts_grades: tuple[str, ...]
    amount_min_cents: int
    amount_max_cents: int
    terms: tuple[int, ...]
    annual_rate: Decimal
    stated_xirr: Decimal | None
    cap_day: int
    used_today: int
    free_cents: int
    settle: settlement.Terms


@dataclass(frozen=True)
class Wanted:
    """`burden_cents`: all instalments of a month without this loan; `income_cents`: net, of a month, if known."""

    grade: str
    amount_cents: int
    months: int
    on: date
    income_cents: int | None
    burden_cents: int


@dataclass(frozen=True)
class Look:
    """One platform: every rule with what it saw. `months` and `cost` of the loan it would be; None without a term."""

    platform: str
    rules: tuple[dict[str, Any], ...]
    months: int = 0
    cost: offer.Quote | None = None
    commission_cents: int = 0

    @property
    def matches(self) -> bool:
        return all(rule["passed"] for rule in self.rules)

    def as_json(self) -> dict[str, Any]:
        """{platform, matches, rules: [{rule, passed, value, bound}]}"""
        return {"platform": self.platform, "matches": self.matches, "rules": list(self.rules)}


def consider(platforms: Iterable[Platform], wanted: Wanted) -> tuple[Look, ...]:
    return tuple(_consider(platform, wanted) for platform in platforms)


def _consider(platform: Platform, wanted: Wanted) -> Look:
    low, high = platform.amount_min_cents, platform.amount_max_cents
    months = max((term for term in platform.terms if term <= wanted.months), default=0)
    cost = _cost(platform, wanted, months)
    rates = [platform.stated_xirr] if platform.stated_xirr is not None else []
    rates += [cost.xirr] if cost else []
    burden = wanted.burden_cents + (cost.highest_instalment_cents if cost else 0)
    commission = settlement.fee(platform.settle, wanted.amount_cents)
    rules = (
        _rule("enabled", platform.enabled, platform.enabled, True),
        _rule("grade", wanted.grade in platform.accepts_grades, wanted.grade, list(platform.accepts_grades)),
        _rule("amount", low <= wanted.amount_cents <= high, wanted.amount_cents, [low, high]),
        _rule("term", months > 0, wanted.months, list(platform.terms)),
        _rule(
            "xirr",
            platform.stated_xirr is not None and max(rates) <= CEILING,
            str(max(rates)) if platform.stated_xirr is not None else None,
            str(CEILING),
        ),
        _rule("affordable", can_carry(wanted.income_cents, burden), burden, wanted.income_cents),
        _rule("cap", platform.used_today < platform.cap_day, platform.used_today, platform.cap_day),
        _rule("balance", commission <= platform.free_cents, commission, platform.free_cents),
    )
    return Look(platform.code, rules, months, cost, commission)


def _rule(name: str, passed: bool, value: Any, bound: Any) -> dict[str, Any]:
    return {"rule": name, "passed": passed, "value": value, "bound": bound}


def _cost(platform: Platform, wanted: Wanted, months: int) -> offer.Quote | None:
    if not months or wanted.amount_cents <= 0:
        return None
    return offer.quote(
        amount_cents=wanted.amount_cents,
        months=months,
        annual_rate=platform.annual_rate,
        method=METHOD,
        disbursed_on=wanted.on,
    )


def can_carry(income_cents: int | None, burden_cents: int) -> bool:
    """Whether somebody can pay so much a month, by the rule of our own loans; never where no income is known."""
    if not income_cents:
        return False
    found = offer.affordability(net_income_cents=income_cents, elsewhere_cents=burden_cents, ours_cents=0)
    return found.affordable
