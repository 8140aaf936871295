"""A network as inline SVG: somebody in the middle, things around them, and others around these.

Nodes carry a short mark and a name; whatever is longer stands in a table behind the drawing. Every node may be a link.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import cos, pi, sin

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

SIZE, INNER, OUTER = 480, 112, 192  # a box, and how far from its middle the two rings are
Place = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Node:
    """`mark` stands in the circle, `name` below it, `told` is shown when pointed at; `tone`: a class."""

    mark: str
    told: str
    name: str = ""
    tone: str = ""
    address: str = ""


def rings(
    title: str, middle: Node, inner: Sequence[Node], outer: Mapping[int, Node], ties: Sequence[tuple[int, int, str]]
) -> SafeString:
    """`ties`: (place of an inner node, key of an outer node, what ties them). Each outer node stands near the first
    inner one it is tied to, so that few lines cross."""
    inside, outside = _places(len(inner), list(outer), ties)
    centre = (SIZE / 2, SIZE / 2)
    lines = [(centre, inside[number], node.told) for number, node in enumerate(inner)]
    lines += [(inside[number], outside[key], told) for number, key, told in ties]
    nodes = [(middle, centre, 24), *((node, inside[number], 13) for number, node in enumerate(inner))]
    nodes += [(node, outside[key], 15) for key, node in outer.items()]
    return format_html(
        '<svg class="office-network" viewBox="0 0 {0} {0}" role="group" aria-label="{1}">{2}{3}</svg>',
        SIZE,
        title,
        format_html_join("", "{}", ((_line(*each),) for each in lines)),
        format_html_join("", "{}", ((_node(*each),) for each in nodes)),
    )


def _places(
    things: int, people: Sequence[int], ties: Sequence[tuple[int, int, str]]
) -> tuple[list[Place], dict[int, Place]]:
    """Where inner and outer nodes stand: the circle is dealt out in slots, to each thing one for everybody it is the
    first to lead to, and at least one."""
    owned: list[list[int]] = [[] for _ in range(things)]
    first = {key: number for number, key, _ in reversed(ties)}
    for key in people:
        if key in first:
            owned[first[key]].append(key)
    slots = max(sum(max(len(keys), 1) for keys in owned), 1)
    inside: list[Place] = []
    outside: dict[int, Place] = {}
    begun = 0
    for keys in owned:
        width = max(len(keys), 1)
        inside.append(_at(INNER, begun + (width - 1) / 2, slots))
        outside |= {key: _at(OUTER, begun + place, slots) for place, key in enumerate(keys)}
        begun += width
    return inside, outside


def _at(radius: float, slot: float, slots: int) -> Place:
    """Clockwise from the top."""
    angle = 2 * pi * slot / slots - pi / 2
    return SIZE / 2 + radius * cos(angle), SIZE / 2 + radius * sin(angle)


def _line(begin: Place, end: Place, told: str) -> SafeString:
    (x1, y1), (x2, y2) = begin, end
    line = '<line x1="{}" y1="{}" x2="{}" y2="{}"><title>{}</title></line>'
    return format_html(line, *(f"{value:.1f}" for value in (x1, y1, x2, y2)), told)


def _node(node: Node, place: Place, radius: int) -> SafeString:
    x, y = (f"{value:.1f}" for value in place)
    drawn = format_html(
        '<g class="{}"><title>{}</title><circle cx="{}" cy="{}" r="{}"/>'
        '<text class="letter" x="{}" y="{}">{}</text>{}</g>',
        node.tone,
        node.told,
        x,
        y,
        radius,
        x,
        y,
        node.mark,
        format_html('<text x="{}" y="{}">{}</text>', x, f"{place[1] + radius + 15:.1f}", node.name)
        if node.name
        else "",
    )
    return format_html('<a href="{}">{}</a>', node.address, drawn) if node.address else drawn
