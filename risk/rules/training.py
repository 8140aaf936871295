"""Building the scorecard: weights of evidence, a logistic regression over them, points. Plain numpy, no randomness.

Held-out rows are those whose number divides by four, fixed for good, so that figures can be compared between builds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from risk.rules.figures import ks_and_auc, weights_of_evidence
from risk.rules.sample import Row, applicant, vendor_answers
from risk.rules.scorecard import scale

PDO, ANCHOR_SCORE, ANCHOR_ODDS = 40, 600, 20.0
CALIBRATION = 10.29  # odds × 10.29: the sample's 30 % bad stands for a portfolio's 4 %
RIDGE = 1.0

Bin = tuple[dict[str, Any], Callable[[Any], bool]]


@dataclass(frozen=True)
class Block:
    """One variable of the card: its reason, how a row carries it, and its bins as (bin of the form, test)."""

    variable: str
    reason: str
    value: Callable[[Row], Any]
    bins: tuple[Bin, ...]
    untold: frozenset[int] = (
        frozenset()
    )  # bins for which the reason's words would not be true: they explain no lost points


def _word(*words: str) -> Bin:
    return {"values": list(words)}, lambda value: value in words


def _between(low: int | None, high: int | None) -> Bin:
    """[low, high); None is open."""
    return {"from": low, "to": high}, lambda value: (low is None or value >= low) and (high is None or value < high)


def _answer(source: str, *path: str) -> Callable[[Row], Any]:
    def value(row: Row) -> Any:
        found: Any = vendor_answers(row)[source]
        for name in path:
            found = found[name]
        return found

    return value


BLOCKS = (
    Block(
        "checking",
        "S01",
        _answer("bankflow", "current_account"),
        (_word("overdrawn"), _word("low"), _word("high"), _word("none")),
        untold=frozenset({2}),
    ),
    Block(
        "months",
        "S02",
        lambda row: applicant(row).months,
        (_between(None, 9), _between(9, 15), _between(15, 21), _between(21, None)),
    ),
    Block(
        "amount_cents",
        "S02",
        lambda row: applicant(row).amount_cents,
        (_between(None, 2_000_000), _between(2_000_000, 3_500_000), _between(3_500_000, None)),
    ),
    Block(
        "credit_history",
        "S03",
        _answer("bureau", "credit_history"),
        (
            _word("none_or_all_paid", "all_paid_here"),
            _word("existing_paid", "past_delay"),
            _word("critical_or_elsewhere"),
        ),
    ),
    Block(
        "instalment_plans",
        "S03",
        _answer("bureau", "instalment_plans"),
        (_word("none"), _word("bank", "stores")),
    ),
    Block(
        "savings",
        "S04",
        _answer("bankflow", "savings"),
        (_word("under_100"), _word("100_500"), _word("500_1000", "over_1000"), _word("none")),
    ),
    Block(
        "work_months",
        "S05",
        _answer("operator", "places", "work_months"),
        (_between(None, 12), _between(12, 48), _between(48, None)),
    ),
)


@dataclass(frozen=True)
class Built:
    """The card and how well it orders people it has not seen."""

    card: dict[str, Any]
    ks: float
    auc: float
    ks_train: float
    auc_train: float
    rows_train: int
    rows_held_out: int


def is_held_out(row: Row) -> bool:
    return row.number % 4 == 0


def build(rows: Sequence[Row], blocks: Sequence[Block] = BLOCKS) -> Built:
    """Fit on the training rows, measure on the held-out ones. Raises ValueError on a value in no bin or in two."""
    members = np.array([[_bin_of(block, row) for block in blocks] for row in rows])
    bad = np.array([row.bad for row in rows])
    held_out = np.array([is_held_out(row) for row in rows])
    train, bad_train = members[~held_out], bad[~held_out]
    woe = [
        weights_of_evidence(
            np.bincount(train[~bad_train, place], minlength=len(block.bins)).astype(float),
            np.bincount(train[bad_train, place], minlength=len(block.bins)).astype(float),
        )
        for place, block in enumerate(blocks)
    ]
    design = np.column_stack([woe[place][train[:, place]] for place in range(len(blocks))])
    weights = logistic(design, ~bad_train)
    factor, offset = scale(pdo=PDO, anchor_score=ANCHOR_SCORE, anchor_odds=ANCHOR_ODDS)
    base = offset + factor * (weights[0] + np.log(CALIBRATION))
    card: dict[str, Any] = {
        "key": "credit_score",
        "pdo": PDO,
        "anchor_score": ANCHOR_SCORE,
        "anchor_odds": ANCHOR_ODDS,
        "calibration": CALIBRATION,
        "missing": "refer",
        "base_points": round(float(base)),
        "blocks": [_block(block, factor * weights[place + 1] * woe[place]) for place, block in enumerate(blocks)],
    }
    points = [[bin_["points"] for bin_ in block["bins"]] for block in card["blocks"]]
    scores = np.array([sum(points[place][bin_] for place, bin_ in enumerate(row)) for row in members], dtype=float)
    ks, auc = ks_and_auc(scores[held_out], bad[held_out])
    ks_train, auc_train = ks_and_auc(scores[~held_out], bad_train)
    return Built(card, ks, auc, ks_train, auc_train, int((~held_out).sum()), int(held_out.sum()))


def _block(block: Block, values: NDArray[np.float64]) -> dict[str, Any]:
    points = [round(float(value)) for value in values]
    lost = [0 if number in block.untold else max(points) - value for number, value in enumerate(points)]
    bins = [bin_ | {"points": points[number], "lost": lost[number]} for number, (bin_, _) in enumerate(block.bins)]
    return {"variable": block.variable, "reason": block.reason, "bins": bins}


def _bin_of(block: Block, row: Row) -> int:
    value = block.value(row)
    found = [number for number, (_, test) in enumerate(block.bins) if test(value)]
    if len(found) != 1:
        raise ValueError(f"{block.variable}: {value!r} of row {row.number} falls into {len(found)} bins")
    return found[0]


def logistic(design: NDArray[np.float64], good: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Intercept and weights by iteratively reweighted least squares with a small ridge."""
    x = np.column_stack([np.ones(len(design)), design])
    weights = np.zeros(x.shape[1])
    penalty = np.diag([0.0] + [RIDGE] * design.shape[1])
    for _ in range(50):
        chance = 1 / (1 + np.exp(-x @ weights))
        gradient = x.T @ (good - chance) - penalty @ weights
        step = np.linalg.solve((x * (chance * (1 - chance))[:, None]).T @ x + penalty, gradient)
        weights = weights + step
        if float(np.abs(step).max()) < 1e-10:
            return weights
    raise ValueError("the regression did not converge")
