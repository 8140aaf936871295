"""Which closed cases get a second look: rules with shares, and a draw that always falls the same for a case."""

from collections.abc import Iterable
from dataclasses import dataclass

WHOLE = 10_000


@dataclass(frozen=True)
class Closed:
    """What of a closed case the rules look at. `nth`: how many the closing reviewer had closed, with this one.

    `lot` 0 to 9,999: equal for the same case for ever, so that a larger share only adds cases.
    """

    stage: str
    outcome: str
    queue: str
    alone: bool
    overrules: bool
    level: int
    nth: int
    amount_cents: int
    lot: int


@dataclass(frozen=True)
class Rule:
    """See `review.models.SamplingRule`; empty and None describe any."""

    id: int
    share_bp: int
    stage: str = ""
    outcome: str = ""
    queue: str = ""
    alone: bool | None = None
    overrules: bool | None = None
    first_cases: int | None = None
    level_to: int | None = None
    amount_from_cents: int | None = None


def lot_of(digest: str) -> int:
    """0 to 9,999 from hex digits of a keyed hash, so that no reviewer can work out what will be looked at."""
    return int(digest[:12], 16) % WHOLE


def sampled_by(rules: Iterable[Rule], closed: Closed) -> Rule | None:
    """The rule that takes the case, the one of the largest share where several do; each keeps its own share."""
    found = [rule for rule in rules if describes(rule, closed) and closed.lot < rule.share_bp]
    return max(found, key=lambda rule: (rule.share_bp, -rule.id), default=None)


def describes(rule: Rule, closed: Closed) -> bool:
    return (
        rule.stage in ("", closed.stage)
        and rule.outcome in ("", closed.outcome)
        and rule.queue in ("", closed.queue)
        and rule.alone in (None, closed.alone)
        and rule.overrules in (None, closed.overrules)
        and (rule.first_cases is None or closed.nth <= rule.first_cases)
        and (rule.level_to is None or closed.level <= rule.level_to)
        and (rule.amount_from_cents is None or closed.amount_cents >= rule.amount_from_cents)
    )
