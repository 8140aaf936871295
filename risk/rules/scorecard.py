"""Scorecards: bins → points per variable, summed onto a base; a missing block is never a partial sum. Compiled to JDM.

Form: `{key, base_points, pdo, anchor_score, anchor_odds, blocks: [{variable, reason, bins: [{cell, points, lost}]}]}`.
`cell` is a table cell (`"overdrawn"`, `[12..48)`), `lost` the points that its reason explains. A value that no bin
takes, and an unknown one, leave the block without points and the card without a score. The compiled flow answers
`{outcome (refer without a score), score, complete, missing, lost, reasons}`: `lost` summed per reason, `reasons` the
four largest. Source: log-odds scaling, points = factor × ln(odds) + offset.
"""

import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from risk.rules.catalogue import VariableSpec
from risk.rules.document import Graph
from risk.rules.jdm import expression, graph, input_node, output_node, table

SHOWN_REASONS = 4


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
                    {block["variable"]: bin_["cell"], "points": str(bin_["points"]), "lost": str(bin_["lost"])}
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
                "outcome": "complete ? 'approve' : 'refer'",
                **{name: name for name in ("score", "complete", "missing", "lost")},
                "reasons": _ranked(reasons),
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
        ranks.append(f"{{code: {json.dumps(reason)}, rank: {' + '.join(ahead)}, lost: lost.{reason}}}")
    places = list(range(min(SHOWN_REASONS, len(reasons))))
    at_place = f"filter([{', '.join(ranks)}] as one, one.rank == place and one.lost > 0)"
    return f"flatMap({places} as place, map({at_place} as it, it.code))"


def faults(card: Mapping[str, Any], variables: Mapping[str, VariableSpec]) -> Iterator[tuple[str, str, str, str]]:
    """(block, field, code, message) of everything that keeps the card from being compiled."""
    blocks = card.get("blocks")
    if not isinstance(blocks, list) or not blocks:
        yield "", "blocks", "no_blocks", "a scorecard needs at least one variable"
        return
    for block in blocks:
        name = str(block.get("variable") or "") if isinstance(block, dict) else ""
        if name not in variables:
            yield name, "variable", "unknown_variable", f"{name!r} is no input of the scenario"
        elif not block.get("bins"):
            yield name, "bins", "no_bins", "a variable needs at least one bin"
