"""A day of a release held against the level it should keep: what moved too far, and by how much it may move."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from risk.rules import figures

# Fewer say nothing: over ten bands, the PSI of 100 unchanged decisions is 0.09 by chance alone, that of 40 is 0.2.
MIN_DECISIONS = 100
# Ten points off the backtest is some four standard errors of 400 decisions, and is money either way.
APPROVAL_POINTS = 0.10
# The line that the field draws between "watch it" (0.1) and "these are other people" (0.25); earlier, to look in time.
PSI_LINE = 0.2
# A source that falls silent moves its variables by far more; a consent given less often moves them by about this.
UNKNOWN_POINTS = 0.10
LOOKED_AT = 2_000  # decisions of a day whose inputs are read: reading decrypts them
FIRST_DAYS = 7


@dataclass(frozen=True)
class Level:
    """What a day is held against. `whose`: in words; `scores`: counts over bands with `edges` inside, or none."""

    whose: str
    approval: float
    edges: Sequence[float]
    scores: Sequence[float]
    unknown: Mapping[str, float]
    reasons: Mapping[str, float]


@dataclass(frozen=True)
class Alarm:
    """`figure`: approval rate, score PSI, or "unknown rate of NAME"; values as fractions."""

    figure: str
    value: float
    level: float
    threshold: float


def of_backtest(number: int, summary: Mapping[str, Any]) -> Level:
    """The level that a backtest sets: what its candidate said."""
    side = summary["candidate"]
    deciles = side["deciles"] or {"edges": [], "rows": []}
    return Level(
        whose=f"backtest #{number}",
        approval=side["rates"]["approve"] or 0.0,
        edges=deciles["edges"],
        scores=deciles["rows"],
        unknown={row["name"]: row["rate"] for row in summary["variables"]},
        reasons={code: share for code, _, share in side["reasons"]},
    )


def of_days(days: Sequence[Mapping[str, Any]]) -> Level | None:
    """The level of a release that was never backtested: its first full week. None while that is not over.

    `days`: {decisions, approved, scores: [[score, count]], unknown: {name: rate}, looked_at, reasons: {code: count}}.
    """
    total = sum(day["decisions"] for day in days)
    if not total:
        return None
    scores: dict[float, int] = {}
    unknown: dict[str, float] = {}
    reasons: dict[str, float] = {}
    looked_at = sum(day["looked_at"] for day in days) or 1
    for day in days:
        for score, count in day["scores"]:
            scores[score] = scores.get(score, 0) + count
        for name, rate in day["unknown"].items():
            unknown[name] = unknown.get(name, 0.0) + rate * day["looked_at"] / looked_at
        for code, count in day["reasons"].items():
            reasons[code] = reasons.get(code, 0.0) + count / total
    column = np.repeat(np.array(list(scores), dtype=float), list(scores.values()))
    edges = figures.bands(column) if column.size else []
    return Level(
        whose="its first full week",
        approval=sum(day["approved"] for day in days) / total,
        edges=edges,
        scores=counted(sorted(scores.items()), edges) if scores else [],
        unknown=unknown,
        reasons=reasons,
    )


def counted(scores: Sequence[Sequence[float]], edges: Sequence[float]) -> list[float]:
    """Decisions per band; `scores`: [[score, decisions]]."""
    found = [0.0] * (len(edges) + 1)
    for score, count in scores:
        found[int(np.searchsorted(np.asarray(edges, dtype=float), score, side="right"))] += count
    return found


def score_psi(scores: Sequence[Sequence[float]], level: Level) -> float | None:
    """None where one of them has no score, or the day too few."""
    if not scores or not level.scores or sum(count for _, count in scores) < MIN_DECISIONS:
        return None
    return figures.psi(np.asarray(level.scores, dtype=float), np.asarray(counted(scores, level.edges), dtype=float))


def alarms(
    *, decisions: int, approved: int, psi: float | None, unknown: Mapping[str, float], level: Level
) -> list[Alarm]:
    """What lies beyond its threshold, the approval rate first; nothing of a day with fewer than MIN_DECISIONS."""
    if decisions < MIN_DECISIONS:
        return []
    found = []
    rate = approved / decisions
    if abs(rate - level.approval) > APPROVAL_POINTS:
        found.append(Alarm("approval rate", rate, level.approval, APPROVAL_POINTS))
    if psi is not None and psi > PSI_LINE:
        found.append(Alarm("score PSI", psi, 0.0, PSI_LINE))
    for name, share in sorted(unknown.items()):
        usual = level.unknown.get(name, 0.0)
        if share - usual > UNKNOWN_POINTS:
            found.append(Alarm(f"unknown rate of {name}", share, usual, UNKNOWN_POINTS))
    return found


def told(alarm: Alarm) -> str:
    """ "approval rate 41.0 %, 55.2 % in backtest #3 (more than 10 points)", without whose level it is."""
    if alarm.figure == "score PSI":
        return f"score PSI {alarm.value:.2f} (line {alarm.threshold:.2f})"
    return f"{alarm.figure} {alarm.value:.1%} against {alarm.level:.1%} (line {alarm.threshold * 100:.0f} points)"
