"""The publish gate: every way in which a flow fails in silence, found before it is released.

`check(flows)` reads the flows as one set (references resolve among them); no Problem means releasable.
What the engine's own `validate()` cannot see (broken cells, dead ends, …) is checked here; it has the last word.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import zen

from risk.rules.document import ENGINE, ENVELOPE, SCENARIOS, SCHEMA_VERSION, Flow, Node, references
from risk.rules.engine import EvaluationFailed, failure, fault_in_schema, load, names
from risk.rules.expressions import fault_in_cell, fault_in_expression, impure, says_now, takes_a_date
from risk.rules.paths import Shape

MAX_DEPTH = 4  # sub-decisions below a flow; the engine stops at the fifth
KINDS = {"inputNode", "outputNode", "decisionTableNode", "expressionNode", "switchNode", "decisionNode"}
EDITOR_ONLY = {"noteNode", "commentNode"}
PARTS = ("inputs", "outputs", "rules", "expressions", "statements")


@dataclass(frozen=True)
class Problem:
    """One fault: `node` is the node's id ("" for the whole file), `field` the cell inside it."""

    file: str
    node: str
    field: str
    code: str
    message: str


Fault = tuple[str, str, str, str]  # node, field, code, message


def check(flows: Sequence[Flow]) -> list[Problem]:
    """Every problem of a set of flows, in file order."""
    known: dict[str, Flow] = {name: flow for flow in reversed(flows) for name in names(flow)}
    keys = Counter(flow.key for flow in flows)
    problems = []
    for flow in flows:
        faults = [*_envelope(flow), *_malformed(flow)]
        if not any(code == "invalid_content" for *_, code, _ in faults):
            faults += [*_nodes(flow), *_clock_by_detour(flow), *_unknown_variables(flow)]
            faults += [*_shape(flow, known), *_references(flow, known)]
        if keys[flow.key] > 1:
            faults.append(("", "key", "duplicate_key", f"two files carry the key {flow.key!r}"))
        faults += [] if faults else _engine_says(flow, known)
        problems += [Problem(flow.file, *fault) for fault in dict.fromkeys(faults)]
    return problems


def _envelope(flow: Flow) -> Iterator[Fault]:
    envelope = flow.envelope
    if envelope is None:
        return
    if envelope.get("schema_version") != SCHEMA_VERSION or isinstance(envelope.get("schema_version"), bool):
        yield (
            "",
            "schema_version",
            "schema_version",
            f"{envelope.get('schema_version')!r}: this is version {SCHEMA_VERSION}",
        )
    if envelope.get("engine") != ENGINE:
        yield (
            "",
            "engine",
            "engine_version",
            f"written for {envelope.get('engine')!r}, evaluated by {ENGINE!r}: check it again",
        )
    if envelope.get("scenario") not in SCENARIOS:
        yield "", "scenario", "unknown_scenario", f"{envelope.get('scenario')!r} is none of {' '.join(SCENARIOS)}"
    if not isinstance(envelope.get("key"), str) or not envelope.get("key"):
        yield "", "key", "no_key", "a flow needs a key"
    for name in sorted(set(envelope) - ENVELOPE):
        yield "", name, "unknown_field", f"{name!r} is no field of a flow file"


def _malformed(flow: Flow) -> Iterator[Fault]:
    """Parts that are not even of the right kind; where there is one, nothing further can be said about the flow."""
    for item in (*flow.nodes, *flow.edges):
        for name in ("id", "type", "sourceId", "targetId", "sourceHandle"):
            if not isinstance(item.get(name), str | None):
                yield _id(item), name, "invalid_content", f"{item[name]!r} is not text"
    for node in flow.nodes:
        content = node.get("content")
        if not isinstance(content, dict):
            if content is not None and node.get("type") != "functionNode":
                yield _id(node), "content", "invalid_content", "a node's content is an object"
            continue
        for name in ("key", "inputField", "outputPath", "schema", "hitPolicy"):
            if not isinstance(content.get(name), str | None):
                yield _id(node), name, "invalid_content", f"{content[name]!r} is not text"
        for part in PARTS:
            yield from ((_id(node), *rest) for rest in _malformed_part(part, content.get(part)))


def _malformed_part(part: str, rows: object) -> Iterator[tuple[str, str, str]]:
    if not isinstance(rows, list | None):
        yield part, "invalid_content", f"{part} is not a list"
        return
    for number, row in enumerate(rows or []):
        if not isinstance(row, dict):
            yield f"{part}[{number}]", "invalid_content", f"{row!r} is not an object"
            continue
        for name in ("id", "_id", "field", "key", "condition"):
            if not isinstance(row.get(name), str | None):
                yield f"{part}[{number}].{name}", "invalid_content", f"{row[name]!r} is not text"


def _unknown_variables(flow: Flow) -> Iterator[Fault]:
    """Columns that read what neither the schema nor a node brings: unknown for ever, so their rows never match."""
    brought: set[str] = set()
    for node in flow.nodes:
        content = node.get("content") or {}
        if node.get("type") == "inputNode":
            try:
                brought |= set(json.loads(content.get("schema") or "")["properties"])
            except (ValueError, KeyError, TypeError):
                return  # without a schema nothing is known to be unknown
        elif node.get("type") == "decisionNode" and not content.get("outputPath"):
            return  # its answer may bring anything
        elif node.get("type") != "functionNode":
            names = [content.get("outputPath"), *(row.get("key") for row in content.get("expressions") or [])]
            names += [column.get("field") for column in content.get("outputs") or []]
            brought |= {name.split(".")[0] for name in names if name}
    for node in flow.nodes:
        content = node.get("content") or {}
        if node.get("type") == "decisionTableNode" and not content.get("inputField"):
            for column in content.get("inputs") or []:
                path = re.fullmatch(r"([A-Za-z_]\w*)(\.\w+)*", column.get("field") or "")
                if path and path.group(1) not in brought:
                    message = f"{column['field']!r} is neither in the schema nor made by a node: its cells never match"
                    yield _id(node), f"inputs.{column.get('id')}.field", "unknown_variable", message


def _clock_by_detour(flow: Flow) -> Iterator[Fault]:
    """'now' stored under a name by one node, and a date made of a name by another."""
    texts = [(_id(node), *place) for node in flow.nodes for place in _texts(node)]
    if any(takes_a_date(text) for _, _, text in texts):
        for node, field, text in texts:
            if says_now(text) and not impure(text):
                yield node, field, "clock", f"{text!r} becomes the clock in a date function; use the input as_of"


def _texts(node: Node) -> Iterator[tuple[str, str]]:
    """(field, text) of every cell, expression and condition."""
    content = node["content"] if isinstance(node.get("content"), dict) else {}
    for part in ("rules", "expressions", "statements"):
        for number, row in enumerate(content.get(part) or []):
            for name, text in row.items():
                if isinstance(text, str) and name not in ("id", "_id", "key", "_description"):
                    yield f"{part}[{number}].{name}", text


def _nodes(flow: Flow) -> Iterator[Fault]:
    for kind, items in (("node", flow.nodes), ("edge", flow.edges)):
        for id_, count in Counter(str(item.get("id") or "") for item in items).items():
            if not id_:
                yield "", "id", "no_id", f"{count} {kind}s without an id"
            elif count > 1:
                yield (
                    (id_ if kind == "node" else ""),
                    "id",
                    f"duplicate_{kind}_id",
                    f"{count} {kind}s carry the id {id_!r}",
                )
    for node in flow.nodes:
        content = node["content"] if isinstance(node.get("content"), dict) else {}
        for field, code, message in _content(node, content, flow):
            yield _id(node), field, code, message


def _content(node: Node, content: dict[str, Any], flow: Flow) -> Iterator[tuple[str, str, str]]:
    kind = node.get("type")
    if kind == "functionNode":
        yield "type", "function_node", "a function can call out, read the clock and hold the process: not released"
    elif kind == "inputNode":
        yield from _schema(content, required=flow.envelope is not None)
    elif kind == "decisionTableNode":
        yield from _table(content)
    elif kind == "expressionNode":
        yield from _expressions(content)
    elif kind == "switchNode":
        yield from _switch(content)
    elif kind == "decisionNode" and not content.get("key"):
        yield "key", "missing_decision", "the sub-decision names no flow"
    elif kind not in KINDS | EDITOR_ONLY:
        yield "type", "unknown_node_type", f"the engine has no {kind!r}"
    if kind in ("decisionTableNode", "expressionNode", "decisionNode") and content.get("inputField"):
        yield from _expression("inputField", content["inputField"], "broken_expression")


def _schema(content: dict[str, Any], *, required: bool) -> Iterator[tuple[str, str, str]]:
    text = content.get("schema")
    if not text:
        if required:
            yield (
                "schema",
                "no_schema",
                "the input node carries the scenario's JSON schema, or a wrongly typed field falls through",
            )
        return
    try:
        schema = json.loads(text)
    except (TypeError, ValueError) as error:
        yield "schema", "invalid_schema", f"not JSON: {error}"
        return
    if not isinstance(schema, dict) or schema.get("type") != "object" or not isinstance(schema.get("properties"), dict):
        yield "schema", "invalid_schema", "a schema of an object with properties is expected"
    elif abroad := sorted({reference for reference in _schema_references(schema) if not reference.startswith("#")}):
        yield "schema", "invalid_schema", f"the engine would fetch {abroad[0]!r} from outside: refer within the schema"
    elif told := fault_in_schema(text):
        yield "schema", "invalid_schema", told


def _schema_references(schema: object) -> Iterator[str]:
    """What a schema takes from elsewhere; the engine follows http and file addresses, even while it decides."""
    if isinstance(schema, dict):
        for name, part in schema.items():
            if name in ("$ref", "$dynamicRef", "$recursiveRef") and isinstance(part, str):
                yield part
            yield from _schema_references(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _schema_references(part)


def _table(content: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    inputs, outputs, rules = (content.get(part) or [] for part in ("inputs", "outputs", "rules"))
    policy = content.get("hitPolicy", "first")
    if policy not in ("first", "collect"):
        yield "hitPolicy", "unknown_hit_policy", f"{policy!r}: first or collect"
    for part, columns in (("inputs", inputs), ("outputs", outputs)):
        for id_, count in Counter(str(column.get("id")) for column in columns).items():
            if count > 1:
                yield f"{part}.{id_}", "duplicate_column_id", f"{count} columns carry the id {id_!r}"
    if not outputs:
        yield "outputs", "no_outputs", "a table without outputs decides nothing"
    for column in inputs:
        if column.get("field"):
            yield from _expression(f"inputs.{column.get('id')}.field", column["field"], "broken_expression")
    for number, rule in enumerate(rules):
        for column in (*inputs, *outputs):
            cell = rule.get(column.get("id"))
            if _empty(cell):
                continue
            field = f"rules[{number}].{column.get('field') or column.get('id')}"
            is_input = column in inputs
            if not isinstance(cell, str):
                yield field, "broken_cell" if is_input else "broken_output", f"{cell!r} is not text"
            elif fault := (fault_in_cell(cell) if is_input and column.get("field") else fault_in_expression(cell)):
                broken = "broken_cell" if is_input else "broken_output"
                yield field, broken if fault[0] == "broken" else fault[0], f"cell {cell!r}: {fault[1]}"
    for id_, count in Counter(str(rule["_id"]) for rule in rules if rule.get("_id")).items():
        if count > 1:
            yield "rules", "duplicate_rule_id", f"{count} rows carry the id {id_!r}"
    defaults = [all(_empty(rule.get(column.get("id"))) for column in inputs) for rule in rules]
    if policy == "first" and True in defaults[:-1]:
        yield (
            f"rules[{defaults.index(True)}]",
            "unreachable_row",
            "a row with every input empty takes what later rows wait for",
        )
    if policy == "first" and True not in defaults:
        yield "rules", "no_default_row", "no row with every input empty: where nothing matches, the answer is {}"


def _expressions(content: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    rows = content.get("expressions") or []
    for number, row in enumerate(rows):
        if not row.get("key"):
            yield f"expressions[{number}].key", "no_key", "an expression needs a key to store its value under"
        yield from _expression(
            f"expressions[{number}].{row.get('key') or 'value'}", row.get("value") or "", "broken_expression"
        )
    for key, count in Counter(row.get("key") for row in rows if row.get("key")).items():
        if count > 1:
            yield "expressions", "duplicate_expression_key", f"{count} expressions write {key!r}"


def _switch(content: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    statements = content.get("statements") or []
    for number, statement in enumerate(statements):
        if not _empty(statement.get("condition")):
            yield from _expression(f"statements[{number}].condition", statement["condition"], "broken_condition")
    for id_, count in Counter(str(statement.get("id") or "") for statement in statements).items():
        if not id_:
            yield "statements", "no_id", f"{count} branches without an id"
        elif count > 1:
            yield (
                "statements",
                "duplicate_statement_id",
                f"{count} branches carry the id {id_!r}: all their edges go on",
            )
    always = [_empty(statement.get("condition")) for statement in statements]
    if content.get("hitPolicy", "first") == "first" and True in always[:-1]:
        yield (
            f"statements[{always.index(True)}]",
            "unreachable_branch",
            "a branch without a condition takes what later branches wait for",
        )


def _expression(field: str, text: object, broken: str) -> Iterator[tuple[str, str, str]]:
    fault = fault_in_expression(text) if isinstance(text, str) else ("broken", "not text")
    if fault:
        yield field, broken if fault[0] == "broken" else fault[0], f"{text!r}: {fault[1]}"


def _shape(flow: Flow, known: Mapping[str, Flow]) -> Iterator[Fault]:
    shape = Shape(flow)
    yield from shape.faults()
    if flow.envelope is not None and not shape.is_broken and not shape.is_asked_only:
        for node in shape.ends_without(known, "outcome"):
            yield node, "outcome", "no_outcome", "a path reaches this node without an outcome"


def _references(flow: Flow, known: Mapping[str, Flow]) -> Iterator[Fault]:
    for node, key in references(flow.graph):
        if key and key not in known:
            yield node, "key", "missing_decision", f"no flow called {key!r} among the given files"
        elif key:
            depth = _depth(known[key], known, (flow.key,))
            if depth is None:
                yield node, "key", "decision_cycle", f"{key!r} leads back to a flow that calls it"
            elif depth + 1 > MAX_DEPTH:
                yield (
                    node,
                    "key",
                    "too_deep",
                    f"{depth + 1} sub-decisions below each other; the engine stops above {MAX_DEPTH}",
                )


def _depth(flow: Flow, known: Mapping[str, Flow], above: tuple[str, ...]) -> int | None:
    """Sub-decisions below `flow`; None where they form a circle."""
    if flow.key in above:
        return None
    deepest = 0
    for _, key in references(flow.graph):
        if key in known:
            below = _depth(known[key], known, (*above, flow.key))
            if below is None:
                return None
            deepest = max(deepest, below + 1)
    return deepest


def _engine_says(flow: Flow, known: Mapping[str, Flow]) -> list[Fault]:
    """The engine's own parser and `validate()`, once nothing else is wrong."""
    try:
        zen.ZenEngine().create_decision(zen.ZenDecisionContent(json.dumps(flow.graph))).validate()
        reached = {flow.key} | {key for _, key in references(flow.graph)}
        load([known[key] for key in _closure(reached, known)])
    except EvaluationFailed as error:
        return [(error.node, "", error.code, str(error))]
    except (RuntimeError, ValueError) as error:
        told = failure(error)
        return [(told.node, "", "refused_by_engine", str(told))]
    return []


def _closure(keys: set[str], known: Mapping[str, Flow]) -> set[str]:
    found: set[str] = set()
    while keys - found:
        key = (keys - found).pop()
        found.add(key)
        keys = keys | ({name for _, name in references(known[key].graph)} if key in known else set())
    return found & set(known)


def _empty(cell: object) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _id(node: Node) -> str:
    return str(node.get("id") or "")
