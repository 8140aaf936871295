"""Rule sets: conditions with a reason and an action, all hits collected, three-valued. Compiled to JDM.

Authored form: `{key, scenario, schema, rules: [{id, when, reason, action, tag?, unknown}]}`. `when` is either
`{variable: [operator, value]}`, all of which must hold, or a group `{"all": […]}` or `{"any": […]}` of conditions
`{variable, operator, value}` and further groups. action: decline | refer | tag. unknown (the rule can neither be said
to hold nor not to hold, because an input is missing): hit (as if it held), refer (reason N01) or pass.

The compiled flow answers `{outcome, reasons (at most four, hardest first), tags, hits, exempt}`. A rule named in the
input `exempt_rules` as `key.rule` keeps its hit and counts for nothing; `exempt` lists those.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from risk.rules.catalogue import PYTHON, VariableSpec
from risk.rules.document import Graph
from risk.rules.jdm import expression, first_of, graph, input_node, output_node, table

ACTIONS = ("decline", "refer", "tag")
UNKNOWN = ("hit", "refer", "pass")
OPERATORS: dict[str, tuple[str, ...]] = {  # by the types of variables that they compare
    "=": ("int", "bool", "text", "date"),
    "!=": ("int", "bool", "text", "date"),
    "<": ("int", "date"),
    "<=": ("int", "date"),
    ">": ("int", "date"),
    ">=": ("int", "date"),
    "between": ("int", "date"),
    "in": ("int", "text", "date"),
    "not in": ("int", "text", "date"),
    "contains": ("int_list", "text_list"),
    "not contains": ("int_list", "text_list"),
    "is unknown": ("int", "bool", "text", "date", "int_list", "text_list"),
}
SHOWN_REASONS = 4
NO_DATA = "N01"
EXEMPT = "exempt_rules"
MAX_DEPTH = 4
NAME = re.compile(r"[a-z][a-z0-9_]{0,59}")
OUTCOME = "some({hits}, #.action == 'decline') ? 'decline' : some({hits}, #.action == 'refer') ? 'refer' : 'approve'"

Rule = dict[str, Any]
Condition = tuple[str, str, Any]  # variable, operator, value


class BadRuleSet(ValueError):
    """A rule that cannot be compiled; the message names it."""


def compile_rules(rule_set: dict[str, Any]) -> Graph:
    """The rule set as a JDM graph. Raises BadRuleSet."""
    rules: list[Rule] = rule_set["rules"]
    plain = {rule["id"]: rule for rule in rules if not _has_state(rule)}
    states = {rule["id"]: f"state_{number}" for number, rule in enumerate(rules) if _has_state(rule)}
    variables = sorted({variable for rule in plain.values() for variable in rule["when"]})
    rows = [row for rule in rules for row in _rows(rule, states.get(rule["id"]))]
    outputs = ("rule", "reason", "action", "tag", "unknown")
    exempts = EXEMPT in rule_set["schema"]["properties"]
    counted = "$.counted" if exempts else "hits"
    found = {
        "outcome": OUTCOME.format(hits=counted),
        "reasons": _reasons(rules, counted),
        "tags": _tags(rules, counted),
    }
    verdict = {"outcome": "outcome", "reasons": first_of("reasons", SHOWN_REASONS), "tags": "tags", "hits": "hits"}
    if exempts:
        name = f"({json.dumps(rule_set['key'] + '.')} + #.rule)"
        found = {"counted": f"filter(hits, not ({name} in {EXEMPT}))"} | found
        verdict["exempt"] = f"map(filter(hits, {name} in {EXEMPT}), #.rule)"
    groups = {state: grouped(rule["when"]) for rule in rules if (state := states.get(rule["id"]))}
    return graph(
        input_node(rule_set["schema"]),
        *([expression("states", _states(groups), pass_through=True)] if groups else []),
        table(
            "rules",
            [*variables, *states.values()],
            outputs,
            rows,
            policy="collect",
            output_path="hits",
            pass_through=True,
        ),
        expression("found", found, pass_through=True),
        expression("verdict", verdict),
        output_node(),
    )


def _has_state(rule: Rule) -> bool:
    """Whether cells alone cannot say it: unknown only where no other condition already says no."""
    return is_group(rule["when"]) or (len(rule["when"]) > 1 and rule["unknown"] != "pass")


def states_graph(rule_set: Mapping[str, Any]) -> Graph:
    """A graph that answers of every rule, and of every part of it, whether it is hit, miss or unknown.

    The rule at place 2 is `state_2`, its first part `state_2_0`, that part's second `state_2_0_1`.
    """
    groups = {f"state_{number}": grouped(rule["when"]) for number, rule in enumerate(rule_set["rules"])}
    return graph(input_node(rule_set["schema"]), expression("states", _states(groups)), output_node())


def grouped(when: Any) -> Any:
    """The condition of a rule as a group, whichever way it is written."""
    if is_group(when):
        return when
    return {"all": [{"variable": name, "operator": op, "value": value} for name, op, value in conditions(when)]}


def is_group(when: Any) -> bool:
    return isinstance(when, dict) and len(when) == 1 and isinstance(when.get("all", when.get("any")), list)


def conditions(when: Any) -> Iterator[Condition]:
    """Every condition of a rule, whatever its form."""
    if is_group(when):
        for part in when.get("all", when.get("any")):
            yield from conditions(part)
    elif "variable" in when and "operator" in when:
        yield when["variable"], when["operator"], when.get("value")
    else:
        for variable, (operator, value) in when.items():
            yield variable, operator, value


def cell(operator: str, value: object) -> str:
    """One condition as a table cell that an unknown never satisfies."""
    text = literal(value)
    if operator in ("<", "<=", ">", ">=") and not isinstance(value, str):
        return f"{operator} {text}"
    if operator == "=":
        return text
    if operator == "!=":
        return f"$ != null and $ != {text}"
    if operator == "in":
        return f"$ in {text}"
    if operator == "not in":
        return f"$ != null and not ($ in {text})"
    if operator == "between":  # the engine cannot read a cell with `and` between brackets: it would match nothing
        return f"$ != null and {_test('$', operator, value)}"
    return f"$ != null and ({_test('$', operator, value)})"


def literal(value: Any) -> str:
    """A value as the engine writes it: between quotes every character stands for itself, there is no escape."""
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"
    if not isinstance(value, str):
        return json.dumps(value)
    return f"'{value}'" if '"' in value else f'"{value}"'


def _test(path: str, operator: str, value: Any) -> str:
    """The condition as an expression over a known value."""
    text = literal(value)
    if operator in ("<", "<=", ">", ">="):
        return f"{_ordered(path, value)} {operator} {_ordered(text, value)}"
    if operator in ("=", "!="):
        return f"{path} {'==' if operator == '=' else operator} {text}"
    if operator == "in":
        return f"{path} in {text}"
    if operator == "not in":
        return f"not ({path} in {text})"
    if operator == "between":
        low, high = (_ordered(literal(end), end) for end in value)
        return f"{_ordered(path, value[0])} >= {low} and {_ordered(path, value[0])} <= {high}"
    if operator == "contains":
        return f"contains({path}, {text})"
    if operator == "not contains":
        return f"not contains({path}, {text})"
    raise BadRuleSet(f"no operator {operator!r}")


def _ordered(text: str, value: object) -> str:
    """Dates are text, which the engine puts in no order; their days it does."""
    return f"date({text})" if isinstance(value, str) else text


def _states(groups: Mapping[str, Any]) -> dict[str, str]:
    """Expressions that say of each group: hit, miss or unknown. One for every condition, then one for the group."""
    found: dict[str, str] = {}

    def state_of(name: str, when: Any) -> str:
        if is_group(when):
            word = "all" if "all" in when else "any"
            parts = [state_of(f"{name}_{number}", part) for number, part in enumerate(when[word])]
            # All: one miss decides, then one unknown. Any: one hit decides, then one unknown.
            decides, otherwise = ("miss", "hit") if word == "all" else ("hit", "miss")
            each = f"[{', '.join(f'$.{part}' for part in parts)}]"
            found[name] = (
                f"some({each}, # == '{decides}') ? '{decides}' : "
                f"some({each}, # == 'unknown') ? 'unknown' : '{otherwise}'"
            )
        else:
            variable, operator, value = when["variable"], when["operator"], when.get("value")
            if operator == "is unknown":
                found[name] = f"{variable} == null ? 'hit' : 'miss'"
            else:
                found[name] = f"{variable} == null ? 'unknown' : ({_test(variable, operator, value)}) ? 'hit' : 'miss'"
        return name

    for name, when in groups.items():
        state_of(name, when)
    return found


def _rows(rule: Rule, state: str | None) -> list[dict[str, str]]:
    when: dict[str, tuple[str, object]] = rule["when"]
    if rule["action"] not in ACTIONS or rule["unknown"] not in UNKNOWN or not when:
        raise BadRuleSet(f"{rule['id']}: action one of {ACTIONS}, unknown one of {UNKNOWN}, at least one condition")
    action, reason = (rule["action"], rule["reason"]) if rule["unknown"] == "hit" else ("refer", NO_DATA)
    on_unknown = _outcome(rule, action, reason, unknown=True)
    if state is not None:
        rows = [{state: '"hit"'} | _outcome(rule, rule["action"], rule["reason"], unknown=False)]
        return rows if rule["unknown"] == "pass" else [*rows, {state: '"unknown"'} | on_unknown]
    hit = {variable: cell(*condition) for variable, condition in when.items()}
    rows = [hit | _outcome(rule, rule["action"], rule["reason"], unknown=False)]
    if rule["unknown"] == "pass":
        return rows
    return [*rows, *({variable: "null"} | on_unknown for variable in when)]


def _outcome(rule: Rule, action: str, reason: str, *, unknown: bool) -> dict[str, str]:
    return {
        "rule": json.dumps(rule["id"]),
        "reason": literal(reason),
        "action": json.dumps(action),
        "tag": literal(rule.get("tag") or ""),
        "unknown": json.dumps(unknown),
    }


def _reasons(rules: list[Rule], hits: str) -> str:
    """The distinct reasons of the hits that made the outcome, in the order of the rules."""
    codes = list(dict.fromkeys([rule["reason"] for rule in rules if rule["action"] != "tag"] + [NO_DATA]))
    made = f"some({hits} as hit, hit.reason == code and hit.action == $.outcome)"
    return f"filter({literal(codes)} as code, {made})"


def _tags(rules: list[Rule], hits: str) -> str:
    tags = list(dict.fromkeys(rule["tag"] for rule in rules if rule.get("tag")))
    return f"filter({literal(tags)} as tag, some({hits} as hit, hit.tag == tag))"


# --- what is wrong with one that is being written -------------------------------------------------------------------

Fault = tuple[str, str, str, str]  # rule's id, field, code, message
Found = tuple[tuple[int, ...], str, str, str]  # place of the condition in its rule, field, code, message


@dataclass(frozen=True)
class Placed:
    """One fault where it is: `rule` counts from 0 (None: the whole rule set), `path` leads through its groups."""

    rule: int | None
    name: str
    path: tuple[int, ...]
    field: str
    code: str
    message: str


def faults(rule_set: Mapping[str, Any], variables: Mapping[str, VariableSpec]) -> Iterator[Fault]:
    """Everything that keeps the rule set from compiling, or makes a rule that can never hold.

    `variables`: those of its scenario by name.
    """
    return ((fault.name, fault.field, fault.code, fault.message) for fault in placed_faults(rule_set, variables))


def placed_faults(rule_set: Mapping[str, Any], variables: Mapping[str, VariableSpec]) -> Iterator[Placed]:
    """The faults with the rule and the condition that each belongs to."""
    rules = rule_set.get("rules")
    if not isinstance(rules, list) or not rules:
        yield Placed(None, "", (), "rules", "no_rules", "a rule set needs at least one rule")
        return
    seen: set[str] = set()
    for place, rule in enumerate(rules):
        if not isinstance(rule, dict):
            yield Placed(place, f"rule {place + 1}", (), "rules", "invalid_content", "a rule is an object")
            continue
        name = str(rule.get("id") or f"rule {place + 1}")
        if not NAME.fullmatch(str(rule.get("id") or "")):
            told = "a name of small letters, digits and _ that begins with a letter"
            yield Placed(place, name, (), "id", "bad_name", told)
        if name in seen:
            yield Placed(place, name, (), "id", "duplicate_rule_id", f"two rules are called {name!r}")
        seen.add(name)
        yield from (Placed(place, name, *found) for found in _faults_of(rule, variables))


def _faults_of(rule: Rule, variables: Mapping[str, VariableSpec]) -> Iterator[Found]:
    if rule.get("action") not in ACTIONS:
        yield (), "action", "unknown_action", f"say what the rule does: {', '.join(ACTIONS)}"
    if rule.get("unknown") not in UNKNOWN:
        yield (), "unknown", "unknown_undecided", "say what happens when an input is missing: hit, refer or pass"
    if not re.fullmatch(r"[A-Z]\d{2}", str(rule.get("reason") or "")):
        yield (), "reason", "no_reason", "every rule needs a reason code"
    if not _is_writable(rule.get("tag")):
        yield (), "tag", "unwritable_text", "a tag is a text without both kinds of quotes"
    if rule.get("action") == "tag" and not rule.get("tag"):
        yield (), "tag", "no_tag", "a rule that tags needs a tag"
    yield from _faults_in(rule.get("when"), variables, ())


def _faults_in(when: Any, variables: Mapping[str, VariableSpec], path: tuple[int, ...]) -> Iterator[Found]:
    if is_group(when):
        parts = when.get("all", when.get("any"))
        if len(path) >= MAX_DEPTH:
            yield path, "when", "too_deep", f"groups within groups, more than {MAX_DEPTH} deep"
            return
        if not parts:
            yield path, "when", "empty_group", "a group needs at least one condition"
        for place, part in enumerate(parts):
            yield from _faults_in(part, variables, (*path, place))
    elif not isinstance(when, dict) or not when:
        yield path, "when", "no_condition", "a rule needs at least one condition"
    else:
        try:
            found = list(conditions(when))
        except (ValueError, TypeError, AttributeError):
            yield path, "when", "invalid_content", f"{when!r} is no condition"
            return
        for place, (variable, operator, value) in enumerate(found):
            at = path if "variable" in when else (*path, place)
            if operator == "is unknown" and "variable" not in when:
                yield at, "when", "unknown_operator", "'is unknown' stands in a group only"
            elif fault := _fault_of(variable, operator, value, variables):
                yield at, f"when.{variable}", *fault


def _fault_of(
    variable: Any, operator: Any, value: Any, variables: Mapping[str, VariableSpec]
) -> tuple[str, str] | None:
    if not isinstance(variable, str) or not isinstance(operator, str):
        return "invalid_content", "a condition names a variable and an operator"
    if not variable:
        return "no_variable", "choose a variable"
    spec = variables.get(variable)
    if spec is None:
        return "unknown_variable", f"{variable!r} is no input of the scenario"
    if operator not in OPERATORS:
        return "unknown_operator", f"{operator!r}: one of {', '.join(OPERATORS)}"
    if spec.type not in OPERATORS[operator]:
        return "wrong_operator", f"{operator!r} does not compare {spec.type}"
    if operator == "is unknown":
        return None if spec.nullable else ("never_unknown", f"{variable} is always known")
    many = operator in ("in", "not in", "between")
    values = value if isinstance(value, list) else None
    if many and (not values or (operator == "between" and len(values) != 2)):
        return "wrong_type", "two ends are expected" if operator == "between" else "a list of values is expected"
    one_type = spec.type.removesuffix("_list")
    for each in values if many and values else [value]:
        if each is None:
            return "no_value", "give a value to compare with"
        if not is_of(one_type, each):
            return "wrong_type", f"{json.dumps(each, ensure_ascii=False)} is no {one_type}"
        if not _is_writable(each):
            return "unwritable_text", "the engine has no way to write a text with both kinds of quotes"
    if operator == "between" and values and values[0] > values[1]:
        return "empty_range", f"{values[0]} to {values[1]} holds nothing"
    return None


def _is_writable(value: Any) -> bool:
    return not isinstance(value, str | list | dict) or (isinstance(value, str) and not ('"' in value and "'" in value))


def is_of(type_: str, value: Any) -> bool:
    """Whether a JSON value is of a catalogue type."""
    if type_ == "date":
        return isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value) is not None and _is_day(value)
    return isinstance(value, PYTHON[type_]) and not (type_ == "int" and isinstance(value, bool))


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
