"""What the page of a build shows of its result: figures, charts, and the tables behind them."""

from itertools import pairwise
from typing import Any

from risk.admin import charts
from risk.models import ScorecardBuild

Shown = dict[str, Any]


def of(row: ScorecardBuild) -> Shown:
    result: Any = row.result
    curve = result["curve"]
    widest = max(curve, key=lambda point: point[2] - point[1])
    return {
        "figures": [
            {"name": name, "rows": result["rows"][key], "bad": result["rows"][f"{key}_bad"], **result["figures"][key]}
            for name, key in (("Held out", "held_out"), ("Training", "train"))
        ],
        "psi": result["psi"],
        "rows": result["rows"],
        "base": result["base_points"],
        "warnings": result["warnings"],
        "charts": [_ks(curve, widest), _roc(curve), _scores(result["bands"]), _psi(result["bands"])],
        "blocks": [_block(block) for block in sorted(result["blocks"], key=lambda block: -block["iv"])],
    }


def _ks(curve: Any, widest: Any) -> Shown:
    return {
        "title": "KS: how far good and bad are apart",
        "legend": [("good", "good up to the score"), ("bad", "bad up to the score")],
        "svg": charts.lines(
            f"Shares of good and bad held-out rows up to each score; the widest gap is {widest[2] - widest[1]:.3f}"
            f" at {widest[0]:.0f}",
            [("good", "good", [(s, g) for s, g, _ in curve]), ("bad", "bad", [(s, b) for s, _, b in curve])],
            x_title="score",
            y_title="share of rows",
            mark=((widest[0], widest[1]), (widest[0], widest[2])),
        ),
        "head": ("Score", "Good up to it", "Bad up to it", "Gap"),
        "table": [(f"{s:.0f}", f"{g:.1%}", f"{b:.1%}", f"{b - g:.3f}") for s, g, b in curve],
    }


def _roc(curve: Any) -> Shown:
    return {
        "title": "ROC: bad caught for good lost",
        "legend": [("good", "this card"), ("quiet", "by chance")],
        "svg": charts.lines(
            "Share of bad below a score against the share of good below it, held-out rows",
            [("ROC", "good", [(0.0, 0.0), *((g, b) for _, g, b in curve)])],
            x_title="share of good below the score",
            y_title="share of bad below it",
            diagonal=True,
        ),
        "head": ("Good below", "Bad below"),
        "table": [(f"{g:.1%}", f"{b:.1%}") for _, g, b in curve],
    }


def _scores(bands: Any) -> Shown:
    names = _band_names(bands["edges"])
    shares = {name: _shares(bands[name]) for name in ("good", "bad")}
    return {
        "title": "Scores of good and bad",
        "legend": [("good", "good"), ("bad", "bad")],
        "svg": charts.pairs(
            "Shares of good and of bad held-out rows by score band",
            names,
            [("good", "good", shares["good"]), ("bad", "bad", shares["bad"])],
        ),
        "head": ("Score", "Good", "Bad", "Bad rate"),
        "table": [
            (name, good, bad, f"{bad / (good + bad):.1%}" if good + bad else "-")
            for name, good, bad in zip(names, bands["good"], bands["bad"], strict=True)
        ],
    }


def _psi(bands: Any) -> Shown:
    names = _band_names(bands["edges"])
    return {
        "title": "Training against held out",
        "legend": [("then", "training"), ("good", "held out")],
        "svg": charts.pairs(
            "Shares of training and of held-out rows by score band",
            names,
            [("training", "then", _shares(bands["train"])), ("held out", "good", _shares(bands["held_out"]))],
        ),
        "head": ("Score", "Training", "Held out"),
        "table": list(zip(names, bands["train"], bands["held_out"], strict=True)),
    }


def _block(block: Any) -> Shown:
    bins = block["bins"]
    names = [bin_["label"] for bin_ in bins]
    edges = block["binning"]["edges"]
    known = len(edges) + 1 if block["type"] == "int" else len(block["binning"]["groups"])
    return {
        **{name: block[name] for name in ("variable", "iv", "psi", "coefficient", "type")},
        "svg": charts.rates(
            f"Bad rate and weight of evidence by bin of {block['variable']}",
            names,
            [bin_["bad_rate"] for bin_ in bins],
            [bin_["woe"] for bin_ in bins],
            "weight of evidence",
        ),
        "bins": [
            {
                **bin_,
                "number": number,
                "count": bin_["good"] + bin_["bad"],
                "bad_percent": _percent(bin_["bad_rate"]),
                "held_out_bad_percent": _percent(bin_["held_out_bad_rate"]),
                "may_merge": number < known - 1,
                "may_split": not bin_["unknown"] and (block["type"] == "int" or len(bin_["values"]) > 1),
                "edge": edges[number] if block["type"] == "int" and number < len(edges) else None,
            }
            for number, bin_ in enumerate(bins)
        ],
    }


def _band_names(edges: Any) -> list[str]:
    if not edges:
        return ["any"]
    between = [f"{low}-{high - 1}" for low, high in pairwise(edges)]
    return [f"< {edges[0]}", *between, f">= {edges[-1]}"]


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _shares(counts: Any) -> list[float]:
    total = sum(counts) or 1
    return [count / total for count in counts]
