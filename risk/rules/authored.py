"""What analysts write, by form: its graph, and what is wrong with it before the gate reads the graph."""

from collections.abc import Mapping, Sequence
from typing import Any

from risk.rules import ruleset, scorecard
from risk.rules.catalogue import VariableSpec
from risk.rules.document import Flow, Graph, enveloped, normalised
from risk.rules.gate import Problem

FLOW, RULE_SET, TABLE, SCORECARD = "flow", "rule_set", "table", "scorecard"
MAX_BYTES = 2 * 1024 * 1024


class Unbuildable(ValueError):
    """`problems`: why there is no graph yet."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems[0].message)
        self.problems = tuple(problems)


def graph_of(form: str, key: str, authored: Mapping[str, Any], schema: Mapping[str, Any]) -> Graph:
    """The JDM graph of an authored form over its scenario's input schema. The form is sound: `faults` found none."""
    if form == RULE_SET:
        return ruleset.compile_rules({**authored, "key": key, "schema": schema})
    if form == SCORECARD:
        return scorecard.compile_card(dict(authored), dict(schema))
    return normalised(dict(authored))


def flow_of(
    *,
    form: str,
    key: str,
    scenario: str,
    authored: Mapping[str, Any],
    schema: Mapping[str, Any],
    variables: Mapping[str, VariableSpec],
) -> Flow:
    """The draft as a flow that the gate can read. Raises Unbuildable with what is wrong in the form's own words."""
    if problems := faults(form, key, authored, variables):
        raise Unbuildable(problems)
    return enveloped(key=key, scenario=scenario, graph=graph_of(form, key, authored, schema))


def faults(form: str, key: str, authored: Mapping[str, Any], variables: Mapping[str, VariableSpec]) -> list[Problem]:
    """What keeps the form from being compiled: `node` names the rule or block."""
    found: Sequence[tuple[str, str, str, str]]
    if form == RULE_SET:
        found = list(ruleset.faults(authored, variables))
    elif form == SCORECARD:
        found = list(scorecard.faults(authored, variables))
    elif not all(isinstance(authored.get(part), list) for part in ("nodes", "edges")):
        found = [("", "graph", "invalid_document", "a graph has two lists: nodes and edges")]
    elif not all(isinstance(item, dict) for part in ("nodes", "edges") for item in authored[part]):
        found = [("", "graph", "invalid_document", "every node and every edge is an object")]
    else:
        found = []
    return [Problem(f"{key}.json", *fault) for fault in dict.fromkeys(found)]


def blank(form: str, schema_text: str) -> dict[str, Any]:
    """What a new draft begins with."""
    if form == RULE_SET:
        return {"rules": []}
    if form == SCORECARD:
        return {"base_points": 500, "pdo": 40, "anchor_score": 600, "anchor_odds": 20, "missing": "refer", "blocks": []}
    nodes = [
        {
            "id": "input",
            "type": "inputNode",
            "name": "input",
            "content": {"schema": schema_text},
            "position": {"x": 0, "y": 0},
        },
        {"id": "output", "type": "outputNode", "name": "output", "content": {}, "position": {"x": 640, "y": 0}},
    ]
    edges: list[dict[str, Any]] = []
    if form == TABLE:
        content = {
            "hitPolicy": "first",
            "inputs": [],
            "outputs": [],
            "rules": [],
            "passThrough": False,
            "inputField": None,
            "outputPath": None,
            "executionMode": "single",
        }
        nodes.insert(
            1,
            {
                "id": "table",
                "type": "decisionTableNode",
                "name": "table",
                "content": content,
                "position": {"x": 320, "y": 0},
            },
        )
        edges = [
            {"id": "input-table", "type": "edge", "sourceId": "input", "targetId": "table"},
            {"id": "table-output", "type": "edge", "sourceId": "table", "targetId": "output"},
        ]
    return {"nodes": nodes, "edges": edges}
