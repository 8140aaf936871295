"""Charts as inline SVG that stretch with their panel; the page has the figures in a table behind each.

Geometry stands in a box of 100 x 100 without words; these stand beside it in HTML, so that they keep their size.
"""

from collections.abc import Callable, Sequence

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

GAP = 0.2  # of a column's place
Shown = Callable[[float], str]
Series = tuple[str, str, Sequence[float | None]]  # name, tone (a class), values


def columns(title: str, labels: Sequence[str], series: Sequence[Series], shown: Shown) -> SafeString:
    """Columns under each label, the series stacked; `shown` writes a value. Nothing where there is nothing to draw."""
    totals = [sum(values[place] or 0 for _, _, values in series) for place in range(len(labels))]
    top = max(totals, default=0)
    if not top:
        return mark_safe("")
    width = 100 / len(labels)
    parts = []
    for place, label in enumerate(labels):
        below = 0.0
        for name, tone, values in series:
            value = values[place] or 0
            height = 100 * value / top
            below += height
            x, y = width * (place + GAP / 2), 100 - below
            told = f"{label}: {shown(value)} {name}".strip()
            if value:
                parts.append((tone, f"{x:.2f}", f"{y:.2f}", f"{width * (1 - GAP):.2f}", f"{height:.2f}", told))
    drawn = format_html_join(
        "", '<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>', parts
    )
    return _figure(title, drawn, labels, series, shown(top), shown(0))


def lines(title: str, labels: Sequence[str], series: Sequence[Series], shown: Shown, top: float = 0.0) -> SafeString:
    """A line for each series over the labels, from 0 to `top` or the highest; a missing value leaves a gap."""
    known = [value for _, _, values in series for value in values if value is not None]
    if not known:
        return mark_safe("")
    top = top or max(known) or 1.0
    step = 100 / max(len(labels) - 1, 1)
    drawn = mark_safe("")
    for name, tone, values in series:
        points = [
            (f"{step * place if len(labels) > 1 else 50:.2f}", f"{100 - 100 * value / top:.2f}", labels[place], value)
            for place, value in enumerate(values)
            if value is not None
        ]
        drawn += format_html('<polyline class="{}" points="{}"/>', tone, " ".join(f"{x},{y}" for x, y, _, _ in points))
        drawn += format_html_join(
            "",
            '<line class="{0} dot" x1="{1}" x2="{1}" y1="{2}" y2="{2}"><title>{3}</title></line>',
            ((tone, x, y, f"{label}: {shown(value)} {name}".strip()) for x, y, label, value in points),
        )
    return _figure(title, drawn, labels, series, shown(top), shown(0))


def _figure(
    title: str, drawn: SafeString, labels: Sequence[str], series: Sequence[Series], top: str, bottom: str
) -> SafeString:
    ends = (labels[0], labels[len(labels) // 2], labels[-1]) if len(labels) > 7 else tuple(labels)
    return format_html(
        '<figure class="office-chart"><figcaption>{}</figcaption>{}'
        '<div class="plot"><div class="scale"><span>{}</span><span>{}</span></div>'
        '<svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg></div>'
        '<div class="axis {}">{}</div></figure>',
        title,
        _legend(series),
        top,
        bottom,
        title,
        drawn,
        "" if len(labels) > 7 else "even",
        format_html_join("", "<span>{}</span>", ((label,) for label in ends)),
    )


def _legend(series: Sequence[Series]) -> SafeString:
    if len(series) < 2:
        return mark_safe("")
    named = format_html_join("", '<i class="{}"></i>{} ', ((tone, name) for name, tone, _ in series))
    return format_html('<p class="office-legend">{}</p>', named)
