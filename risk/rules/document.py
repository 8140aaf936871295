"""Decision flows as documents: `{schema_version, engine, scenario, key, graph: {nodes, edges}}` or a bare JDM graph."""

import hashlib
import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

SCHEMA_VERSION = 1
ENGINE = f"zen-engine {version('zen-engine')}"
SCENARIOS = ("precheck", "admission", "antifraud", "credit", "drawdown", "distribution")
ENVELOPE = {"schema_version", "engine", "scenario", "key", "graph"}
INT64 = range(-(2**63), 2**63)

Node = dict[str, Any]
Graph = dict[str, Any]


class Unreadable(ValueError):
    """A file that is no flow; `code` names why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Flow:
    """One flow. `envelope` is what stood around the graph, None for a bare graph; `scenario` is None there too."""

    key: str
    graph: Graph
    scenario: str | None = None
    envelope: dict[str, Any] | None = None
    file: str = ""

    @property
    def nodes(self) -> list[Node]:
        return list(self.graph["nodes"])

    @property
    def edges(self) -> list[dict[str, Any]]:
        return list(self.graph["edges"])


def canonical(value: object) -> str:
    """The one text of a JSON value: sorted keys, no blanks. Two equal values give equal bytes."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: object) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def loads(text: str) -> Any:
    """JSON without NaN and Infinity. Raises Unreadable."""
    try:
        return json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Unreadable("invalid_json", f"not JSON: {error}") from error


def read(text: str, *, file: str) -> Flow:
    """Parse one flow file; its key is the envelope's, else the file's name without `.json`. Raises Unreadable."""
    document = loads(text)
    if not isinstance(document, dict):
        raise Unreadable("invalid_document", "a flow is a JSON object")
    envelope = document if "graph" in document else None
    graph = document["graph"] if envelope else document
    if not isinstance(graph, dict) or not all(isinstance(graph.get(part), list) for part in ("nodes", "edges")):
        raise Unreadable("invalid_document", "a graph has two lists: nodes and edges")
    if not all(isinstance(item, dict) for part in ("nodes", "edges") for item in graph[part]):
        raise Unreadable("invalid_document", "every node and every edge is an object")
    stem = file.rsplit("/", 1)[-1].removesuffix(".json")
    key, scenario = (envelope.get("key"), envelope.get("scenario")) if envelope else (stem, None)
    return Flow(
        key=key if isinstance(key, str) and key else stem,
        graph=normalised(graph),
        scenario=scenario if isinstance(scenario, str) else None,
        envelope=envelope,
        file=file,
    )


def export(*, key: str, scenario: str, graph: Graph) -> dict[str, Any]:
    """The file form of a released flow."""
    return {"schema_version": SCHEMA_VERSION, "engine": ENGINE, "scenario": scenario, "key": key, "graph": graph}


def enveloped(*, key: str, scenario: str, graph: Graph) -> Flow:
    """A graph as the flow that a released file of it would be read as."""
    document = export(key=key, scenario=scenario, graph=graph)
    return Flow(key=key, graph=graph, scenario=scenario, envelope=document, file=f"{key}.json")


def normalised(graph: Graph) -> Graph:
    """A copy without the nulls that the editor leaves in cells and descriptions: they stop the engine's parser."""
    graph = deepcopy(graph)
    for node in graph["nodes"]:
        content = node.get("content")
        if isinstance(content, dict):
            _drop_null_cells(content)
            if isinstance(content.get("schema"), dict):  # the engine takes a schema as text only
                content["schema"] = json.dumps(content["schema"], ensure_ascii=False)
    return graph


def references(graph: Graph) -> Iterator[tuple[str, str]]:
    """(node id, key) of every sub-decision."""
    for node in graph["nodes"]:
        if node.get("type") == "decisionNode":
            content = node.get("content")
            yield str(node.get("id")), str(content.get("key") or "") if isinstance(content, dict) else ""


def _drop_null_cells(content: dict[str, Any]) -> None:
    for part in ("rules", "inputs", "outputs", "expressions", "statements"):
        rows = content.get(part)
        if isinstance(rows, list):
            content[part] = [
                {name: cell for name, cell in row.items() if cell is not None} if isinstance(row, dict) else row
                for row in rows
            ]


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a JSON number")
