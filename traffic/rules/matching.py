"""Which downstream platforms could be offered to a borrower, and why each could or could not. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Platform:
    code: str
    enabled: bool
    accepts_grades: tuple[str, ...]
    amount_min_cents: int
    amount_max_cents: int


def consider(platforms: Iterable[Platform], *, grade: str, amount_cents: int) -> tuple[dict[str, Any], ...]:
    """Every platform with every rule: {platform, matches, rules: [{rule, passed, value, bound}]}; JSON-able."""
    return tuple(_consider(platform, grade, amount_cents) for platform in platforms)


def _consider(platform: Platform, grade: str, amount_cents: int) -> dict[str, Any]:
    low, high = platform.amount_min_cents, platform.amount_max_cents
    rules = (
        ("enabled", platform.enabled, platform.enabled, True),
        ("grade", grade in platform.accepts_grades, grade, list(platform.accepts_grades)),
        ("amount", low <= amount_cents <= high, amount_cents, [low, high]),
    )
    return {
        "platform": platform.code,
        "matches": all(passed for _, passed, _, _ in rules),
        "rules": [
            {"rule": rule, "passed": passed, "value": value, "bound": bound} for rule, passed, value, bound in rules
        ],
    }
