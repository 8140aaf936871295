"""Small charts: geometry for inline SVG, in a box of 100 x 100 that stretches; words stand beside it in HTML."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

GAP = 0.15  # of a column's place


@dataclass(frozen=True)
class Column:
    """`tone`: fill (now) or half (before)."""

    x: float
    y: float
    width: float
    height: float
    tone: str
    title: str


@dataclass(frozen=True)
class Columns:
    """Columns side by side; `axis`: what stands below: first, middle, last. `top`: what the full height stands for."""

    title: str
    columns: tuple[Column, ...]
    axis: tuple[str, ...]
    top: str


@dataclass(frozen=True)
class Line:
    """`points`: of a polyline; `dots`: (x, y, title, whether an alarm); `level`: y of the dashed line, or None."""

    title: str
    points: str
    dots: tuple[tuple[float, float, str, bool], ...]
    level: float | None
    level_text: str
    level_name: str
    top: str
    bottom: str
    axis: tuple[str, ...]


def columns(
    title: str, labels: Sequence[str], now: Sequence[float], before: Sequence[float] | None, shown: Any
) -> Columns | None:
    """`shown`: how a value is written. None where there is nothing to draw."""
    highest = max([*now, *(before or ())], default=0)
    if not labels or not highest:
        return None
    place = 100 / len(labels)
    wide = place * (1 - GAP)
    found = []
    for number, label in enumerate(labels):
        sides = [("half", before[number]), ("fill", now[number])] if before else [("fill", now[number])]
        for side, (tone, value) in enumerate(sides):
            height = 100 * value / highest
            width = wide / len(sides)
            told = {"half": "before", "fill": "now"}[tone]
            found.append(
                Column(
                    round(place * (number + GAP / 2) + side * width, 3),
                    round(100 - height, 3),
                    round(width, 3),
                    round(height, 3),
                    tone,
                    f"{label}: {shown(value)} {told}",
                )
            )
    ends = (labels[0], labels[len(labels) // 2], labels[-1]) if len(labels) > 2 else tuple(labels)
    return Columns(title, tuple(found), ends, shown(highest))


def line(
    title: str,
    days: Sequence[str],
    values: Sequence[float | None],
    alarms: Sequence[bool],
    *,
    level: float | None,
    level_name: str,
    shown: Any,
) -> Line | None:
    """Values by day with the level they are held against; days without a value are left out."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    highest = max([*known, level or 0.0]) * 1.1 or 1.0
    step = 100 / max(len(days) - 1, 1)
    dots = tuple(
        (
            round(number * step if len(days) > 1 else 50, 3),
            round(100 - 100 * value / highest, 3),
            f"{day}: {shown(value)}",
            alarm,
        )
        for number, (day, value, alarm) in enumerate(zip(days, values, alarms, strict=True))
        if value is not None
    )
    return Line(
        title=title,
        points=" ".join(f"{x},{y}" for x, y, _, _ in dots),
        dots=dots,
        level=None if level is None else round(100 - 100 * level / highest, 3),
        level_text="" if level is None else shown(level),
        level_name=level_name,
        top=shown(highest),
        bottom=shown(0),
        axis=(days[0], days[-1]) if len(days) > 1 else (days[0],),
    )
