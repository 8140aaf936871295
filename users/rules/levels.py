"""Which loyalty level a borrower's history earns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class LoanHistory:
    """`worst_dpd`: worst days past due over the last so many months; a window that is absent counts as 0."""

    on_time_instalments: int = 0
    settled_loans: int = 0
    worst_dpd: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class LevelRule:
    """None: this condition is not asked for."""

    code: str
    rank: int
    on_time_instalments: int | None = None
    settled_loans: int | None = None
    max_dpd: int | None = None
    window_months: int | None = None

    def is_met(self, history: LoanHistory) -> bool:
        if self.on_time_instalments is not None and history.on_time_instalments < self.on_time_instalments:
            return False
        if self.settled_loans is not None and history.settled_loans < self.settled_loans:
            return False
        if self.max_dpd is None or self.window_months is None:
            return True
        return history.worst_dpd.get(self.window_months, 0) <= self.max_dpd


def earned(rules: Sequence[LevelRule], history: LoanHistory) -> str:
    """The code of the highest level whose rule is met; the lowest level asks for nothing."""
    met = [rule for rule in rules if rule.is_met(history)]
    return max(met, key=lambda rule: rule.rank).code
