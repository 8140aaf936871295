"""Which loyalty level a borrower's history earns, and what the next one asks for. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

NEEDS = ON_TIME, SETTLED, LATE = "on_time_instalments", "settled_loans", "max_dpd"


@dataclass(frozen=True)
class LoanHistory:
    """`worst_dpd`: worst days past due over the last so many months; a window that is absent counts as 0."""

    on_time_instalments: int = 0
    settled_loans: int = 0
    worst_dpd: Mapping[int, int] = field(default_factory=dict)

    def written(self) -> dict[str, Any]:
        """As JSON: {on_time_instalments, settled_loans, worst_dpd: {"12": 3}}."""
        worst = {str(months): days for months, days in sorted(self.worst_dpd.items())}
        return {ON_TIME: self.on_time_instalments, SETTLED: self.settled_loans, "worst_dpd": worst}


def read(written: Mapping[str, Any]) -> LoanHistory:
    """What `written` wrote; {} is nobody's history."""
    worst = {int(months): days for months, days in written.get("worst_dpd", {}).items()}
    return LoanHistory(written.get(ON_TIME, 0), written.get(SETTLED, 0), worst)


@dataclass(frozen=True)
class Need:
    """One thing that a level asks for. `what`: ON_TIME or SETTLED, at least `need`; LATE, at most `need` days over the
    last `months`."""

    what: str
    need: int
    have: int
    months: int | None = None

    @property
    def is_met(self) -> bool:
        return self.have <= self.need if self.what == LATE else self.have >= self.need


@dataclass(frozen=True)
class LevelRule:
    """None: this condition is not asked for."""

    code: str
    rank: int
    on_time_instalments: int | None = None
    settled_loans: int | None = None
    max_dpd: int | None = None
    window_months: int | None = None

    def needs(self, history: LoanHistory) -> Iterator[Need]:
        if self.on_time_instalments is not None:
            yield Need(ON_TIME, self.on_time_instalments, history.on_time_instalments)
        if self.settled_loans is not None:
            yield Need(SETTLED, self.settled_loans, history.settled_loans)
        if self.max_dpd is not None and self.window_months is not None:
            late = history.worst_dpd.get(self.window_months, 0)
            yield Need(LATE, self.max_dpd, late, self.window_months)

    def is_met(self, history: LoanHistory) -> bool:
        return all(need.is_met for need in self.needs(history))


def earned(rules: Sequence[LevelRule], history: LoanHistory) -> str:
    """The code of the highest level whose rule is met; the lowest level asks for nothing."""
    met = [rule for rule in rules if rule.is_met(history)]
    return max(met, key=lambda rule: rule.rank).code


def next_step(rules: Sequence[LevelRule], history: LoanHistory, rank: int) -> tuple[LevelRule, tuple[Need, ...]] | None:
    """The level after `rank` and everything it asks for, met or not; None at the top."""
    above = [rule for rule in rules if rule.rank > rank]
    if not above:
        return None
    rule = min(above, key=lambda rule: rule.rank)
    return rule, tuple(rule.needs(history))
