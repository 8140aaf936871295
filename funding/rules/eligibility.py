"""Which programmes may fund a drawdown, and why each may or may not. Pure.

Age is looked at once, as the funder's wide maturity band; it never ranks one programme before another.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from lending.common.money import format_cents

NAMED_AT_MOST = 3  # a consent names no more candidate funders than a person can read


@dataclass(frozen=True)
class Programme:
    """One funding programme as its rules see it. Empty `channels_only`, `channels_except`, `levels_only` mean every
    channel and level; `tags_except` keeps out who has one of these tags."""

    code: str
    funder_code: str
    mode: str
    enabled: bool
    products: tuple[str, ...]
    channels_only: tuple[str, ...]
    channels_except: tuple[str, ...]
    grades: tuple[str, ...]
    amount_min_cents: int
    amount_max_cents: int
    months: tuple[int, ...]
    region_only: str
    maturity_age_max: int
    per_borrower_cents: int
    cap_outstanding_cents: int
    guarantor_code: str
    priority: int | None
    tags_except: tuple[str, ...] = ()
    levels_only: tuple[str, ...] = ()
    guarantor_cap_cents: int = 0
    channel_share_max: Decimal | None = None
    channels_exempt: tuple[str, ...] = ()
    province_share_max: Decimal | None = None
    shares_from_cents: int = 0


@dataclass(frozen=True)
class Ask:
    """What a borrower wants money for, on `as_of`; `level` is "" where nobody is known yet."""

    product_code: str
    channel_code: str
    grade: str
    amount_cents: int
    months: int
    province: str
    birth_date: date | None
    as_of: date
    level: str = ""
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class RuleResult:
    """One rule looked at: `value` is what was found, `bound` what the programme allows.

    One that does not block says when the money goes out, not whether it may.
    """

    rule: str
    passed: bool
    value: Any
    bound: Any
    blocks: bool = True


@dataclass(frozen=True)
class Standing:
    """What a programme has in use at the moment of asking, in cents; `funder_month_cents`: of its funder's month, of
    which `channel_` and `province_` are of the channel and province that ask. `timing`: when it would pay out.
    """

    cap_today_cents: int = 0
    free_today_cents: int = 0
    cap_month_cents: int = 0
    free_month_cents: int = 0
    outstanding_cents: int = 0
    borrower_outstanding_cents: int = 0
    guaranteed_cents: int = 0
    funder_month_cents: int = 0
    channel_month_cents: int = 0
    province_month_cents: int = 0
    timing: tuple[RuleResult, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """One programme examined. Every cap is held by the reservation itself, in the database; what the rules say of
    outstanding, borrower and guarantor is what stood there when they were looked at.
    """

    programme: Programme
    rules: tuple[RuleResult, ...]
    standing: Standing

    @property
    def eligible(self) -> bool:
        return all(result.passed for result in self.rules if result.blocks)

    def explained(self) -> dict[str, Any]:
        """JSON-able: {programme, funder, eligible, priority, rules: [{rule, passed, value, bound, blocks}],
        headroom: {free_x_cents, cap_x_cents}} with x of today, month, outstanding, borrower, guarantor.
        """
        p, standing = self.programme, self.standing
        return {
            "programme": self.programme.code,
            "funder": self.programme.funder_code,
            "eligible": self.eligible,
            "priority": self.programme.priority,
            "rules": [asdict(result) for result in self.rules],
            "headroom": {
                "cap_today_cents": standing.cap_today_cents,
                "free_today_cents": standing.free_today_cents,
                "cap_month_cents": standing.cap_month_cents,
                "free_month_cents": standing.free_month_cents,
                "cap_outstanding_cents": p.cap_outstanding_cents,
                "free_outstanding_cents": p.cap_outstanding_cents - standing.outstanding_cents,
                "cap_borrower_cents": p.per_borrower_cents,
                "free_borrower_cents": p.per_borrower_cents - standing.borrower_outstanding_cents,
            }
            | (
                {
                    "cap_guarantor_cents": p.guarantor_cap_cents,
                    "free_guarantor_cents": p.guarantor_cap_cents - standing.guaranteed_cents,
                }
                if p.guarantor_code
                else {}
            ),
        }


def age_on(birth_date: date, day: date) -> int:
    """Completed years; a birthday on 29 February counts from 1 March in a common year."""
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))


def add_months(day: date, months: int) -> date:
    """The same day-of-month `months` later, or that month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return date(year, month + 1, min(day.day, last))
        except ValueError:
            continue
    raise AssertionError("a month has at least 28 days")


def examine(programme: Programme, ask: Ask, standing: Standing) -> Verdict:
    """Look at every rule, also after one has failed: the explanation is complete."""
    p = programme
    maturity = add_months(ask.as_of, ask.months)
    maturity_age = age_on(ask.birth_date, maturity) if ask.birth_date else None  # unknown is not eligible
    young_enough = maturity_age is not None and maturity_age <= p.maturity_age_max
    channel_allowed = ask.channel_code not in p.channels_except and (
        not p.channels_only or ask.channel_code in p.channels_only
    )
    kept_out = sorted(set(ask.tags) & set(p.tags_except))  # the explanation names no other tag of the borrower
    borrower_total = standing.borrower_outstanding_cents + ask.amount_cents
    outstanding = standing.outstanding_cents + ask.amount_cents
    guaranteed = standing.guaranteed_cents + ask.amount_cents
    channels = {"only": list(p.channels_only), "except": list(p.channels_except)}
    return Verdict(
        programme=p,
        standing=standing,
        rules=(
            RuleResult("enabled", p.enabled, p.enabled, True),
            RuleResult("routed", p.priority is not None, p.priority, "a priority"),
            RuleResult("product", ask.product_code in p.products, ask.product_code, list(p.products)),
            RuleResult("channel", channel_allowed, ask.channel_code, channels),
            RuleResult("grade", ask.grade in p.grades, ask.grade, list(p.grades)),
            RuleResult(
                "amount",
                p.amount_min_cents <= ask.amount_cents <= p.amount_max_cents,
                ask.amount_cents,
                [p.amount_min_cents, p.amount_max_cents],
            ),
            RuleResult("term", ask.months in p.months, ask.months, list(p.months)),
            RuleResult("region", p.region_only in ("", ask.province), ask.province, p.region_only or "any"),
            RuleResult("tags", not kept_out, kept_out, list(p.tags_except)),
            RuleResult(
                "level", not p.levels_only or ask.level in p.levels_only, ask.level, list(p.levels_only) or "any"
            ),
            RuleResult("maturity_age", young_enough, maturity_age, p.maturity_age_max),
            RuleResult("per_borrower", borrower_total <= p.per_borrower_cents, borrower_total, p.per_borrower_cents),
            RuleResult("outstanding", outstanding <= p.cap_outstanding_cents, outstanding, p.cap_outstanding_cents),
            RuleResult("guarantor", guaranteed <= p.guarantor_cap_cents, guaranteed, p.guarantor_cap_cents)
            if p.guarantor_code
            else RuleResult("guarantor", True, "none", "none"),
            *shares(p, ask, standing),
            *standing.timing,
        ),
    )


def shares(p: Programme, ask: Ask, standing: Standing) -> tuple[RuleResult, RuleResult]:
    """What the drawdown would make of its channel's and its province's part of the funder's month."""
    month_cents = standing.funder_month_cents + ask.amount_cents
    return (
        _share(
            "channel_share",
            None if ask.channel_code in p.channels_exempt else p.channel_share_max,
            standing.channel_month_cents + ask.amount_cents,
            month_cents,
            p.shares_from_cents,
        ),
        _share(
            "province_share",
            p.province_share_max,
            standing.province_month_cents + ask.amount_cents,
            month_cents,
            p.shares_from_cents,
        ),
    )


def _share(rule: str, bound: Decimal | None, part_cents: int, month_cents: int, from_cents: int) -> RuleResult:
    """A channel's or province's part of the funder's month, this drawdown counted; looked at above `from_cents`."""
    value = f"{100 * Decimal(part_cents) / month_cents:.1f} %"
    if bound is None:
        return RuleResult(rule, True, value, "any")
    if month_cents <= from_cents:
        return RuleResult(rule, True, value, f"any up to {format_cents(from_cents)} a month")
    return RuleResult(rule, part_cents <= bound * month_cents, value, f"{100 * bound:.0f} %")


def examine_all(programmes: Iterable[Programme], ask: Ask, standings: Mapping[str, Standing]) -> tuple[Verdict, ...]:
    """Every programme in routing order; one without a priority comes last, ties by code."""
    ordered = sorted(programmes, key=lambda p: (p.priority is None, p.priority or 0, p.code))
    return tuple(examine(p, ask, standings.get(p.code, Standing())) for p in ordered)


def candidates(verdicts: Sequence[Verdict]) -> tuple[Programme, ...]:
    """The eligible programmes in order, the first of each funder, at most three."""
    first: dict[str, Programme] = {}
    for verdict in verdicts:
        if verdict.eligible:
            first.setdefault(verdict.programme.funder_code, verdict.programme)
    return tuple(first.values())[:NAMED_AT_MOST]
