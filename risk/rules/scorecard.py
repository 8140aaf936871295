"""Scorecards: bins → points per variable, summed onto a base; a missing block is never a partial sum. Compiled to JDM.

Form: `{base_points, pdo, anchor_score, anchor_odds, missing, blocks: [{variable, reason, bins: [bin]}]}`. A bin is
`{from, to}` of a number (from one up to and without the other, null is open), `{values: [...]}` of a text or a yes or
no, or `{unknown: true}`; with it stand `points` and, where the reason's words would not be true of it, `lost`: the
points its reason explains, else those that it lies below the best bin. `missing`, where a block has no points: `refer`
or `refuse` (decline), both with N01. A card built from data keeps `intercept`, a block's `coefficient` and `seen`
values and a bin's `woe`.

The compiled flow answers `{outcome, score, complete, missing, lost, reasons}`: `lost` summed per reason, `reasons` the
four largest. Source: log-odds scaling, points = factor × ln(odds) + offset.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from risk.rules.catalogue import PROTECTED, VariableSpec
from risk.rules.document import Graph
from risk.rules.jdm import expression, graph, input_node, output_node, table

SHOWN_REASONS = 4
NO_DATA = "N01"
REFER, REFUSE = "refer", "refuse"
OUTCOMES = {REFER: "refer", REFUSE: "decline"}
UNIT = (-5_000, 5_000)
BOUNDS = {"base_points": UNIT, "pdo": (1, 500), "anchor_score": UNIT, "anchor_odds": (0.01, 100_000)}
REASON = re.compile(r"[A-Z]\d{2}")
KEPT_TYPES = ("int", "bool", "text")
AGE = "age_years"

Bin = dict[str, Any]
Fault = tuple[str, str, str, str]


def scale(*, pdo: int, anchor_score: int, anchor_odds: float) -> tuple[float, float]:
    """(factor, offset) so that `anchor_score` stands for `anchor_odds` good to bad and `pdo` points double them."""
    factor = pdo / math.log(2)
    return factor, anchor_score - factor * math.log(anchor_odds)


def compile_card(card: dict[str, Any], schema: dict[str, Any]) -> Graph:
    """The card as a JDM graph: one table per block side by side, then the sum."""
    blocks = card["blocks"]
    tables = [
        table(
            f"points_{block['variable']}",
            [block["variable"]],
            ["points", "lost"],
            [
                *(
                    {block["variable"]: cell_of(bin_), "points": str(bin_["points"]), "lost": str(lost_by(block, bin_))}
                    for bin_ in block["bins"]
                ),
                {"points": "null", "lost": "0"},
            ],
            output_path=f"points.{block['variable']}",
        )
        for block in blocks
    ]
    reached = {block["variable"]: f"points.{block['variable']}.points" for block in blocks}
    reasons = list(dict.fromkeys(block["reason"] for block in blocks))
    lost = {
        reason: " + ".join(f"points.{block['variable']}.lost" for block in blocks if block["reason"] == reason)
        for reason in reasons
    }
    score = f"{card['base_points']} + " + " + ".join(reached.values())
    missing = ", ".join(f"{{name: {json.dumps(name)}, points: {path}}}" for name, path in reached.items())
    return graph(
        input_node(schema),
        tables,
        expression(
            "sum",
            {
                "missing": f"map(filter([{missing}], #.points == null), #.name)",
                "complete": "len($.missing) == 0",
                "score": f"$.complete ? {score} : null",
                **{f"lost.{reason}": text for reason, text in lost.items()},
            },
        ),
        expression(
            "answer",
            {
                "outcome": f"complete ? 'approve' : '{OUTCOMES[card.get('missing', REFER)]}'",
                **{name: name for name in ("score", "complete", "missing", "lost")},
                "reasons": f"complete ? {_ranked(reasons)} : ['{NO_DATA}']",
            },
        ),
        output_node(),
    )


def _ranked(reasons: list[str]) -> str:
    """Reasons with points lost, most lost first; a tie keeps the card's order.

    The engine cannot sort, so each reason counts those ahead of it.
    """
    ranks = []
    for place, reason in enumerate(reasons):
        ahead = [
            f"(lost.{other} {'>=' if position < place else '>'} lost.{reason} ? 1 : 0)"
            for position, other in enumerate(reasons)
            if other != reason
        ]
        ranks.append(f"{{code: {json.dumps(reason)}, rank: {' + '.join(ahead) or '0'}, lost: lost.{reason}}}")
    places = list(range(min(SHOWN_REASONS, len(reasons))))
    at_place = f"filter([{', '.join(ranks)}] as one, one.rank == place and one.lost > 0)"
    return f"flatMap({places} as place, map({at_place} as it, it.code))"


def cell_of(bin_: Mapping[str, Any]) -> str:
    """The bin as a table cell."""
    if bin_.get("unknown"):
        return "null"
    if "values" in bin_:
        return ", ".join(json.dumps(value, ensure_ascii=False) for value in bin_["values"])
    low, high = bin_.get("from"), bin_.get("to")
    if low is None and high is None:
        return "$ != null"
    if low is None:
        return f"< {high}"
    return f">= {low}" if high is None else f"[{low}..{high})"


def label_of(bin_: Mapping[str, Any]) -> str:
    """The bin as it is read: "12 to < 48", "low, high", "unknown"."""
    if bin_.get("unknown"):
        return "unknown"
    if "values" in bin_:
        words = [("yes" if value else "no") if isinstance(value, bool) else str(value) for value in bin_["values"]]
        return ", ".join(words) or "no value"
    low, high = bin_.get("from"), bin_.get("to")
    if low is None:
        return "any number" if high is None else f"< {high}"
    return f">= {low}" if high is None else f"{low} to < {high}"


def lost_by(block: Mapping[str, Any], bin_: Mapping[str, Any]) -> int:
    """The points that the block's reason explains for somebody in this bin."""
    lost = bin_.get("lost")
    best: int = max(other["points"] for other in block["bins"])
    return best - int(bin_["points"]) if lost is None else int(lost)


def score_range(card: Mapping[str, Any]) -> tuple[int, int] | None:
    """The least and the highest score there can be; None while a block has no whole points."""
    base = card.get("base_points")
    columns = [[bin_.get("points") for bin_ in block.get("bins") or []] for block in card.get("blocks") or []]
    if not _is_whole(base) or not all(points and all(map(_is_whole, points)) for points in columns):
        return None
    return base + sum(map(min, columns)), base + sum(map(max, columns))


def rescaled(card: Mapping[str, Any], *, pdo: int, anchor_score: int, anchor_odds: float) -> dict[str, Any]:
    """A card that was built from data, its base and points computed again from the weights that it keeps.

    Raises ValueError for a card, block or bin that keeps none: its points were written by hand.
    """
    factor, offset = scale(pdo=pdo, anchor_score=anchor_score, anchor_odds=anchor_odds)
    blocks = []
    for block in card["blocks"]:
        if "coefficient" not in block or not all("woe" in bin_ for bin_ in block["bins"]):
            raise ValueError(f"{block.get('variable')} was written by hand: its points have no weight to scale.")
        bins = [bin_ | {"points": round(factor * block["coefficient"] * bin_["woe"])} for bin_ in block["bins"]]
        blocks.append({**block, "bins": bins})
    if "intercept" not in card:
        raise ValueError("This card was written by hand: its base has no weight to scale.")
    scaled = {"pdo": pdo, "anchor_score": anchor_score, "anchor_odds": anchor_odds}
    return {**card, **scaled, "base_points": round(offset + factor * card["intercept"]), "blocks": blocks}


def faults(card: Mapping[str, Any], variables: Mapping[str, VariableSpec]) -> Iterator[Fault]:
    """(block, field, code, message) of everything that keeps the card from being compiled or makes it lie.

    `field` names the bin, counted from 1, and its part: "bin 2 points".
    """
    yield from _card_faults(card)
    blocks = card.get("blocks")
    if not isinstance(blocks, list) or not blocks:
        yield "", "blocks", "no_blocks", "a scorecard needs at least one variable"
        return
    seen: set[str] = set()
    for number, block in enumerate(blocks, start=1):
        if not isinstance(block, dict):
            yield f"block {number}", "", "invalid_content", "a block is an object"
            continue
        name = str(block.get("variable") or "")
        if name in seen:
            yield name, "variable", "duplicate_variable", f"{name!r} is counted twice"
        seen.add(name)
        yield from ((name or f"block {number}", *fault) for fault in _block_faults(block, variables))


def _card_faults(card: Mapping[str, Any]) -> Iterator[Fault]:
    for name, (least, most) in BOUNDS.items():
        value = card.get(name)
        sound = isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most
        if not sound or (name != "anchor_odds" and not _is_whole(value)):
            yield "", name, "out_of_bounds", f"{name.replace('_', ' ')} is a number from {least} to {most}"
    if card.get("missing", REFER) not in OUTCOMES:
        yield "", "missing", "unknown_choice", "what is missing makes the card refer or refuse"


def _block_faults(block: Mapping[str, Any], variables: Mapping[str, VariableSpec]) -> Iterator[tuple[str, str, str]]:
    name = str(block.get("variable") or "")
    bins = block.get("bins")
    if name == AGE:
        yield "variable", "protected_variable", "age is read by admission alone, as the legal minimum"
    elif name.lower() in PROTECTED:
        yield "variable", "protected_variable", f"nobody is scored by {name}"
    elif name not in variables:
        yield "variable", "unknown_variable", f"{name!r} is no input of the scenario"
    elif variables[name].type not in KEPT_TYPES:
        yield (
            "variable",
            "wrong_type",
            f"{name} is a {variables[name].type}: numbers, yes or no and texts have bins",
        )
    if not REASON.fullmatch(str(block.get("reason") or "")):
        yield "reason", "no_reason", "the points lost here need a reason code"
    if not isinstance(bins, list) or not bins or not all(isinstance(bin_, dict) for bin_ in bins):
        yield "bins", "no_bins", "a variable needs at least one bin"
        return
    for number, bin_ in enumerate(bins, start=1):
        for part in ("points", "lost"):
            value = bin_.get(part)
            if not (_is_whole(value) and abs(value) <= UNIT[1]) and not (part == "lost" and value is None):
                yield f"bin {number} {part}", "not_whole", f"{part} are a whole number of at most {UNIT[1]}"
    if sum(bool(bin_.get("unknown")) for bin_ in bins) > 1:
        yield "bins", "overlap", "there are two bins for what is unknown"
    if name in variables and variables[name].type in KEPT_TYPES:
        told = [(number, bin_) for number, bin_ in enumerate(bins, start=1) if not bin_.get("unknown")]
        yield from (_spans if variables[name].type == "int" else _values)(told, variables[name].type, block)


def _spans(bins: Sequence[tuple[int, Bin]], type_: str, block: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Bins of a number: each of the right kind, and together every number once."""
    sound = []
    for number, bin_ in bins:
        low, high = bin_.get("from"), bin_.get("to")
        if "values" in bin_ or not all(value is None or _is_whole(value) for value in (low, high)):
            yield f"bin {number}", "wrong_type", "a number's bin goes from a whole number to another"
        elif low is not None and high is not None and low >= high:
            yield f"bin {number}", "empty_bin", f"nothing lies from {low} up to and without {high}"
        else:
            sound.append((-math.inf if low is None else low, math.inf if high is None else high, number))
    if len(sound) < len(bins):
        return
    reached = -math.inf
    for place, (low, high, number) in enumerate(sorted(sound)):
        if low > reached:
            yield f"bin {number}", "gap", f"no bin takes {_told(reached, low)}"
        elif low < reached or (place and low == -math.inf):
            yield f"bin {number}", "overlap", f"another bin takes {_told(low, min(reached, high))} already"
        reached = max(reached, high)
    if reached < math.inf:
        yield "bins", "gap", f"no bin takes {_told(reached, math.inf)}"


def _told(low: float, high: float) -> str:
    return label_of({"from": None if low == -math.inf else int(low), "to": None if high == math.inf else int(high)})


def _values(bins: Sequence[tuple[int, Bin]], type_: str, block: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Bins of a text or of yes and no: each value of the right kind, once, and none of the known ones forgotten."""
    taken: dict[Any, int] = {}
    kind: type = bool if type_ == "bool" else str
    for number, bin_ in bins:
        values = bin_.get("values")
        if not isinstance(values, list) or not all(isinstance(value, kind) for value in values):
            yield f"bin {number}", "wrong_type", f"a bin holds {'yes or no' if kind is bool else 'texts'}"
            continue
        if not values:
            yield f"bin {number}", "empty_bin", "the bin holds no value"
        for value in values:
            if isinstance(value, str) and ('"' in value or "\\" in value or not value.strip()):
                yield f"bin {number}", "bad_value", "a value is a text without quotation marks and backslashes"
            if value in taken:
                yield f"bin {number}", "overlap", f"bin {taken[value]} takes {label_of({'values': [value]})} already"
            taken.setdefault(value, number)
    known = [True, False] if type_ == "bool" else block.get("seen") or []
    if forgotten := [value for value in known if value not in taken]:
        yield "bins", "gap", f"no bin takes {label_of({'values': forgotten})}"


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
