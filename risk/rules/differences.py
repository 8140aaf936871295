"""What a draft changes against the version in force, in the words of who wrote it: rules, bins, rows, nodes."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from risk.rules import ruleset
from risk.rules.document import Graph, Node
from risk.rules.scorecard import label_of

MAX_LINES = 200


def differences(form: str, before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> list[str]:
    """One sentence a change, in the order of the new version; at most 200. `before` None: new, told as a whole."""
    if before is None:
        found = _whole(form, after)
    elif form == "rule_set":
        found = _of_rules(before, after)
    elif form == "scorecard":
        found = _of_card(before, after)
    else:
        found = _of_graph(dict(before), dict(after))
    lines = list(found)
    return [*lines[:MAX_LINES], f"{len(lines) - MAX_LINES} more changes."] if len(lines) > MAX_LINES else lines


def _whole(form: str, new: Mapping[str, Any]) -> Iterator[str]:
    """What is new, in the words of its form."""
    if form == "rule_set":
        for rule in new.get("rules", []):
            yield f"Rule {rule['id']}: {sentence(rule)}."
    elif form == "scorecard":
        yield f"Begins at {new.get('base_points')} points; without a value for a variable: {new.get('missing')}."
        for block in new.get("blocks", []):
            bins = ", ".join(f"{label_of(each)} {each['points']:+d}" for each in block["bins"])
            yield f"{block['variable']}: {bins} points; points lost are reason {block['reason']}."
    else:
        for node in new.get("nodes", []):
            yield from _whole_node(node, new)


def _whole_node(node: Node, graph: Mapping[str, Any]) -> Iterator[str]:
    name, content = _name(node), node.get("content") or {}
    if node.get("type") == "decisionNode":
        yield f"{name} asks {content.get('key')}."
    elif node.get("type") == "decisionTableNode":
        asked = [str(column.get("field")) for column in content.get("inputs") or []]
        for number, row in enumerate(_rows(content).values(), start=1):
            when = {field: cell for field, cell in row.items() if field in asked}
            then = {field: cell for field, cell in row.items() if field not in asked}
            yield f"{name}, row {number}: {_row(when)} → {', '.join(map(' '.join, then.items())) or 'nothing'}."
    elif node.get("type") == "expressionNode":
        for row in content.get("expressions") or []:
            yield f"{name}: {row.get('key')} = {row.get('value')}."
    elif node.get("type") == "switchNode":
        names = {str(each.get("id")): _name(each) for each in graph.get("nodes", [])}
        for branch in content.get("statements") or []:
            edges = [edge for edge in graph.get("edges", []) if edge.get("sourceHandle") == branch.get("id")]
            leads = ", ".join(names.get(str(edge.get("targetId")), "?") for edge in edges)
            yield f"{name}: {branch.get('condition') or 'otherwise'} → {leads}."


# --- rule sets ------------------------------------------------------------------------------------------------------


def sentence(rule: Mapping[str, Any]) -> str:
    """ "device_accounts_7d >= 5 → decline F02, unknown: pass" """
    tag = f" and tag {rule['tag']}" if rule.get("tag") and rule.get("action") != "tag" else ""
    does = f"tag {rule.get('tag')}" if rule.get("action") == "tag" else f"{rule.get('action')} {rule.get('reason')}"
    return f"{when_in_words(rule.get('when'))} → {does}{tag}, unknown: {rule.get('unknown')}"


def when_in_words(when: Any) -> str:
    if ruleset.is_group(when):
        word = "all" if "all" in when else "any"
        parts = [when_in_words(part) for part in when[word]]
        joined = (" and " if word == "all" else " or ").join(parts)
        return f"({joined})" if len(parts) > 1 else joined
    told = []
    for variable, operator, value in ruleset.conditions(when or {}):
        if operator == "is unknown":
            told.append(f"{variable} is unknown")
        elif operator == "between":
            told.append(f"{variable} from {value[0]} to {value[1]}")
        else:
            told.append(f"{variable} {operator} {_value(value)}")
    return " and ".join(told)


def _of_rules(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    old = {rule["id"]: rule for rule in before.get("rules", [])}
    new = {rule["id"]: rule for rule in after.get("rules", [])}
    for name, rule in new.items():
        if name not in old:
            yield f"Rule {name} added: {sentence(rule)}."
        elif (was := sentence(old[name])) != (now := sentence(rule)):
            yield f"Rule {name} changed: {was}; now {now}."
    for name in old:
        if name not in new:
            yield f"Rule {name} removed: {sentence(old[name])}."
    kept_old, kept_new = ([name for name in one if name in two] for one, two in ((old, new), (new, old)))
    if kept_old != kept_new:
        yield f"Order of the rules, and so of the reasons: {', '.join(new)}."


# --- scorecards -----------------------------------------------------------------------------------------------------


def _of_card(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    scalars = sorted((set(before) | set(after)) - {"blocks", "key"})
    for name in scalars:
        if before.get(name) != after.get(name):
            yield f"{name.replace('_', ' ')}: {_value(before.get(name))}, now {_value(after.get(name))}."
    old = {block["variable"]: block for block in before.get("blocks", [])}
    new = {block["variable"]: block for block in after.get("blocks", [])}
    for name, block in new.items():
        if name not in old:
            yield f"Variable {name} added, {len(block['bins'])} bins."
            continue
        if old[name].get("reason") != block.get("reason"):
            yield f"Variable {name}: reason {old[name].get('reason')}, now {block.get('reason')}."
        was = {_bin(each): each for each in old[name]["bins"]}
        now = {_bin(each): each for each in block["bins"]}
        for label, each in now.items():
            if label not in was:
                yield f"Variable {name}: bin {label} added with {each.get('points')} points."
            elif was[label] != each:
                yield (
                    f"Variable {name}, bin {label}: {was[label].get('points')} points"
                    f" ({was[label].get('lost')} lost), now {each.get('points')} ({each.get('lost')} lost)."
                )
        for label in was:
            if label not in now:
                yield f"Variable {name}: bin {label} removed."
    for name in old:
        if name not in new:
            yield f"Variable {name} removed."


def _bin(each: Mapping[str, Any]) -> str:
    return str(each.get("cell") or {name: value for name, value in each.items() if name not in ("points", "lost")})


# --- tables and flows -----------------------------------------------------------------------------------------------


def _of_graph(before: Graph, after: Graph) -> Iterator[str]:
    old = {str(node.get("id")): node for node in before.get("nodes", [])}
    new = {str(node.get("id")): node for node in after.get("nodes", [])}
    for id_, node in new.items():
        if id_ not in old:
            yield f"Node {_name(node)} added."
        else:
            yield from _of_node(old[id_], node)
    for id_, node in old.items():
        if id_ not in new:
            yield f"Node {_name(node)} removed."
    names = {id_: _name(node) for id_, node in (old | new).items()}
    was, now = _arrows(before, names), _arrows(after, names)
    for arrow in now:
        if arrow not in was:
            yield f"Arrow {arrow} added."
    for arrow in was:
        if arrow not in now:
            yield f"Arrow {arrow} removed."


def _of_node(before: Node, after: Node) -> Iterator[str]:
    name = _name(after)
    if before.get("type") != after.get("type"):
        yield f"Node {name}: {before.get('type')}, now {after.get('type')}."
        return
    old, new = before.get("content") or {}, after.get("content") or {}
    if after.get("type") == "inputNode":
        if old != new:
            yield f"{name}: the input schema follows the scenario."
        return
    if before.get("name") != after.get("name"):
        yield f"Node {before.get('name')} is called {after.get('name')} now."
    for part in ("hitPolicy", "key", "inputField", "outputPath", "executionMode", "passThrough"):
        if (old.get(part) or None) != (new.get(part) or None):
            yield f"{name}: {part} {_value(old.get(part))}, now {_value(new.get(part))}."
    if after.get("type") == "decisionTableNode":
        yield from _of_rows(name, old, new)
    for part, label in (("expressions", "key"), ("statements", "id")):
        was = {str(row.get(label)): row for row in old.get(part) or []}
        now = {str(row.get(label)): row for row in new.get(part) or []}
        text = "value" if part == "expressions" else "condition"
        for key, row in now.items():
            if key not in was:
                yield f"{name}: {key} = {row.get(text)} added."
            elif was[key].get(text) != row.get(text):
                yield f"{name}: {key} = {was[key].get(text)}, now {row.get(text)}."
        for key in was:
            if key not in now:
                yield f"{name}: {key} removed."


def _of_rows(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    was, now = _rows(old), _rows(new)
    fields_old, fields_new = _fields(old), _fields(new)
    for field in fields_new:
        if field not in fields_old:
            yield f"{name}: column {field} added."
    for field in fields_old:
        if field not in fields_new:
            yield f"{name}: column {field} removed."
    for number, (id_, row) in enumerate(now.items(), start=1):
        if id_ not in was:
            yield f"{name}, row {number} added: {_row(row)}."
        elif was[id_] != row:
            yield f"{name}, row {number}: {_row(was[id_])}; now {_row(row)}."
    for number, (id_, row) in enumerate(was.items(), start=1):
        if id_ not in now:
            yield f"{name}, row {number} removed: {_row(row)}."
    kept_old, kept_new = ([id_ for id_ in one if id_ in two] for one, two in ((was, now), (now, was)))
    if kept_old != kept_new:
        yield f"{name}: the rows stand in another order."


def _rows(content: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Cells by field for each row, by the row's id."""
    columns = {
        str(column.get("id")): str(column.get("field") or column.get("name"))
        for part in ("inputs", "outputs")
        for column in content.get(part) or []
    }
    found = {}
    for number, rule in enumerate(content.get("rules") or [], start=1):
        cells = {field: str(rule[id_]) for id_, field in columns.items() if rule.get(id_)}
        found[str(rule.get("_id") or number)] = cells
    return found


def _row(cells: Mapping[str, str]) -> str:
    return ", ".join(f"{field} {cell}" for field, cell in cells.items()) or "everything else"


def _fields(content: Mapping[str, Any]) -> list[str]:
    return [str(column.get("field")) for part in ("inputs", "outputs") for column in content.get(part) or []]


def _arrows(graph: Graph, names: Mapping[str, str]) -> list[str]:
    return [
        f"{names.get(str(edge.get('sourceId')), '?')} → {names.get(str(edge.get('targetId')), '?')}"
        for edge in graph.get("edges", [])
    ]


def _name(node: Node) -> str:
    return str(node.get("name") or node.get("id"))


def _value(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(_value(each) for each in value) or "nothing"
    return "nothing" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
