"""What a backtest found: tried rows counted chunk by chunk, and the summary over all of them.

Rates are fractions of all rows: a row that ended in an error was not approved. Bad rates are of the rows whose outcome
is known. The summary is JSON: counts, fractions, cents; `None` where something cannot be said.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from risk.rules import figures
from risk.rules.fairness import four_fifths
from risk.rules.trials import ERROR, OUTCOMES, Known, Said, Tried

SAMPLES = 50
BINS = 12
STEPS = (1.0, 2.0, 2.5, 5.0)
REFS = 5  # examples of each error
CANDIDATE, BASELINE = "candidate", "baseline"

Summary = dict[str, Any]
Floats = NDArray[np.float64]


class Tally:
    """`add` each chunk's rows and counts in any order, then `summary`. Memory: some numbers a row, never its inputs."""

    def __init__(self, groups: Sequence[str] = ()) -> None:
        self.groups = groups
        self.known = Known()
        self.sides = {CANDIDATE: _Side(), BASELINE: _Side()}
        self.rows = self.told = self.bad = 0
        self.has_baseline = False
        self.moves: Counter[tuple[str, str]] = Counter()
        self.swaps = {"out": _Swap(), "in": _Swap()}
        self.by_group: dict[str, dict[str, list[int]]] = {name: defaultdict(lambda: [0, 0, 0]) for name in groups}

    def add(self, tried: Iterable[Tried], counts: Mapping[str, Mapping[str, int]] | None = None) -> None:
        self.known.add(counts or {})
        for ref, bad, groups, now, before in tried:
            candidate = Said(*now)
            baseline = Said(*before) if before else None
            self.rows += 1
            self.told += bad is not None
            self.bad += bad is True
            self.sides[CANDIDATE].add(ref, bad, candidate)
            if baseline is not None:
                self.has_baseline = True
                self.sides[BASELINE].add(ref, bad, baseline)
                self._move(ref, bad, candidate, baseline)
            for name in self.groups:
                if value := groups.get(name):
                    counted = self.by_group[name][value]
                    counted[0] += 1
                    counted[1] += candidate.outcome == "approve"
                    counted[2] += baseline is not None and baseline.outcome == "approve"

    def summary(self) -> Summary:
        bins = _common_bins([side for side in self.sides.values() if side.rows])
        return {
            "rows": self.rows,
            "with_outcome": self.told,
            "bad": self.bad,
            CANDIDATE: self.sides[CANDIDATE].summary(bins),
            BASELINE: self.sides[BASELINE].summary(bins) if self.has_baseline else None,
            "score_psi": self._score_psi(bins["score"]),
            "moves": [[before, now, count] for (before, now), count in sorted(self.moves.items())],
            "swaps": {name: swap.summary() for name, swap in self.swaps.items()} if self.has_baseline else None,
            "fairness": self._fairness(),
            "variables": self._variables(),
        }

    def _move(self, ref: str, bad: bool | None, now: Said, before: Said) -> None:
        self.moves[before.outcome, now.outcome] += 1
        was, is_ = before.outcome == "approve", now.outcome == "approve"
        if was and not is_:
            self.swaps["out"].add(ref, bad, now, before, now.reasons or _as_reason(now))
        elif is_ and not was:
            self.swaps["in"].add(ref, bad, now, before, before.reasons or _as_reason(before))

    def _score_psi(self, bins: Sequence[float]) -> float | None:
        before, now = self.sides[BASELINE].scores(), self.sides[CANDIDATE].scores()
        if not before.size or not now.size:
            return None
        edges = bins[1:-1]
        return figures.psi(figures.histogram(before, edges).astype(float), figures.histogram(now, edges).astype(float))

    def _fairness(self) -> list[dict[str, Any]]:
        return [
            {
                "group": name,
                "told": sum(rows for rows, _, _ in values.values()),
                "values": [
                    asdict(found) | {"ratio_before": values[found.value][2] / found.rows if self.has_baseline else None}
                    for found in four_fifths(name, {value: (rows, now) for value, (rows, now, _) in values.items()})
                ],
            }
            for name, values in self.by_group.items()
            if values
        ]

    def _variables(self) -> list[dict[str, Any]]:
        """Variables that some row did not know, the least known first."""
        names = {*self.known.unknown, *self.known.defaulted, *self.known.absent}
        found = [
            {
                "name": name,
                "unknown": self.known.unknown[name],
                "rate": self.known.unknown[name] / self.rows,
                "defaulted": self.known.defaulted[name],
                "absent": self.known.absent[name],
            }
            for name in names
        ]
        return sorted(found, key=lambda row: (-row["unknown"], -row["defaulted"], row["name"]))


class _Side:
    """What one of the two strategies said, as columns."""

    def __init__(self) -> None:
        self.rows = 0
        self.outcomes: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.grades: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
        self.faults: Counter[tuple[str, ...]] = Counter()
        self.refs: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
        self.scored: list[tuple[int, bool | None, bool]] = []
        self.limits: list[int] = []
        self.rates: list[float] = []
        self.approved = [0, 0]

    def add(self, ref: str, bad: bool | None, said: Said) -> None:
        self.rows += 1
        approved = said.outcome == "approve"
        self.outcomes[said.outcome] += 1
        if not approved:
            self.reasons.update(said.reasons)
        if said.outcome == ERROR:
            fault = tuple(said.fault)
            self.faults[fault] += 1
            if len(self.refs[fault]) < REFS:
                self.refs[fault].append(ref)
        if said.grade:
            counted = self.grades[said.grade]
            counted[0] += 1
            counted[1] += approved
            counted[2] += bad is not None
            counted[3] += bad is True
        if said.score is not None:
            self.scored.append((said.score, bad, approved))
        if approved:
            self.approved[0] += bad is not None
            self.approved[1] += bad is True
            if said.limit_cents is not None:
                self.limits.append(said.limit_cents)
            if said.annual_rate:
                self.rates.append(float(said.annual_rate))

    def scores(self) -> Floats:
        return np.array([score for score, _, _ in self.scored], dtype=float)

    def summary(self, bins: Mapping[str, Sequence[float]]) -> dict[str, Any]:
        told, bad = self.approved
        return {
            "outcomes": {name: self.outcomes[name] for name in OUTCOMES},
            "rates": {name: self.outcomes[name] / self.rows if self.rows else None for name in OUTCOMES},
            "approved_bad": {"told": told, "bad": bad, "rate": _share(bad, told)},
            "reasons": [[code, count, count / self.rows] for code, count in _most(self.reasons)],
            "grades": [
                {
                    "grade": grade,
                    "rows": rows,
                    "approved": approved,
                    "told": told,
                    "bad": bad,
                    "rate": _share(bad, told),
                }
                for grade, (rows, approved, told, bad) in sorted(self.grades.items())
            ],
            "scored": len(self.scored),
            "quality": self._quality(),
            "bands": self._bands(bins["score"]),
            "deciles": self._deciles(),
            "limit": _distribution(np.array(self.limits, dtype=float), bins["limit"]),
            "rate": _distribution(np.array(self.rates, dtype=float), bins["rate"], bins["prices"]),
            "faults": [
                {"code": fault[0], "node": fault[1], "field": fault[2], "rows": count, "refs": self.refs[fault]}
                for fault, count in _most(self.faults)
            ],
        }

    def _quality(self) -> dict[str, Any] | None:
        """KS, AUC and Gini of the score over the rows whose outcome is known."""
        told = [(score, bad) for score, bad, _ in self.scored if bad is not None]
        bad = np.array([went_bad for _, went_bad in told], dtype=bool)
        if not bad.any() or bad.all():
            return None
        ks, auc = figures.ks_and_auc(np.array([score for score, _ in told], dtype=float), bad)
        return {"ks": ks, "auc": auc, "gini": figures.gini(auc), "rows": len(told), "bad": int(bad.sum())}

    def _bands(self, edges: Sequence[float]) -> list[dict[str, Any]]:
        counted = [[0, 0, 0, 0] for _ in edges[1:]]
        inner = np.asarray(edges[1:-1], dtype=float)
        places = np.searchsorted(inner, self.scores(), side="right")
        for place, (_, bad, approved) in zip(places, self.scored, strict=True):
            band = counted[int(place)]
            band[0] += 1
            band[1] += approved
            band[2] += bad is not None
            band[3] += bad is True
        return [
            {"from": low, "to": high, **_counted(counts)}
            for low, high, counts in zip(edges, edges[1:], counted, strict=False)
        ]

    def _deciles(self) -> dict[str, list[float]] | None:
        """Ten bands of about equal size and their rows: what a later day's scores are compared with."""
        scores = self.scores()
        if not scores.size:
            return None
        edges = figures.bands(scores)
        return {"edges": edges, "rows": [int(count) for count in figures.histogram(scores, edges)]}


class _Swap:
    def __init__(self) -> None:
        self.rows = self.told = self.bad = 0
        self.reasons: Counter[str] = Counter()
        self.samples: list[tuple[int, int, dict[str, Any]]] = []

    def add(self, ref: str, bad: bool | None, now: Said, before: Said, reasons: Iterable[str]) -> None:
        self.rows += 1
        self.told += bad is not None
        self.bad += bad is True
        self.reasons.update(reasons)
        # Spread over all rows and the same each time: those whose reference has the smallest checksum.
        kept = (
            -crc32(ref.encode()),
            -self.rows,
            {"ref": ref, "bad": bad, "before": _shown(before), "now": _shown(now)},
        )
        if len(self.samples) < SAMPLES:
            heapq.heappush(self.samples, kept)
        else:
            heapq.heappushpop(self.samples, kept)

    def summary(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "told": self.told,
            "bad": self.bad,
            "rate": _share(self.bad, self.told),
            "reasons": [[code, count] for code, count in _most(self.reasons)],
            "samples": [sample for _, _, sample in sorted(self.samples, key=lambda kept: -kept[0])],
        }


def edges(values: Floats, most: int = BINS) -> list[float]:
    """At most `most` bins of a round width that hold all values; [] where there are none.

    A bin holds its lower edge; the last holds both.
    """
    if not values.size:
        return []
    low, high = float(values.min()), float(values.max())
    if low == high:
        return [low, high]
    width = (high - low) / most
    step = 10.0 ** np.floor(np.log10(width))
    for factor in (*(each * step for each in STEPS), 10 * step):
        first, last = np.floor(low / factor), np.ceil(high / factor)
        if last - first <= most:
            return [float(round(place * factor, 10)) for place in np.arange(first, last + 1)]
    return [float(round(place * 20 * step, 10)) for place in (np.floor(low / (20 * step)), np.ceil(high / (20 * step)))]


def _common_bins(sides: Sequence[_Side]) -> dict[str, list[float]]:
    """The same bins for both, so that they can be read side by side."""
    columns = {
        "score": [side.scores() for side in sides],
        "limit": [np.array(side.limits, dtype=float) for side in sides],
        "rate": [np.array(side.rates, dtype=float) for side in sides],
    }
    joined = {name: np.concatenate(found) if found else np.array([]) for name, found in columns.items()}
    return {name: edges(values) for name, values in joined.items()} | {"prices": _few(joined["rate"])}


def _few(values: Floats) -> list[float]:
    """The different values where they are few, as the prices of grades are; [] where they need bins."""
    found = np.unique(values)
    return [float(value) for value in found] if found.size <= BINS else []


def _distribution(values: Floats, bins: Sequence[float], few: Sequence[float] = ()) -> dict[str, Any] | None:
    """Cents or fractions, over the approved rows. `few`: each value is a bin of its own."""
    if not values.size:
        return None
    lows, highs = (few, few) if few else (bins[:-1], bins[1:])
    counts = figures.histogram(values, lows[1:])
    return {
        "rows": int(values.size),
        "sum": float(values.sum()),
        "mean": float(values.mean()),
        "quartiles": [float(found) for found in np.quantile(values, (0.25, 0.5, 0.75))],
        "bins": [
            {"from": low, "to": high, "rows": int(count)} for low, high, count in zip(lows, highs, counts, strict=True)
        ],
    }


def _shown(said: Said) -> dict[str, Any]:
    return {
        "outcome": said.outcome,
        "reasons": list(said.reasons) or list(_as_reason(said)),
        "score": said.score,
        "grade": said.grade,
        "limit_cents": said.limit_cents,
        "annual_rate": said.annual_rate,
    }


def _as_reason(said: Said) -> Sequence[str]:
    return ("error",) if said.outcome == ERROR else ()


def _counted(counts: Sequence[int]) -> dict[str, Any]:
    rows, approved, told, bad = counts
    return {"rows": rows, "approved": approved, "told": told, "bad": bad, "rate": _share(bad, told)}


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _most(counter: Counter[Any]) -> list[tuple[Any, int]]:
    """The most frequent first; equally frequent ones by name."""
    return sorted(counter.items(), key=lambda item: (-item[1], item[0]))
