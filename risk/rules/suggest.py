"""Cases for what no case has reached yet: values that satisfy a rule or a row, kept only where the engine agrees."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import islice, product
from typing import Any

import zen

from risk.rules import cases, engine
from risk.rules.catalogue import VariableSpec
from risk.rules.document import Flow, Node
from risk.rules.engine import EvaluationFailed
from risk.rules.ruleset import conditions, is_group

TRIES = 300  # of one rule or row
Inputs = dict[str, Any]
Options = dict[str, tuple[Any, ...]]  # values of a variable, any of which will do


def suggest(
    flows: Sequence[Flow],
    *,
    authored: Mapping[str, Any],
    variables: Mapping[str, VariableSpec],
    done: Iterable[Mapping[str, Any]],
    bases: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Cases `{name, inputs, expect}` that reach rules of the first flow which none of the cases `done` reaches.

    `authored`: the first flow's form, read where it is a rule set. `bases`: known inputs of whole applications, on
    which each case is built; those that reach something by themselves are proposed too. A case expects what the flow
    says now: whoever adds it reads whether that is right.
    """
    reached = {result.name: result.trace for result in cases.run(flows, done)}
    missing = list(cases.coverage(flows, [trace for trace in reached.values() if trace is not None]).missing)
    if not missing or not bases:
        return []
    address = engine.load(flows)[flows[0].key]
    nodes = {str(node.get("id")): node for node in flows[0].nodes}
    found: list[dict[str, Any]] = []

    def take(inputs: Inputs, unit: cases.Unit | None) -> bool:
        """Where the inputs reach the unit (any, where it is None), the case that says so is kept."""
        try:
            answer = engine.evaluate(address, inputs, trace=True)
        except EvaluationFailed:
            return False
        missed = set(cases.coverage(flows, [answer["trace"]]).missing)
        new = [each for each in missing if each not in missed]
        if not new or (unit is not None and unit not in new):
            return False
        names = [cases.title_of(nodes[node], label) for node, label in ([unit] if unit else new)]
        expect = cases.expectation(answer["result"])
        found.append({"name": ", ".join(names)[:120], "inputs": inputs, "expect": expect})
        missing[:] = [each for each in missing if each in missed]
        return True

    base = _plain(address, bases)
    rules = {rule.get("id"): rule for rule in authored.get("rules") or [] if isinstance(rule, dict)}
    for unit in list(missing):
        if unit in missing:
            changes = _changes(unit, rules, nodes, variables)
            any(take({**base, **change}, unit) for change in islice(changes, TRIES))
    for inputs in bases:
        if not missing:
            break
        take(dict(inputs), None)
    return found


def _plain(address: str, bases: Sequence[Mapping[str, Any]]) -> Inputs:
    """The first of whom nothing is held against, so that a case shows one rule at a time."""
    for inputs in bases:
        try:
            said = engine.evaluate(address, inputs)
        except EvaluationFailed:
            continue
        if said.get("outcome") == "approve" and not said.get("hits"):
            return dict(inputs)
    return dict(bases[0])


def _changes(
    unit: cases.Unit, rules: Mapping[Any, Any], nodes: Mapping[str, Node], variables: Mapping[str, VariableSpec]
) -> Iterator[Inputs]:
    node, label = unit
    name = label.removesuffix(cases.UNKNOWN)
    rule = rules.get(name)
    if rule is not None:
        known = candidates(rule["when"], variables)
        for options in ways(rule["when"], "hit" if label == name else "unknown", known):
            yield from _each(options)
    elif nodes[node].get("type") == "decisionTableNode":
        yield from _row_changes(nodes[node], unit, variables)


def _each(options: Options) -> Iterator[Inputs]:
    for values in product(*options.values()):
        yield dict(zip(options, values, strict=True))


# --- rules ----------------------------------------------------------------------------------------------------------


def candidates(when: Any, variables: Mapping[str, VariableSpec]) -> Options:
    """Values of each variable of a rule: those that it names, those just beside them, and unknown."""
    found: dict[str, list[Any]] = {}
    for variable, operator, value in conditions(when):
        spec = variables.get(variable)
        if spec is None:
            continue
        values = found.setdefault(variable, [None] if spec.nullable else [])
        named = value if isinstance(value, list) else [value]
        for each in [] if operator == "is unknown" else named:
            values += _beside(spec.type, each)
        if not any(each is not None for each in values):
            values += _beside(spec.type, {"int": 1, "bool": True, "date": "2026-01-01"}.get(spec.type, "other"))
    return {name: tuple(value for place, value in enumerate(all_) if value not in all_[:place] or value is None)
            for name, all_ in found.items()}  # fmt: skip


def _beside(type_: str, value: Any) -> list[Any]:
    if type_ == "bool":
        return [True, False]
    if type_ == "int":
        return [value, value + 1, value - 1]
    if type_ == "date":
        day = date.fromisoformat(value)
        return [value, (day + timedelta(1)).isoformat(), (day - timedelta(1)).isoformat()]
    if type_.endswith("_list"):
        return [[value], []]
    return [value, "other"]


def ways(when: Any, want: str, known: Options) -> Iterator[Options]:
    """What the variables may be for the rule to be `want`: hit, miss or unknown. Nothing where it cannot be."""
    if not is_group(when):
        if "variable" not in when:
            parts = [{"variable": name, "operator": op, "value": value} for name, op, value in conditions(when)]
            yield from ways({"all": parts}, want, known)
            return
        fits = tuple(value for value in known.get(when["variable"], ()) if state(when, value) == want)
        if fits:
            yield {when["variable"]: fits}
        return
    word = "all" if "all" in when else "any"
    parts, decides = when[word], "miss" if word == "all" else "hit"
    if want == decides:
        for part in parts:
            yield from ways(part, want, known)
    elif want != "unknown":
        yield from _together(parts, [(want,)] * len(parts), known)
    else:
        other = "hit" if word == "all" else "miss"
        for place in range(len(parts)):
            wanted = [("unknown",) if place == number else (other, "unknown") for number in range(len(parts))]
            yield from _together(parts, wanted, known)


def _together(parts: Sequence[Any], wanted: Sequence[tuple[str, ...]], known: Options) -> Iterator[Options]:
    """All parts at once, the values of a variable that suit every part."""
    if not parts:
        yield {}
        return
    for want in wanted[0]:
        for first in islice(ways(parts[0], want, known), TRIES):
            narrowed = known | first
            for rest in _together(parts[1:], wanted[1:], narrowed):
                yield first | rest


def state(condition: Mapping[str, Any], value: Any) -> str:
    """Of one condition over a value of its variable: hit, miss or unknown."""
    operator, asked = condition["operator"], condition.get("value")
    if operator == "is unknown":
        return "hit" if value is None else "miss"
    if value is None:
        return "unknown"
    return "hit" if _holds(operator, value, asked) else "miss"


def _holds(operator: str, value: Any, asked: Any) -> bool:
    if operator in ("=", "!="):
        return bool(value == asked) == (operator == "=")
    if operator in ("in", "not in"):
        return (value in asked) == (operator == "in")
    if operator in ("contains", "not contains"):
        return (asked in value) == (operator == "contains")
    if operator == "between":
        return bool(asked[0] <= value <= asked[1])
    return bool({"<": value < asked, "<=": value <= asked, ">": value > asked, ">=": value >= asked}[operator])


# --- rows of tables -------------------------------------------------------------------------------------------------

CONSTANT = re.compile(r'"([^"]*)"|\'([^\']*)\'|(-?\d+)|\b(true|false|null)\b')


def _row_changes(node: Node, unit: cases.Unit, variables: Mapping[str, VariableSpec]) -> Iterator[Inputs]:
    """Inputs that satisfy the cells of the row, where its columns are inputs themselves."""
    content = node["content"]
    rows = content.get("rules") or []
    columns = [column for column in content.get("inputs") or [] if column.get("field") in variables]
    place = cases.place_of(node, unit)
    everything = {column["id"]: _values(rows, column, variables[column["field"]]) for column in columns}
    options: Options = {}
    for column in columns:
        cell = str(rows[place].get(column["id"]) or "").strip()
        fits = tuple(value for value in everything[column["id"]] if not cell or _takes(cell, value))
        if not fits:
            return
        options[column["field"]] = fits
    yield from _each(options)


def _values(rows: Sequence[Mapping[str, Any]], column: Mapping[str, Any], spec: VariableSpec) -> list[Any]:
    found: list[Any] = [None] if spec.nullable else []
    for row in rows:
        for quoted, single, number, word in CONSTANT.findall(str(row.get(column["id"]) or "")):
            if number and spec.type == "int":
                found += [int(number), int(number) + 1, int(number) - 1]
            elif spec.type == "bool" and word in ("true", "false"):
                found.append(word == "true")
            elif spec.type in ("text", "date") and (quoted or single):
                found += [quoted or single, *(["other"] if spec.type == "text" else [])]
    if spec.type == "bool":
        found += [True, False]
    return list(dict.fromkeys(found))


def _takes(cell: str, value: Any) -> bool:
    try:
        return bool(zen.evaluate_unary_expression(cell, {"$": value}))
    except (RuntimeError, ValueError):
        return False
