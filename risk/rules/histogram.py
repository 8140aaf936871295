"""How the values of a variable are spread: a few bars, and how many were unknown. Pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

BARS = 12


@dataclass(frozen=True)
class Bar:
    """`share`: per cent of the values that are known, of lists per cent of the lists. `low`: of whole numbers; `high`:
    of a range of them, not included."""

    label: str
    count: int
    share: float
    low: int | None = None
    high: int | None = None


@dataclass(frozen=True)
class Histogram:
    """`total` values, `unknown` of them None."""

    bars: tuple[Bar, ...]
    total: int
    unknown: int

    @property
    def unknown_share(self) -> float:
        """Per cent."""
        return 100 * self.unknown / self.total if self.total else 0.0


def histogram(values: Iterable[Any]) -> Histogram:
    """At most `BARS` bars: whole numbers in order, each by itself or in equal ranges; other values by frequency, the
    rare ones together; of lists, how many hold each item."""
    everything = list(values)
    known = [value for value in everything if value is not None]
    if known and all(isinstance(value, int) and not isinstance(value, bool) for value in known):
        bars = _numbers(known)
    else:
        items = [item for value in known for item in (_items(value) if isinstance(value, list) else [_word(value)])]
        bars = _words(Counter(items), len(known))
    return Histogram(tuple(bars), len(everything), len(everything) - len(known))


def _numbers(known: list[int]) -> list[Bar]:
    counted = Counter(known)
    if len(counted) <= BARS:
        return [Bar(str(value), counted[value], 100 * counted[value] / len(known), value) for value in sorted(counted)]
    step = _round_step((max(known) - min(known)) // (BARS - 1) + 1)
    first = min(known) // step * step
    edges = range(first, max(known) + step + 1, step)
    bars = []
    for low, high in pairwise(edges):
        count = sum(low <= value < high for value in known)
        bars.append(Bar(f"{low} to under {high}", count, 100 * count / len(known), low, high))
    return bars


def _round_step(least: int) -> int:
    """The first of 1, 2, 5, 10, 20, 50 … that is not below `least`."""
    power = 1
    while True:
        for figure in (1, 2, 5):
            if figure * power >= least:
                return figure * power
        power *= 10


def _words(counted: Counter[str], of: int) -> list[Bar]:
    common = counted.most_common()
    shown = common if len(common) <= BARS else common[: BARS - 1]
    bars = [Bar(word, count, 100 * count / of) for word, count in shown]
    if rest := sum(count for _, count in common[len(shown) :]):
        bars.append(Bar(f"{len(common) - len(shown)} others", rest, min(100 * rest / of, 100)))
    return bars


def _items(value: list[Any]) -> list[str]:
    return sorted({_word(item) for item in value}) or ["(empty)"]


def _word(value: object) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value) or '""'
