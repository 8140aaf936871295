"""Test cases of a strategy: what it says about given inputs, and which of its rules any case has reached.

A case is `{name, inputs, expect}`; `expect` names any part of a verdict (outcome, reasons, tags, hits as rule ids,
limit_cents, annual_rate, grade, score) and any other field that the flow can answer with, with dots into an object;
only what it names is compared. Reasons are compared in order, tags and hits are not.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from risk.rules import engine
from risk.rules.document import Flow, Node
from risk.rules.engine import EvaluationFailed

# Parts of a verdict, of which a form that does not give one says nothing.
EXPECTED = ("outcome", "reasons", "tags", "hits", "limit_cents", "annual_rate", "grade", "score")
UNKNOWN = ": unknown"  # after the name of a rule: its inputs were not known
STATE = re.compile(r"(\w+) == null \? 'unknown'")  # of a condition within a group
Trace = Mapping[str, Any]
Unit = tuple[str, str]  # node id, label of the rule, row, branch or bin


@dataclass(frozen=True)
class CaseResult:
    """`got`: what the flow said of what is expected; `differences`: a sentence each. `error`: why it said nothing.

    `trace`: the engine's, for `coverage`; `answer`: all that the flow said; None where there is an error.
    """

    name: str
    passed: bool
    expected: Mapping[str, Any]
    got: Mapping[str, Any]
    differences: tuple[str, ...]
    error: str
    trace: Trace | None = field(default=None, repr=False, compare=False)
    answer: Mapping[str, Any] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Coverage:
    """Rules, table rows, switch branches and scorecard bins of a flow, and those that no case reached.

    `below`: the same for each sub-decision by key; not counted above.
    """

    total: int
    hit: int
    missing: tuple[Unit, ...]
    below: tuple[tuple[str, "Coverage"], ...] = ()

    @property
    def percent(self) -> int:
        """Rounded down; a flow without a rule is covered."""
        return 100 * self.hit // self.total if self.total else 100


def run(flows: Sequence[Flow], cases: Iterable[Mapping[str, Any]]) -> list[CaseResult]:
    """Each case through the first flow. A case that cannot be evaluated, or expects nothing, fails and says why."""
    try:
        address = engine.load(flows)[flows[0].key]
    except EvaluationFailed as error:
        return [_failed(case, str(error)) for case in cases]
    known = answered(flows)
    return [_run(address, case, known) for case in cases]


def answered(flows: Sequence[Flow]) -> tuple[str, ...] | None:
    """The names of what the first flow can answer with, in its order; None where it may be anything."""
    known = {name: flow for flow in reversed(flows) for name in engine.names(flow)}
    return _answered(flows[0], known, ())


def coverage(flows: Sequence[Flow], traces: Iterable[Trace]) -> Coverage:
    """What of the first flow, and apart from it of the flows that it asks, was reached in any of the traces."""
    known = {name: flow for flow in reversed(flows) for name in engine.names(flow)}
    reached: dict[str, set[Unit]] = {}
    for trace in traces:
        _follow(flows[0], trace, known, reached)
    below = [(key, _coverage(known[key], reached.get(key, set()))) for key in _asked(flows[0], known)]
    return _coverage(flows[0], reached.get(flows[0].key, set()), tuple(below))


def units(flow: Flow) -> list[Unit]:
    """What of a flow can be reached, in its order. A rule's rows for unknown inputs are one, if they can be unknown."""
    never = _never(flow)
    found = dict.fromkeys(unit for node in flow.nodes for unit in _units_of(node) if unit[1])
    return [unit for unit in found if unit not in never]


def title_of(node: Node, label: str) -> str:
    """The label of one of the node's units, read by itself: a bin with the variable that it is of."""
    if not _is_block(node):
        return label
    return f"{_rows(node, 'inputs')[0].get('field')} {label}".replace('"', "")


def place_of(node: Node, unit: Unit) -> int:
    """The first row or branch of the node that the unit stands for."""
    return _units_of(node).index(unit)


def expectation(output: Mapping[str, Any]) -> dict[str, Any]:
    """What a case expects whose answer is right as it stands: of a verdict its parts, of a table all columns."""
    if "outcome" not in output:
        return dict(output)
    said = {name: _said(output, name) for name in EXPECTED}
    kept = {"outcome", "reasons", *(name for name in EXPECTED if said[name])}
    return {name: said[name] for name in EXPECTED if name in kept}


def shown(value: object) -> str:
    if value is None or value == []:
        return "nothing"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _run(address: str, case: Mapping[str, Any], known: Sequence[str] | None) -> CaseResult:
    inputs, expect = case.get("inputs"), case.get("expect")
    if not isinstance(inputs, Mapping):
        return _failed(case, "the case has no inputs")
    if not isinstance(expect, Mapping) or not expect:
        return _failed(case, "the case expects nothing")
    if known is not None and (strange := [name for name in expect if _root(name) not in {*known, *EXPECTED}]):
        return _failed(case, f"it never answers {strange[0]!r}: it answers {', '.join(known) or 'nothing'}")
    try:
        answer = engine.evaluate(address, inputs, trace=True)
    except EvaluationFailed as error:
        return _failed(case, str(error))
    got = {name: _said(answer["result"], name) for name in expect}
    differences = tuple(
        f"{name.removesuffix('_cents').replace('_', ' ')}: {shown(expect[name])} expected, {shown(got[name])} got"
        for name in expect
        if not _same(name, expect[name], got[name])
    )
    return CaseResult(_name(case), not differences, expect, got, differences, "", answer["trace"], answer["result"])


def _failed(case: Mapping[str, Any], error: str) -> CaseResult:
    expect = case.get("expect")
    return CaseResult(_name(case), False, expect if isinstance(expect, Mapping) else {}, {}, (), error)


def _name(case: Mapping[str, Any]) -> str:
    return str(case.get("name") or "without a name")


def _said(output: Mapping[str, Any], name: str) -> Any:
    found: Any = output
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    if name == "hits":
        hits = found if isinstance(found, list) else []
        return list(dict.fromkeys(hit.get("rule") for hit in hits if isinstance(hit, Mapping)))
    return [] if found is None and name in ("reasons", "tags") else found


def _same(name: str, expected: Any, got: Any) -> bool:
    if name in ("tags", "hits") and isinstance(expected, list) and isinstance(got, list):
        return {json.dumps(item) for item in expected} == {json.dumps(item) for item in got}
    if name == "annual_rate" and None not in (expected, got):
        try:
            return Decimal(str(expected)) == Decimal(str(got))
        except InvalidOperation:
            return False
    return bool(expected == got) and isinstance(expected, bool) == isinstance(got, bool)


def _root(name: str) -> str:
    return name.split(".")[0]


def _answered(flow: Flow, known: Mapping[str, Flow], above: tuple[str, ...]) -> tuple[str, ...] | None:
    nodes = {str(node.get("id")): node for node in flow.nodes}
    found: dict[str, None] = {}
    for id_, node in nodes.items():
        if node.get("type") == "outputNode":
            arrived = _arrived(flow, id_, nodes, known, (*above, flow.key))
            if arrived is None:
                return None
            found |= arrived
    return tuple(found)


def _arrived(
    flow: Flow, id_: str, nodes: Mapping[str, Node], known: Mapping[str, Flow], above: tuple[str, ...]
) -> dict[str, None] | None:
    """Names of what any node before this one may pass on; None: anything."""
    found: dict[str, None] = {}
    for edge in flow.edges:
        if str(edge.get("targetId")) == id_ and (source := str(edge.get("sourceId"))) in nodes:
            passed = _passed(flow, source, nodes, known, above)
            if passed is None:
                return None
            found |= passed
    return found


def _passed(
    flow: Flow, id_: str, nodes: Mapping[str, Node], known: Mapping[str, Flow], above: tuple[str, ...]
) -> dict[str, None] | None:
    node = nodes[id_]
    kind, content = node.get("type"), node.get("content") or {}
    if kind == "inputNode":
        try:
            return dict.fromkeys(json.loads(content.get("schema") or "")["properties"])
        except (ValueError, KeyError, TypeError):
            return None
    own: Iterable[str] | None
    if content.get("outputPath"):
        own = [content["outputPath"]]
    elif kind == "expressionNode":
        own = [str(row.get("key")) for row in _rows(node, "expressions")]
    elif kind == "decisionTableNode":
        own = [str(column.get("field")) for column in _rows(node, "outputs")]
    elif kind == "decisionNode":
        below = known.get(_key_of(node))
        own = None if below is None or below.key in above else _answered(below, known, above)
    else:
        own = []
    if own is None:
        return None
    found = dict.fromkeys(_root(name) for name in own)
    if kind == "switchNode" or content.get("passThrough"):
        through = _arrived(flow, id_, nodes, known, above)
        return None if through is None else found | through
    return found


# --- coverage -------------------------------------------------------------------------------------------------------


def _coverage(flow: Flow, reached: set[Unit], below: tuple[tuple[str, Coverage], ...] = ()) -> Coverage:
    every = units(flow)
    missing = tuple(unit for unit in every if unit not in reached)
    return Coverage(len(every), len(every) - len(missing), missing, below)


def _asked(flow: Flow, known: Mapping[str, Flow], above: tuple[str, ...] = ()) -> list[str]:
    """Keys of all flows below, each once."""
    found: dict[str, None] = {}
    for node in flow.nodes:
        below = known.get(_key_of(node)) if node.get("type") == "decisionNode" else None
        if below is not None and below.key not in above:
            found |= dict.fromkeys([below.key, *_asked(below, known, (*above, flow.key))])
    return [key for key in found if key != flow.key]


def _follow(flow: Flow, trace: Trace, known: Mapping[str, Flow], reached: dict[str, set[Unit]]) -> None:
    found = reached.setdefault(flow.key, set())
    for node in flow.nodes:
        step = trace.get(str(node.get("id")))
        data = step.get("traceData") if isinstance(step, Mapping) else None
        if data is None:
            continue
        if node.get("type") == "decisionNode":
            below = known.get(_key_of(node))
            for inner in data if isinstance(data, list) else [data]:
                if below is not None and isinstance(inner, Mapping):
                    _follow(below, inner, known, reached)
        else:
            rows, places = _units_of(node), _places(node, data)
            found |= {rows[place] for place in places if place < len(rows)}


def _places(node: Node, data: Any) -> Iterator[int]:
    """Numbers of the rows or branches that were taken: one of a first-hit table, several of others and of loops."""
    if isinstance(data, list):
        for item in data:
            yield from _places(node, item)
    elif isinstance(data, Mapping) and node.get("type") == "decisionTableNode":
        if isinstance(data.get("index"), int):
            yield data["index"]
    elif isinstance(data, Mapping) and node.get("type") == "switchNode":
        ids = [statement.get("id") for statement in _rows(node, "statements")]
        taken = [statement.get("id") for statement in data.get("statements") or []]
        yield from (ids.index(id_) for id_ in taken if id_ in ids)


def _units_of(node: Node) -> list[Unit]:
    """One for each row or branch, in order; without a label where a row is not to be counted."""
    id_ = str(node.get("id"))
    if node.get("type") == "switchNode":
        conditions = [str(statement.get("condition") or "").strip() for statement in _rows(node, "statements")]
        return [(id_, condition or "otherwise") for condition in conditions]
    if node.get("type") != "decisionTableNode":
        return []
    label = _rule if _is_rule_set(node) else _bin if _is_block(node) else _row
    return [(id_, label(node, number, row)) for number, row in enumerate(_rows(node, "rules"))]


def _is_rule_set(node: Node) -> bool:
    fields = {column.get("field") for column in _rows(node, "outputs")}
    return node["content"].get("hitPolicy") == "collect" and {"rule", "action", "unknown"} <= fields


def _is_block(node: Node) -> bool:
    return [column.get("field") for column in _rows(node, "outputs")] == ["points", "lost"]


def _rule(node: Node, number: int, row: Mapping[str, Any]) -> str:
    said = {column.get("field"): row.get(str(column.get("id"))) for column in _rows(node, "outputs")}
    name = str(said["rule"]).strip('"')
    return name + UNKNOWN if said["unknown"] == "true" else name


def _never(flow: Flow) -> set[Unit]:
    """Rules' rows for an unknown input that the schema requires: nothing can reach them."""
    always = _required(flow)
    asked: dict[str, set[str]] = {}  # variables that a group's state reads
    for node in flow.nodes:
        for row in _rows(node, "expressions"):
            if read := STATE.match(str(row.get("value") or "")):
                for name in _states_above(str(row.get("key"))):
                    asked.setdefault(name, set()).add(read[1])
    found = set()
    for node in flow.nodes:
        if node.get("type") != "decisionTableNode" or not _is_rule_set(node):
            continue
        for unit, row in zip(_units_of(node), _rows(node, "rules"), strict=True):
            columns = [column for column in _rows(node, "inputs") if row.get(str(column.get("id")))]
            read_by_row = {
                name for column in columns for name in asked.get(str(column.get("field")), {str(column.get("field"))})
            }
            if unit[1].endswith(UNKNOWN) and read_by_row <= always:
                found.add(unit)
    return found


def _states_above(name: str) -> list[str]:
    """state_2_0_1 is read by state_2_0 and by state_2."""
    parts = name.split("_")
    return ["_".join(parts[:end]) for end in range(2, len(parts) + 1)]


def _required(flow: Flow) -> set[str]:
    for node in flow.nodes:
        if node.get("type") == "inputNode" and isinstance(node.get("content"), dict):
            try:
                schema = json.loads(node["content"].get("schema") or "{}")
            except (TypeError, ValueError):
                return set()
            return set(schema.get("required") or ()) if isinstance(schema, dict) else set()
    return set()


def _bin(node: Node, number: int, row: Mapping[str, Any]) -> str:
    """The last row of a block takes what has no bin, and gives no points: it is none."""
    return ", ".join(_cells(node, row))


def _row(node: Node, number: int, row: Mapping[str, Any]) -> str:
    told = str(row.get("_description") or "").strip()
    cells = [f"{name} {cell}" for name, cell in _named_cells(node, row)]
    return f"row {number + 1}: {told or ', '.join(cells) or 'anything else'}"


def _cells(node: Node, row: Mapping[str, Any]) -> list[str]:
    return [cell for _, cell in _named_cells(node, row)]


def _named_cells(node: Node, row: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = [
        (column.get("name") or column.get("field") or "", str(row.get(str(column.get("id"))) or "").strip())
        for column in _rows(node, "inputs")
    ]
    return [(str(name), cell) for name, cell in found if cell]


def _rows(node: Node, part: str) -> list[dict[str, Any]]:
    content = node.get("content")
    rows = content.get(part) if isinstance(content, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _key_of(node: Node) -> str:
    content = node.get("content")
    return str(content.get("key") or "") if isinstance(content, dict) else ""
