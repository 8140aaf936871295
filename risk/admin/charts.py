"""Small charts as inline SVG. Every one is labelled, and the page has its figures in a table beside or behind it.

`lines`, `pairs`, `rates` and `strip` are drawn here, words included. `columns` and `line` are geometry in a box of
100 x 100 that a template draws and stretches, with words beside it in HTML.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

WIDTH, HEIGHT = 400, 200
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 12, 34
PLOT_W, PLOT_H = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
NARROW = 290  # of a chart that stands beside a table
GAP = 0.15  # of a column's place

Point = tuple[float, float]


def lines(
    label: str,
    series: Sequence[tuple[str, str, Sequence[Point]]],
    *,
    x_title: str,
    y_title: str,
    mark: tuple[Point, Point] | None = None,
    diagonal: bool = False,
) -> SafeString:
    """`series`: (name, class, points); shares from 0 to 1 upwards. `mark`: a line between two points."""
    xs = [x for _, _, points in series for x, _ in points]
    low, high = (0.0, 1.0) if diagonal else (min(xs), max(xs))
    span = (high - low) or 1.0

    def at(point: Point) -> str:
        return f"{LEFT + PLOT_W * (point[0] - low) / span:.1f},{TOP + PLOT_H * (1 - point[1]):.1f}"

    drawn = format_html_join(
        "",
        '<polyline class="{}" points="{}"><title>{}</title></polyline>',
        ((css, " ".join(map(at, points)), name) for name, css, points in series),
    )
    extra = mark_safe("")
    if diagonal:
        extra += format_html('<polyline class="quiet" points="{} {}"/>', at((0, 0)), at((1, 1)))
    if mark:
        extra += format_html('<polyline class="mark" points="{} {}"/>', at(mark[0]), at(mark[1]))
    ticks = [(low + span * part / 4, part / 4) for part in range(5)]
    told = _axis([(x, f"{x:.0%}" if diagonal else f"{x:.0f}") for x, _ in ticks], x_title, y_title)
    return _svg(label, told + extra + drawn)


def pairs(label: str, names: Sequence[str], series: Sequence[tuple[str, str, Sequence[float]]]) -> SafeString:
    """Bars side by side under each name; `series`: (name, class, shares)."""
    top = max((value for _, _, values in series for value in values), default=0) or 1.0
    slot = PLOT_W / max(len(names), 1)
    width = slot * 0.8 / len(series)
    bars = format_html_join(
        "",
        '<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
        (
            (
                css,
                f"{LEFT + slot * place + slot * 0.1 + width * number:.1f}",
                f"{TOP + PLOT_H * (1 - value / top):.1f}",
                f"{width:.1f}",
                f"{PLOT_H * value / top:.1f}",
                f"{names[place]}, {name}: {value:.1%}",
            )
            for number, (name, css, values) in enumerate(series)
            for place, value in enumerate(values)
        ),
    )
    return _svg(label, _names(names, slot) + _scale(top) + bars)


def rates(
    label: str, names: Sequence[str], bars: Sequence[float | None], line: Sequence[float], line_name: str
) -> SafeString:
    """Bars of a share, and over them a line on a scale of its own around nought."""
    top = max((value for value in bars if value is not None), default=0) or 1.0
    reach = max((abs(value) for value in line), default=0) or 1.0
    slot = (NARROW - LEFT - RIGHT) / max(len(names), 1)

    def middle(place: int) -> float:
        return LEFT + slot * (place + 0.5)

    drawn = format_html_join(
        "",
        '<rect class="bad" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>',
        (
            (
                f"{middle(place) - slot * 0.3:.1f}",
                f"{TOP + PLOT_H * (1 - value / top):.1f}",
                f"{slot * 0.6:.1f}",
                f"{PLOT_H * value / top:.1f}",
                f"{names[place]}: bad rate {value:.1%}",
            )
            for place, value in enumerate(bars)
            if value is not None
        ),
    )
    points = [(middle(place), TOP + PLOT_H * (0.5 - value / reach / 2)) for place, value in enumerate(line)]
    drawn += format_html('<polyline class="good" points="{}"/>', " ".join(f"{x:.1f},{y:.1f}" for x, y in points))
    drawn += format_html_join(
        "",
        '<circle class="dot" cx="{}" cy="{}" r="3"><title>{}</title></circle>',
        (
            (f"{x:.1f}", f"{y:.1f}", f"{names[place]}: {line_name} {line[place]:.2f}")
            for place, (x, y) in enumerate(points)
        ),
    )
    return _svg(label, _names(names, slot) + _scale(top, NARROW) + drawn, width=NARROW)


def strip(label: str, rows: Sequence[tuple[str, float]]) -> SafeString:
    """Points as bars to the left and right of nought, one row a bin."""
    height = 22 * len(rows) + 6
    least, most = min([0.0, *(v for _, v in rows)]), max([0.0, *(v for _, v in rows)])
    span = (most - least) or 1.0
    zero = 150 + 200 * (0 - least) / span
    drawn = format_html_join(
        "",
        '<text x="142" y="{}" class="name">{}</text><rect class="{}" x="{}" y="{}" width="{}" height="14"/>'
        '<text x="396" y="{}" class="value">{}</text>',
        (
            (
                22 * place + 16,
                name if len(name) <= 22 else f"{name[:21]}…",
                "good" if value >= 0 else "bad",
                f"{min(zero, 150 + 200 * (value - least) / span):.1f}",
                22 * place + 5,
                f"{max(abs(value) * 200 / span, 1):.1f}",
                22 * place + 16,
                f"{value:+.0f}",
            )
            for place, (name, value) in enumerate(rows)
        ),
    )
    axis = format_html('<line class="axis" x1="{0}" x2="{0}" y1="0" y2="{1}"/>', f"{zero:.1f}", height)
    return format_html(
        '<svg class="risk-chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}</svg>',
        WIDTH,
        height,
        label,
        axis,
        drawn,
    )


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
    most: float | None = None,
) -> Line | None:
    """Values by day with the level they are held against; days without a value are left out. `most`: 1 of a share."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    highest = max([*known, level or 0.0]) * 1.1 or 1.0
    if most is not None:
        highest = min(highest, most)
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


def _svg(label: str, body: SafeString, *, width: int = WIDTH, height: int = HEIGHT) -> SafeString:
    return format_html(
        '<svg class="risk-chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>', width, height, label, body
    )


def _axis(ticks: Sequence[tuple[float, str]], x_title: str, y_title: str) -> SafeString:
    below = format_html_join(
        "",
        '<text class="tick" x="{}" y="{}">{}</text>',
        (
            (f"{LEFT + PLOT_W * place / (len(ticks) - 1):.1f}", HEIGHT - BOTTOM + 14, text)
            for place, (_, text) in enumerate(ticks)
        ),
    )
    title = format_html('<text class="tick" x="{}" y="{}">{}</text>', LEFT + PLOT_W / 2, HEIGHT - 4, x_title)
    return _scale(1.0) + below + title + format_html("<title>{} by {}</title>", y_title, x_title)


def _scale(top: float, width: int = WIDTH) -> SafeString:
    parts = [(part / 4, f"{top * part / 4:.0%}") for part in range(5)]
    return format_html_join(
        "",
        '<line class="axis" x1="{}" x2="{}" y1="{}" y2="{}"/><text class="value" x="{}" y="{}">{}</text>',
        (
            (LEFT, width - RIGHT, y, y, LEFT - 6, float(y) + 4, text)
            for part, text in parts
            for y in (f"{TOP + PLOT_H * (1 - part):.1f}",)
        ),
    )


def _names(names: Sequence[str], slot: float) -> SafeString:
    room = max(int(slot / 5.6), 8)
    return format_html_join(
        "",
        '<text class="tick" x="{}" y="{}">{}<title>{}</title></text>',
        (
            (
                f"{LEFT + slot * (place + 0.5):.1f}",
                HEIGHT - BOTTOM + (14 if place % 2 == 0 or slot > 60 else 27),
                name if len(name) <= room else f"{name[: room - 1]}…",
                name,
            )
            for place, name in enumerate(names)
        ),
    )
