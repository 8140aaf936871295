"""What a scorecard can answer, of one whose graph is exactly what a card compiles to."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from risk.rules import scorecard
from risk.rules.document import Flow
from risk.rules.values import Const, Fact, Lst, Obj, Place, State, Value, unknown


@dataclass(frozen=True)
class Card:
    """`unhurt`: the least score of somebody who lost no points to any reason."""

    outcome: str
    reasons: tuple[str, ...]
    least: int
    most: int
    unhurt: int


def card_of(flow: Flow) -> Card | None:
    """The scorecard that the graph is compiled from; None where it is none, or was changed by a hair."""
    nodes = {str(node["id"]): node for node in flow.nodes}
    texts = {
        id_: {
            str(row.get("key")): str(row.get("value")) for row in (node.get("content") or {}).get("expressions") or []
        }
        for id_, node in nodes.items()
    }
    if not {"sum", "answer"} <= set(nodes) or len(nodes) != len(flow.nodes):
        return None
    base = re.match(r"\$\.complete \? (-?\d+) \+ ", texts["sum"].get("score", ""))
    refuses = texts["answer"].get("outcome") == f"complete ? 'approve' : '{scorecard.OUTCOMES[scorecard.REFUSE]}'"
    lost = {key[5:]: text for key, text in texts["sum"].items() if key.startswith("lost.")}
    blocks: list[dict[str, Any]] = []
    try:
        for id_, node in nodes.items():
            if not id_.startswith("points_"):
                continue
            name = id_.removeprefix("points_")
            reason = next(code for code, text in lost.items() if f"points.{name}.lost" in text.split(" + "))
            cells = [(row[f"{id_}-out-points"], row[f"{id_}-out-lost"]) for row in node["content"]["rules"]]
            bins = [
                {"unknown": True, "points": int(points), "lost": int(points_lost)} for points, points_lost in cells[:-1]
            ]
            if cells[-1] != ("null", "0") or not bins or base is None:
                return None
            blocks.append({"variable": name, "reason": reason, "bins": bins})
        again = scorecard.compile_card(
            {
                "base_points": int(base[1]) if base else 0,
                "missing": scorecard.REFUSE if refuses else scorecard.REFER,
                "blocks": blocks,
            },
            {},
        )
    except (KeyError, StopIteration, ValueError, TypeError):
        return None
    if not blocks or _skeleton(again) != _skeleton(flow.graph):
        return None
    ends = [[bin_["points"] for bin_ in block["bins"]] for block in blocks]
    hurts = any(bin_["lost"] < 0 for block in blocks for bin_ in block["bins"])
    kept = [
        [bin_["points"] for bin_ in block["bins"] if hurts or bin_["lost"] <= 0]
        or [max(bin_["points"] for bin_ in block["bins"])]
        for block in blocks
    ]
    base_points = int(base[1]) if base else 0
    return Card(
        outcome=scorecard.OUTCOMES[scorecard.REFUSE if refuses else scorecard.REFER],
        reasons=tuple(dict.fromkeys(block["reason"] for block in blocks)),
        least=base_points + sum(map(min, ends)),
        most=base_points + sum(map(max, ends)),
        unhurt=base_points + sum(map(min, kept)),
    )


def _skeleton(graph: Mapping[str, Any]) -> Any:
    """A compiled card without its schema and the conditions of its bins."""
    nodes = {}
    for node in graph["nodes"]:
        content = dict(node.get("content") or {})
        rules = [
            {name: cell for name, cell in row.items() if "-in-" not in name and name not in ("_id", "_description")}
            for row in content.pop("rules", None) or []
        ]
        expressions = [(row.get("key"), row.get("value")) for row in content.pop("expressions", None) or []]
        content.pop("schema", None)
        nodes[node["id"]] = (node.get("type"), content, rules, expressions)
    edges = {(edge.get("sourceId"), edge.get("targetId")) for edge in graph["edges"]}
    return nodes, edges


def ends_of(flow: Flow, card: Card, state: State) -> Iterator[tuple[State, Obj]]:
    answer = {name: Place(flow.key, "answer", name) for name in ("outcome", "score", "complete", "reasons", "missing")}
    codes = tuple(Const(code, answer["reasons"]) for code in card.reasons)
    hurt = Fact(null=False, filled=True, elements=codes)
    for least, reasons in ((card.unhurt, None), (card.least, hurt)):
        between = Fact(null=False, low=(Decimal(least), False), high=(Decimal(card.most), False))
        after, score = unknown(state, between, answer["score"])
        told: Value = Lst((), answer["reasons"])
        if reasons is not None:
            after, told = unknown(after, reasons, answer["reasons"])
        end, lost = unknown(after, Fact(null=False))
        yield (
            end,
            Obj(
                (
                    ("outcome", Const("approve", answer["outcome"])),
                    ("score", score),
                    ("complete", Const(True, answer["complete"])),
                    ("missing", Lst((), answer["missing"])),
                    ("lost", lost),
                    ("reasons", told),
                )
            ),
        )
    after, lost = unknown(state, Fact(null=False))
    end, missing = unknown(after, Fact(null=False, filled=True))
    no_data = Lst((Const(scorecard.NO_DATA, answer["reasons"]),), answer["reasons"])
    yield (
        end,
        Obj(
            (
                ("outcome", Const(card.outcome, answer["outcome"])),
                ("score", Const(None, answer["score"])),
                ("complete", Const(False, answer["complete"])),
                ("missing", missing),
                ("lost", lost),
                ("reasons", no_data),
            )
        ),
    )
