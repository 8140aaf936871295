"""What a score is worth, in figures: weight of evidence, information value, KS, AUC, Gini, PSI, and their curves.

A higher score is a better person throughout; `bad` says who was not. Shares are fractions of one.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
HALF = 0.5  # added to each count, so that an empty bin has a weight at all
CURVE_POINTS = 60


def weights_of_evidence(good: Floats, bad: Floats) -> Floats:
    """ln(share of good ÷ share of bad) per bin, half a row added to each count."""
    good, bad = np.asarray(good, float) + HALF, np.asarray(bad, float) + HALF
    return np.log((good / good.sum()) / (bad / bad.sum()))


def information_values(good: Floats, bad: Floats) -> Floats:
    """What each bin adds to the information value; their sum is the variable's. The same half rows as the weights."""
    shares_good, shares_bad = np.asarray(good, float) + HALF, np.asarray(bad, float) + HALF
    gap = shares_good / shares_good.sum() - shares_bad / shares_bad.sum()
    return gap * weights_of_evidence(good, bad)


def psi(expected: Floats, actual: Floats) -> float:
    """Population stability index between two counts over the same bins; 0.1 is a shift, 0.25 a large one."""
    was, now = np.asarray(expected, float) + HALF, np.asarray(actual, float) + HALF
    was, now = was / was.sum(), now / now.sum()
    return float(((now - was) * np.log(now / was)).sum())


def ks_and_auc(scores: Floats, bad: NDArray[np.bool_]) -> tuple[float, float]:
    """(largest gap between the two distributions, chance that a good row scores above a bad one; ties count half).

    Raises ValueError unless there is at least one row of each.
    """
    goods, bads, _ = _cumulated(scores, bad)
    ks = float((bads / bads[-1] - goods / goods[-1]).max())
    of_cut = np.diff(goods, prepend=0)
    below = np.concatenate([[0.0], bads[:-1]])
    auc = float((of_cut * (below + np.diff(bads, prepend=0) / 2)).sum() / (goods[-1] * bads[-1]))
    return max(ks, 0.0), auc


def gini(auc: float) -> float:
    return 2 * auc - 1


def curves(scores: Floats, bad: NDArray[np.bool_]) -> list[tuple[float, float, float]]:
    """(score, share of good up to it, share of bad up to it), thinned to what a chart can show. Raises ValueError.

    KS is the largest gap between the shares; the shares drawn against each other are the ROC.
    """
    goods, bads, cuts = _cumulated(scores, bad)
    picked = np.unique(np.linspace(0, len(cuts) - 1, min(CURVE_POINTS, len(cuts))).round().astype(int))
    widest = int(np.argmax(bads / bads[-1] - goods / goods[-1]))
    picked = np.union1d(picked, [widest])
    return [(float(cuts[place]), float(goods[place] / goods[-1]), float(bads[place] / bads[-1])) for place in picked]


def bands(scores: Floats, count: int = 10) -> list[float]:
    """Inner edges of at most `count` bands that hold about as many rows each; equal edges are one."""
    edges = np.unique(np.quantile(scores, np.linspace(0, 1, count + 1)[1:-1], method="higher"))
    return [float(edge) for edge in edges if edge > scores.min()]


def histogram(scores: Floats, edges: Sequence[float]) -> NDArray[np.int64]:
    """Rows per band: below the first edge, from each edge to the next, from the last edge on."""
    return np.bincount(np.searchsorted(np.asarray(edges, float), scores, side="right"), minlength=len(edges) + 1)


def _cumulated(scores: Floats, bad: NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
    """Good and bad rows up to and with each different score, and the scores."""
    scores, bad = np.asarray(scores, float), np.asarray(bad, bool)
    if bad.all() or not bad.any():
        raise ValueError("there must be good rows and bad rows")
    cuts, place = np.unique(scores, return_inverse=True)
    goods = np.bincount(place[~bad], minlength=len(cuts)).cumsum().astype(float)
    bads = np.bincount(place[bad], minlength=len(cuts)).cumsum().astype(float)
    return goods, bads, cuts
