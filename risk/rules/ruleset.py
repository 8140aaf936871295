"""Rule sets: conditions with a reason and an action, all hits collected, three-valued. Compiled to JDM.

Authored form: `{key, scenario, schema, rules: [{id, when: {variable: [operator, value]}, reason, action, tag?,
unknown}]}`. action: decline | refer | tag. unknown (an input of the rule is missing): hit (as if it held), refer
(reason N01) or pass. The compiled flow answers `{outcome, reasons (at most four, hardest first), tags, hits}`.
"""

import json
from typing import Any

from risk.rules.document import Graph
from risk.rules.jdm import expression, first_of, graph, input_node, output_node, table

ACTIONS = ("decline", "refer", "tag")
UNKNOWN = ("hit", "refer", "pass")
SHOWN_REASONS = 4
NO_DATA = "N01"
OUTCOME = "some(hits, #.action == 'decline') ? 'decline' : some(hits, #.action == 'refer') ? 'refer' : 'approve'"

Rule = dict[str, Any]


class BadRuleSet(ValueError):
    """A rule that cannot be compiled; the message names it."""


def compile_rules(rule_set: dict[str, Any]) -> Graph:
    """The rule set as a JDM graph. Raises BadRuleSet."""
    rules: list[Rule] = rule_set["rules"]
    variables = sorted({variable for rule in rules for variable in rule["when"]})
    rows = [row for rule in rules for row in _rows(rule)]
    outputs = ("rule", "reason", "action", "tag", "unknown")
    hits = table("rules", variables, outputs, rows, policy="collect", output_path="hits", pass_through=True)
    return graph(
        input_node(rule_set["schema"]),
        hits,
        expression("found", {"outcome": OUTCOME, "reasons": _reasons(rules), "tags": _tags(rules)}, pass_through=True),
        expression(
            "verdict",
            {"outcome": "outcome", "reasons": first_of("reasons", SHOWN_REASONS), "tags": "tags", "hits": "hits"},
        ),
        output_node(),
    )


def cell(operator: str, value: object) -> str:
    """One condition as a table cell that an unknown never satisfies."""
    text = json.dumps(value, ensure_ascii=False)
    if operator in ("<", "<=", ">", ">="):
        return f"{operator} {text}"
    if operator == "=":
        return text
    if operator == "!=":
        return f"$ != null and $ != {text}"
    if operator == "in":
        return f"$ in {text}"
    if operator == "not in":
        return f"$ != null and not ($ in {text})"
    raise BadRuleSet(f"no operator {operator!r}")


def _rows(rule: Rule) -> list[dict[str, str]]:
    when: dict[str, tuple[str, object]] = rule["when"]
    if rule["action"] not in ACTIONS or rule["unknown"] not in UNKNOWN or not when:
        raise BadRuleSet(f"{rule['id']}: action one of {ACTIONS}, unknown one of {UNKNOWN}, at least one condition")
    hit = {variable: cell(*condition) for variable, condition in when.items()}
    rows = [hit | _outcome(rule, rule["action"], rule["reason"], unknown=False)]
    if rule["unknown"] == "pass":
        return rows
    action, reason = (rule["action"], rule["reason"]) if rule["unknown"] == "hit" else ("refer", NO_DATA)
    for variable in when:  # unknown only where no other condition already says no
        others = {name: f"$ == null or ({_as_test(cell(*when[name]))})" for name in when if name != variable}
        rows.append({variable: "null"} | others | _outcome(rule, action, reason, unknown=True))
    return rows


def _as_test(text: str) -> str:
    return text if text.startswith("$") else f"$ {text}" if text[0] in "<>" else f"$ == {text}"


def _outcome(rule: Rule, action: str, reason: str, *, unknown: bool) -> dict[str, str]:
    return {
        "rule": json.dumps(rule["id"]),
        "reason": json.dumps(reason),
        "action": json.dumps(action),
        "tag": json.dumps(rule.get("tag") or ""),
        "unknown": json.dumps(unknown),
    }


def _reasons(rules: list[Rule]) -> str:
    """The distinct reasons of the hits that made the outcome, in the order of the rules."""
    codes = list(dict.fromkeys([rule["reason"] for rule in rules if rule["action"] != "tag"] + [NO_DATA]))
    return f"filter({json.dumps(codes)} as code, some(hits as hit, hit.reason == code and hit.action == $.outcome))"


def _tags(rules: list[Rule]) -> str:
    tags = list(dict.fromkeys(rule["tag"] for rule in rules if rule.get("tag")))
    return f"filter({json.dumps(tags)} as tag, some(hits as hit, hit.tag == tag))"
