"""Which loans have a template of a kind on which days: gaps, overlaps, and what a change would leave without. Pure."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from contracts.rules.resolver import Selector

DIMENSIONS = ("mode", "funder", "product", "channel")
Universe = Mapping[str, Sequence[str]]  # every value of each dimension
Where = tuple[tuple[str, ...] | None, ...]  # of each dimension: some of its values, None for all of them


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days, both included, None without end, and the templates in force on all of them: none is a gap, two overlap."""

    first: date
    last: date | None
    names: tuple[str, ...]

    @property
    def is_gap(self) -> bool:
        return not self.names

    @property
    def overlaps(self) -> bool:
        return len(self.names) > 1

    @property
    def days(self) -> str:
        return f"from {self.first} on" if self.last is None else f"from {self.first} to {self.last}"


@dataclass(frozen=True, slots=True)
class Row:
    """Loans that are treated alike through the whole time."""

    kind: str
    where: Where
    stretches: tuple[Stretch, ...]

    @property
    def loans(self) -> str:
        named = zip(DIMENSIONS, self.where, strict=True)
        parts = [f"{name} {' or '.join(values)}" for name, values in named if values is not None]
        return ", ".join(parts) or "every loan"


def universe(known: Universe, selectors: Iterable[Selector]) -> dict[str, tuple[str, ...]]:
    """The known values and those that templates name."""
    rows = list(selectors)
    named = {name: {getattr(row, name) for row in rows} - {None} for name in DIMENSIONS}
    return {name: (*known[name], *sorted(named[name] - set(known[name]))) for name in DIMENSIONS}


def rows(
    selectors: Sequence[Selector], *, kinds: Iterable[str], over: Universe, first: date, last: date | None
) -> tuple[Row, ...]:
    """All loans by kind, those with the same story in one row."""

    def story(kind: str, loan: Mapping[str, str]) -> tuple[Stretch, ...]:
        own = [one for one in selectors if one.kind == kind]
        return tuple(
            Stretch(start, end, tuple(sorted(one.name for one in own if one.fits(kind=kind, on=start, **loan))))
            for start, end in _spans(own, first, last)
        )

    return tuple(_grouped(kinds, over, story))


def lost(
    before: Sequence[Selector], after: Sequence[Selector], *, kinds: Iterable[str], over: Universe, first: date
) -> tuple[Row, ...]:
    """What has a template before and none after, from `first` on; empty where nothing is taken away."""

    def story(kind: str, loan: Mapping[str, str]) -> tuple[Stretch, ...]:
        def fits(of: Iterable[Selector], on: date) -> bool:
            return any(one.fits(kind=kind, on=on, **loan) for one in of)

        spans = _spans([one for one in (*before, *after) if one.kind == kind], first, None)
        return _joined(
            Stretch(start, end, ()) for start, end in spans if fits(before, start) and not fits(after, start)
        )

    return tuple(row for row in _grouped(kinds, over, story) if row.stretches)


def said(found: Iterable[Row]) -> str:
    return "; ".join(
        f"{row.kind} of {row.loans} {' and '.join(stretch.days for stretch in row.stretches)}" for row in found
    )


def _spans(selectors: Iterable[Selector], first: date, last: date | None) -> list[tuple[date, date | None]]:
    """The time cut wherever one of them begins or has ended."""
    cuts = {first}
    for one in selectors:
        cuts |= {one.valid_from} | ({one.valid_to + timedelta(days=1)} if one.valid_to else set())
    starts = sorted(cut for cut in cuts if cut >= first and (last is None or cut <= last))
    ends: list[date | None] = [start - timedelta(days=1) for start in starts[1:]]
    return list(zip(starts, [*ends, last], strict=True))


def _joined(stretches: Iterable[Stretch]) -> tuple[Stretch, ...]:
    whole: list[Stretch] = []
    for one in stretches:
        if whole and whole[-1].last == one.first - timedelta(days=1):
            one = Stretch(whole.pop().first, one.last, one.names)
        whole.append(one)
    return tuple(whole)


def _grouped(
    kinds: Iterable[str], over: Universe, story: Callable[[str, Mapping[str, str]], tuple[Stretch, ...]]
) -> Iterator[Row]:
    for kind in kinds:
        for where, stretches in _split(over, DIMENSIONS, lambda loan, kind=kind: story(kind, loan), {}):  # type: ignore[misc]
            yield Row(kind, where, stretches)


def _split(
    over: Universe,
    dimensions: Sequence[str],
    story: Callable[[Mapping[str, str]], tuple[Stretch, ...]],
    loan: Mapping[str, str],
) -> tuple[tuple[Where, tuple[Stretch, ...]], ...]:
    """Values of the first dimension under which everything else is alike stand together."""
    if not dimensions:
        return (((), story(loan)),)
    name, *others = dimensions
    alike: dict[Hashable, list[str]] = {}
    for value in over[name]:
        alike.setdefault(_split(over, others, story, {**loan, name: value}), []).append(value)
    return tuple(
        (((None if len(values) == len(over[name]) else tuple(values)), *where), stretches)
        for parts, values in alike.items()
        for where, stretches in parts  # type: ignore[attr-defined]
    )
