"""From bins to a scorecard: weights of evidence, one logistic regression (`training`), points, and how good it is.

Every figure can be computed again from the rows alone, so bins are adjusted without the library that proposed them.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from risk.rules import binning, figures
from risk.rules.scorecard import scale
from risk.rules.training import logistic

SPARSE = 0.05
STRONG_IV, WEAK_IV = 0.5, 0.02
SHIFT = 0.1
FEWEST = 20  # rows of each outcome, below which nothing is fitted

Bools = NDArray[np.bool_]


class CannotFit(ValueError):
    """The rows do not carry a model; the message says why."""


@dataclass(frozen=True)
class Rows:
    """Rows with a known outcome. `values`: per variable, one value a row, None where unknown."""

    values: Mapping[str, Sequence[Any]]
    bad: Bools
    held_out: Bools
    without_outcome: int


def rows_of(rows: Sequence[Mapping[str, Any]], variables: Sequence[str], held_out_percent: int) -> Rows:
    """Those of a dataset's rows whose outcome is known; held out by the hash of their ref, for good."""
    told = [row for row in rows if row["bad"] is not None]
    return Rows(
        values={name: [row["inputs"].get(name) for row in told] for name in variables},
        bad=np.array([row["bad"] for row in told], dtype=bool),
        held_out=np.array([is_held_out(row["ref"], held_out_percent) for row in told], dtype=bool),
        without_outcome=len(rows) - len(told),
    )


def is_held_out(ref: str, percent: int) -> bool:
    """The same answer for a ref in every build of the same share."""
    return int.from_bytes(hashlib.sha256(ref.encode()).digest()[:8], "big") % 100 < percent


def check(rows: Rows) -> None:
    """Raises CannotFit where training or held-out rows are too few."""
    for name, chosen in (("training", ~rows.held_out), ("held-out", rows.held_out)):
        bad = int(rows.bad[chosen].sum())
        if min(bad, int(chosen.sum()) - bad) < FEWEST:
            good = int(chosen.sum()) - bad
            raise CannotFit(f"Only {good} good and {bad} bad {name} rows; at least {FEWEST} of each are needed.")


def fit(rows: Rows, binnings: Sequence[Mapping[str, Any]], settings: Mapping[str, Any]) -> dict[str, Any]:
    """The model over these bins, as JSON: figures, curves, blocks with their bins, warnings. Raises CannotFit.

    settings: `pdo`, `anchor_score`, `anchor_odds`, `bad_percent` (of the portfolio that the score is used in, or None
    for the rows' own). A row with a value that no bin takes has no score and is in no figure of the score.
    """
    check(rows)
    members = np.column_stack([binning.members(one, rows.values[one["variable"]]) for one in binnings])
    complete = (members != binning.NO_BIN).all(axis=1)
    train, held_out = complete & ~rows.held_out, complete & rows.held_out
    counts = [_counts(members[train, place], rows.bad[train], one) for place, one in enumerate(binnings)]
    woe = [figures.weights_of_evidence(good, bad) for good, bad in counts]
    design = np.column_stack([woe[place][members[train, place]] for place in range(len(binnings))])
    try:
        weights = logistic(design, ~rows.bad[train])
    except (ValueError, np.linalg.LinAlgError) as error:
        raise CannotFit(f"The regression found no answer: {error}.") from error
    factor, offset = scale(
        pdo=settings["pdo"], anchor_score=settings["anchor_score"], anchor_odds=settings["anchor_odds"]
    )
    intercept = float(weights[0]) + _calibration(settings.get("bad_percent"), float(rows.bad[train].mean()))
    base = round(offset + factor * intercept)
    points = [np.round(factor * weights[place + 1] * woe[place]) for place in range(len(binnings))]
    scores = base + sum(points[place][np.maximum(members[:, place], 0)] for place in range(len(binnings)))
    blocks = [
        _block(one, counts[place], woe[place], points[place], float(weights[place + 1]), members[:, place], rows)
        for place, one in enumerate(binnings)
    ]
    return {
        "rows": {
            "train": int((~rows.held_out).sum()),
            "held_out": int(rows.held_out.sum()),
            "train_bad": int(rows.bad[~rows.held_out].sum()),
            "held_out_bad": int(rows.bad[rows.held_out].sum()),
            "without_outcome": rows.without_outcome,
            "without_score": int((~complete).sum()),
        },
        "intercept": intercept,
        "base_points": base,
        "blocks": blocks,
        **_score_figures(np.asarray(scores, dtype=float), rows.bad, train, held_out),
        "warnings": _warnings(blocks, int((~complete).sum())),
    }


def card_of(result: Mapping[str, Any], settings: Mapping[str, Any], reasons: Mapping[str, str]) -> dict[str, Any]:
    """The model as the authored form of a scorecard. `reasons`: the reason code of each variable, "" still to choose.

    Bins and blocks keep their weight and coefficient, so that points can be scaled again.
    """
    blocks = []
    for block in result["blocks"]:
        bins = [_bin_of(row) | {"points": row["points"], "woe": row["woe"]} for row in block["bins"]]
        seen = [value for row in block["bins"] for value in row.get("values", [])]
        blocks.append(
            {
                "variable": block["variable"],
                "reason": reasons.get(block["variable"], ""),
                "coefficient": block["coefficient"],
                "bins": bins,
            }
            | ({"seen": seen} if seen else {})
        )
    return {
        "base_points": result["base_points"],
        "intercept": result["intercept"],
        "pdo": settings["pdo"],
        "anchor_score": settings["anchor_score"],
        "anchor_odds": settings["anchor_odds"],
        "missing": "refer",
        "blocks": blocks,
    }


def _bin_of(row: Mapping[str, Any]) -> dict[str, Any]:
    if row.get("unknown"):
        return {"unknown": True}
    if row.get("values"):
        return {"values": list(row["values"])}
    return {"from": row["from"], "to": row["to"]}


def _counts(members: NDArray[np.int64], bad: Bools, one: Mapping[str, Any]) -> tuple[figures.Floats, figures.Floats]:
    size = len(binning.bins_of(one))
    good = np.bincount(members[~bad], minlength=size).astype(float)
    return good, np.bincount(members[bad], minlength=size).astype(float)


def _calibration(bad_percent: float | None, bad_rate: float) -> float:
    """What is added to the log odds so that the rows' share of bad stands for the portfolio's."""
    if not bad_percent:
        return 0.0
    share = bad_percent / 100
    return math.log((1 - share) / share) - math.log((1 - bad_rate) / bad_rate)


def _block(
    one: Mapping[str, Any],
    counts: tuple[figures.Floats, figures.Floats],
    woe: figures.Floats,
    points: figures.Floats,
    coefficient: float,
    members: NDArray[np.int64],
    rows: Rows,
) -> dict[str, Any]:
    good, bad = counts
    inside = members[rows.held_out & (members != binning.NO_BIN)]
    held_out = np.bincount(inside, minlength=len(good)).astype(float)
    held_bad = np.bincount(members[rows.held_out & rows.bad & (members != binning.NO_BIN)], minlength=len(good)).astype(
        float
    )
    total = float(good.sum() + bad.sum())
    values = figures.information_values(good, bad)
    shown = []
    for place, bin_ in enumerate(binning.bins_of(one)):
        count = float(good[place] + bad[place])
        shown.append(
            {
                "label": bin_.label,
                "from": bin_.low,
                "to": bin_.high,
                "values": list(bin_.values),
                "unknown": bin_.unknown,
                "good": int(good[place]),
                "bad": int(bad[place]),
                "share": count / total if total else 0.0,
                "bad_rate": float(bad[place]) / count if count else None,
                "held_out": int(held_out[place]),
                "held_out_bad_rate": float(held_bad[place] / held_out[place]) if held_out[place] else None,
                "woe": float(woe[place]),
                "iv": float(values[place]),
                "points": int(points[place]),
            }
        )
    return {
        "variable": one["variable"],
        "type": one["type"],
        "binning": dict(one),
        "iv": float(values.sum()),
        "psi": figures.psi(good + bad, held_out),
        "coefficient": coefficient,
        "bins": shown,
    }


def _score_figures(scores: figures.Floats, bad: Bools, train: Bools, held_out: Bools) -> dict[str, Any]:
    edges = figures.bands(scores[train])
    told: dict[str, Any] = {}
    for name, chosen in (("train", train), ("held_out", held_out)):
        if bad[chosen].all() or not bad[chosen].any():
            raise CannotFit("Too few of the held-out rows fall into these bins to measure anything.")
        ks, auc = figures.ks_and_auc(scores[chosen], bad[chosen])
        told[name] = {"ks": ks, "auc": auc, "gini": figures.gini(auc)}
    counted = {
        name: [int(count) for count in figures.histogram(scores[chosen], edges)]
        for name, chosen in (
            ("train", train),
            ("held_out", held_out),
            ("good", held_out & ~bad),
            ("bad", held_out & bad),
        )
    }
    return {
        "figures": told,
        "psi": figures.psi(np.array(counted["train"], float), np.array(counted["held_out"], float)),
        "curve": [list(point) for point in figures.curves(scores[held_out], bad[held_out])],
        "bands": {"edges": [round(edge) for edge in edges], **counted},
    }


def _warnings(blocks: Sequence[Mapping[str, Any]], without_score: int) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []

    def warn(block: Mapping[str, Any], code: str, message: str) -> None:
        found.append({"variable": str(block.get("variable", "")), "code": code, "message": message})

    for block in blocks:
        known = [bin_ for bin_ in block["bins"] if not bin_["unknown"]]
        rates = [bin_["bad_rate"] for bin_ in known if bin_["bad_rate"] is not None]
        steps = [later - earlier for earlier, later in pairwise(rates)]
        if block["type"] == "int" and min(steps, default=0) < 0 < max(steps, default=0):
            warn(block, "not_monotone", "The bad rate goes up and down again along the bins.")
        for bin_ in block["bins"]:
            if bin_["share"] < SPARSE:
                warn(block, "sparse_bin", f"“{bin_['label']}” holds {bin_['share']:.1%} of the rows.")
        if block["coefficient"] < 0:
            warn(block, "negative_coefficient", "Its weight turns the bins upside down: it repeats what another says.")
        if block["iv"] > STRONG_IV:
            warn(block, "too_good", f"IV {block['iv']:.2f} is too good to be true: does it know the outcome?")
        if block["iv"] < WEAK_IV:
            warn(block, "weak", f"IV {block['iv']:.3f}: it tells next to nothing.")
        if block["psi"] > SHIFT:
            warn(block, "shift", f"PSI {block['psi']:.2f}: held-out rows fall into other bins.")
    if without_score:
        warn({}, "without_score", f"{without_score} rows have a value that no bin takes, and so no score.")
    return found
