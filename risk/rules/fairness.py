"""The four-fifths rule: no group may be approved less than 0.8 times as often as the group approved most often."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

LINE = 0.8
SMALLEST = 30  # rows: below, one approval more or less moves the ratio across the line

Verdict = Literal["best", "in line", "below the line", "too small"]


@dataclass(frozen=True)
class Group:
    """`ratio`: approved of the group's rows; `to_best`: against the best group, None where too small to say."""

    name: str
    value: str
    rows: int
    approved: int
    ratio: float
    to_best: float | None
    verdict: Verdict


def four_fifths(name: str, counts: Mapping[str, tuple[int, int]]) -> Sequence[Group]:
    """`counts`: (rows, approved) by value of the group `name`. The best is chosen among those large enough."""
    large = [value for value, (rows, _) in counts.items() if rows >= SMALLEST]
    best = max((counts[value][1] / counts[value][0] for value in large), default=0.0)
    return [_group(name, value, rows, approved, best) for value, (rows, approved) in sorted(counts.items())]


def _group(name: str, value: str, rows: int, approved: int, best: float) -> Group:
    ratio = approved / rows if rows else 0.0
    if rows < SMALLEST:
        return Group(name, value, rows, approved, ratio, None, "too small")
    if not best:
        return Group(name, value, rows, approved, ratio, None, "in line")
    to_best = ratio / best
    verdict: Verdict = "best" if ratio == best else "below the line" if to_best < LINE else "in line"
    return Group(name, value, rows, approved, ratio, to_best, verdict)
