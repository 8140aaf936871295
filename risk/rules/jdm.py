"""Nodes and graphs of the JDM form, as the editor writes them."""

import json
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

from risk.rules.document import Graph, Node


def graph(*columns: Node | list[Node]) -> Graph:
    """Nodes in columns from left to right; every node of a column leads to every node of the next."""
    layers = [column if isinstance(column, list) else [column] for column in columns]
    nodes = [
        node | {"position": {"x": 320 * x, "y": 160 * y}}
        for x, layer in enumerate(layers)
        for y, node in enumerate(layer)
    ]
    edges = [
        {"id": f"{left['id']}-{right['id']}", "type": "edge", "sourceId": left["id"], "targetId": right["id"]}
        for before, after in pairwise(layers)
        for left in before
        for right in after
    ]
    return {"nodes": nodes, "edges": edges}


def input_node(schema: Mapping[str, Any]) -> Node:
    return {
        "id": "input",
        "type": "inputNode",
        "name": "input",
        "content": {"schema": json.dumps(schema, sort_keys=True)},
    }


def output_node() -> Node:
    return {"id": "output", "type": "outputNode", "name": "output", "content": {}}


def expression(id_: str, values: Mapping[str, str], *, pass_through: bool = False) -> Node:
    rows = [{"id": f"{id_}-{key}", "key": key, "value": value} for key, value in values.items()]
    return {
        "id": id_,
        "type": "expressionNode",
        "name": id_,
        "content": {"expressions": rows, "passThrough": pass_through, "inputField": None, "outputPath": None},
    }


def first_of(path: str, count: int) -> str:
    """Expression for the first `count` items of a list; the engine's own slice fails where the list is shorter."""
    return f"map(filter({list(range(count))} as place, place < len({path})) as place, {path}[place])"


def decision(id_: str, key: str, *, output_path: str) -> Node:
    """A sub-decision whose answer lands under `output_path`, beside everything that came in."""
    content = {
        "key": key,
        "passThrough": True,
        "inputField": None,
        "outputPath": output_path,
        "executionMode": "single",
    }
    return {"id": id_, "type": "decisionNode", "name": key, "content": content}


def table(
    id_: str,
    inputs: Iterable[str],
    outputs: Iterable[str],
    rows: Iterable[Mapping[str, str]],
    *,
    policy: str = "first",
    output_path: str | None = None,
    pass_through: bool = False,
) -> Node:
    """A decision table; each row maps column name to cell, an absent cell is empty."""
    columns_in, columns_out = list(inputs), list(outputs)
    rules = [
        {"_id": f"{id_}-{number}", "_description": ""}
        | {f"{id_}-in-{name}": row.get(name, "") for name in columns_in}
        | {f"{id_}-out-{name}": row.get(name, "") for name in columns_out}
        for number, row in enumerate(rows, start=1)
    ]
    return {
        "id": id_,
        "type": "decisionTableNode",
        "name": id_,
        "content": {
            "hitPolicy": policy,
            "inputs": [{"id": f"{id_}-in-{name}", "name": name, "field": name} for name in columns_in],
            "outputs": [{"id": f"{id_}-out-{name}", "name": name, "field": name} for name in columns_out],
            "rules": rules,
            "passThrough": pass_through,
            "inputField": None,
            "outputPath": output_path,
            "executionMode": "single",
        },
    }
