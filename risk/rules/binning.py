"""Bins of one variable: which bin a value falls into, and merging, splitting and moving them. Plain numpy.

A binning: `{"variable", "type": "int" | "bool" | "text", "edges": [inner edges, ascending], "groups": [[values]],
"unknown": bool}`. Numbers have edges: n edges are n + 1 bins, each from its lower edge up to and without its upper one.
Texts and yes-or-no have groups. With `unknown`, what is not known has a bin of its own behind the others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

NO_BIN = -1
MOST_BINS = 20
BINNABLE = ("int", "bool", "text")

Binning = dict[str, Any]


class BadBins(ValueError):
    """The change cannot be made; the message says why."""


@dataclass(frozen=True)
class Bin:
    """`low` and `high` of a number, None is open; `values` of a text; `unknown` is the bin of what is not known."""

    label: str
    low: int | None = None
    high: int | None = None
    values: tuple[Any, ...] = ()
    unknown: bool = False


def whole(variable: str, type_: str, values: Sequence[Any]) -> Binning:
    """Everything in as few bins as there can be: one of all numbers, one a value of a text."""
    known = [value for value in values if value is not None]
    groups = [] if type_ == "int" else [[value] for value in sorted(set(known))]
    return {
        "variable": variable,
        "type": type_,
        "edges": [],
        "groups": groups,
        "unknown": len(known) < len(values),
    }


def bins_of(binning: Mapping[str, Any]) -> list[Bin]:
    """In the order of `members`."""
    if binning["type"] == "int":
        edges = [None, *binning["edges"], None]
        found = [Bin(_span(low, high), low, high) for low, high in pairwise(edges)]
    else:
        found = [Bin(", ".join(map(_word, group)), values=tuple(group)) for group in binning["groups"]]
    return [*found, Bin("unknown", unknown=True)] if binning["unknown"] else found


def members(binning: Mapping[str, Any], values: Sequence[Any]) -> NDArray[np.int64]:
    """The number of each value's bin; NO_BIN for a text that no group holds, and for an unknown without a bin."""
    count = len(binning["edges"]) + 1 if binning["type"] == "int" else len(binning["groups"])
    unknown = count if binning["unknown"] else NO_BIN
    if binning["type"] == "int":
        known = np.array([value is not None for value in values], dtype=bool)
        numbers = np.array([0 if value is None else value for value in values], dtype=float)
        place = np.searchsorted(np.array(binning["edges"], dtype=float), numbers, side="right")
        return np.where(known, place, unknown).astype(np.int64)
    where = {value: number for number, group in enumerate(binning["groups"]) for value in group}
    return np.array([unknown if value is None else where.get(value, NO_BIN) for value in values], dtype=np.int64)


def merged(binning: Binning, bin_: int) -> Binning:
    """Bin `bin_` and the next one as one. Raises BadBins."""
    if binning["type"] == "int":
        edges = list(binning["edges"])
        if not 0 <= bin_ < len(edges):
            raise BadBins("There is no next bin to merge with.")
        del edges[bin_]
        return binning | {"edges": edges}
    groups = [list(group) for group in binning["groups"]]
    if not 0 <= bin_ < len(groups) - 1:
        raise BadBins("There is no next bin to merge with.")
    groups[bin_ : bin_ + 2] = [groups[bin_] + groups[bin_ + 1]]
    return binning | {"groups": groups}


def split(binning: Binning, bin_: int, at: str) -> Binning:
    """Bin `bin_` as two: a number's at a value within it, a text's with `at` (one value) alone. Raises BadBins."""
    found = bins_of(binning)
    if not 0 <= bin_ < len(found) or found[bin_].unknown:
        raise BadBins("There is no such bin to split.")
    if len(found) >= MOST_BINS:
        raise BadBins(f"A variable has at most {MOST_BINS} bins.")
    if binning["type"] == "int":
        edge, whole_bin = _number(at), found[bin_]
        if (whole_bin.low is not None and edge <= whole_bin.low) or (
            whole_bin.high is not None and edge >= whole_bin.high
        ):
            raise BadBins(f"{edge} does not lie inside “{whole_bin.label}”.")
        return binning | {"edges": sorted([*binning["edges"], edge])}
    groups = [list(group) for group in binning["groups"]]
    alone = [value for value in groups[bin_] if _word(value) == at.strip()]
    if not alone or len(groups[bin_]) < 2:
        raise BadBins(f"“{at.strip()}” cannot be taken out of “{found[bin_].label}”.")
    groups[bin_ : bin_ + 1] = [[value for value in groups[bin_] if value not in alone], alone]
    return binning | {"groups": groups}


def moved(binning: Binning, edge: int, to: str) -> Binning:
    """A number's inner edge elsewhere, between its neighbours. Raises BadBins."""
    edges = list(binning["edges"])
    if binning["type"] != "int" or not 0 <= edge < len(edges):
        raise BadBins("There is no such edge.")
    value = _number(to)
    low = edges[edge - 1] if edge else None
    high = edges[edge + 1] if edge + 1 < len(edges) else None
    if (low is not None and value <= low) or (high is not None and value >= high):
        raise BadBins(f"{value} does not lie between the neighbours {_span(low, high)}.")
    edges[edge] = value
    return binning | {"edges": edges}


def _number(text: str) -> int:
    try:
        return int(text.strip())
    except ValueError:
        raise BadBins(f"“{text.strip()}” is no whole number.") from None


def _span(low: int | None, high: int | None) -> str:
    if low is None and high is None:
        return "any"
    if low is None:
        return f"< {high}"
    return f">= {low}" if high is None else f"{low} to < {high}"


def _word(value: Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)
