"""Rules of every operator over known and unknown values say what three-valued logic says, in every nesting."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from risk.rules import engine
from risk.rules.catalogue import VariableSpec, input_schema
from risk.rules.document import Flow
from risk.rules.ruleset import MAX_DEPTH, OPERATORS, compile_rules, faults, placed_faults, states_graph
from risk.rules.sentences import say
from risk.rules.suggest import candidates, ways

VARIABLES = {
    name: VariableSpec(name, name.removesuffix("_2"), True, "profile", "")
    for type_ in ("int", "bool", "text", "date", "int_list", "text_list")
    for name in (type_, f"{type_}_2")
}
SCHEMA = input_schema(VARIABLES.values())
DATES = ["2025-12-31", "2026-01-01", "2026-01-02"]
ONE: dict[str, Any] = {
    "int": st.integers(-2, 3),
    "bool": st.booleans(),
    "text": st.sampled_from(["", "a", "b", 'q"\\n', "it's", "中文\n", "null"]),
    "date": st.sampled_from(DATES),
}
VALUE = ONE | {"int_list": st.lists(ONE["int"], max_size=3), "text_list": st.lists(ONE["text"], max_size=3)}


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    operator = draw(st.sampled_from(sorted(OPERATORS)))
    type_ = draw(st.sampled_from(OPERATORS[operator]))
    variable = draw(st.sampled_from([type_, f"{type_}_2"]))
    one = ONE[type_.removesuffix("_list")]
    if operator == "is unknown":
        return {"variable": variable, "operator": operator}
    if operator == "between":
        value: Any = sorted([draw(one), draw(one)])
    elif operator in ("in", "not in"):
        value = draw(st.lists(one, min_size=1, max_size=3))
    else:
        value = draw(one)
    return {"variable": variable, "operator": operator, "value": value}


def groups(parts: Any) -> Any:
    words = st.sampled_from(["all", "any"])
    return st.builds(lambda word, inner: {word: inner}, words, st.lists(parts, min_size=1, max_size=3))


THREE_DEEP = groups(conditions() | groups(conditions() | groups(conditions())))
INPUTS = st.fixed_dictionaries({name: st.none() | VALUE[spec.type] for name, spec in VARIABLES.items()})


def kleene(when: Any, values: dict[str, Any]) -> float:
    """1 true, 0 false, ½ unknown: all is the least of its parts, any the greatest."""
    if "all" in when:
        return min(kleene(part, values) for part in when["all"])
    if "any" in when:
        return max(kleene(part, values) for part in when["any"])
    value, operator, asked = values[when["variable"]], when["operator"], when.get("value")
    if operator == "is unknown":
        return float(value is None)
    if value is None:
        return 0.5
    said = {
        "=": lambda: value == asked,
        "!=": lambda: value != asked,
        "<": lambda: value < asked,
        "<=": lambda: value <= asked,
        ">": lambda: value > asked,
        ">=": lambda: value >= asked,
        "between": lambda: asked[0] <= value <= asked[1],
        "in": lambda: value in asked,
        "not in": lambda: value not in asked,
        "contains": lambda: asked in value,
        "not contains": lambda: asked not in value,
    }
    return float(said[operator]())


WORDS = {1.0: "hit", 0.0: "miss", 0.5: "unknown"}


def evaluated(graph: Any, values: dict[str, Any]) -> dict[str, Any]:
    flow = Flow(key="probe", graph=graph, file="probe.json")
    return engine.evaluate(engine.load([flow])["probe"], values)


def rule(when: Any, **other: Any) -> dict[str, Any]:
    return {"id": "one", "when": when, "reason": "F02", "action": "decline", "unknown": "refer", **other}


class TestStates:
    @settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(when=THREE_DEEP, values=INPUTS)
    def test_are_those_of_three_valued_logic(self, when: Any, values: dict[str, Any]) -> None:
        rule_set = {"key": "probe", "rules": [rule(when)], "schema": SCHEMA}
        assert list(faults(rule_set, VARIABLES)) == []
        wanted = WORDS[kleene(when, values)]
        word = next(iter(when))
        said = evaluated(states_graph(rule_set), values)
        assert said["state_0"] == wanted
        assert [said[f"state_0_{place}"] for place in range(len(when[word]))] == [
            WORDS[kleene(part, values)] for part in when[word]
        ]
        hits = evaluated(compile_rules(rule_set), values)["hits"]
        assert [hit["unknown"] for hit in hits] == {"hit": [False], "miss": [], "unknown": [True]}[wanted]

    @settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(found=st.lists(conditions(), min_size=1, max_size=4), values=INPUTS)
    def test_of_the_plain_form_are_those_of_an_all_group(self, found: Any, values: dict[str, Any]) -> None:
        parts = list({part["variable"]: part for part in found if part["operator"] != "is unknown"}.values())
        if not parts:
            return
        plain = {part["variable"]: [part["operator"], part["value"]] for part in parts}
        rule_set = {"key": "probe", "rules": [rule(plain)], "schema": SCHEMA}
        wanted = WORDS[kleene({"all": parts}, values)]
        assert evaluated(states_graph(rule_set), values)["state_0"] == wanted
        hits = evaluated(compile_rules(rule_set), values)["hits"]
        assert {hit["unknown"] for hit in hits} == {"hit": {False}, "miss": set(), "unknown": {True}}[wanted]

    def test_every_operator_compares_every_type_that_it_says_it_does(self) -> None:
        for operator, types in OPERATORS.items():
            for type_ in types:
                one = {"int": 1, "bool": True, "text": "a", "date": DATES[1]}[type_.removesuffix("_list")]
                asked = {"between": [one, one], "in": [one], "not in": [one]}.get(operator, one)
                known = [one] if type_.endswith("_list") else one
                when = {"all": [{"variable": type_, "operator": operator, "value": asked}]}
                rule_set = {"key": "probe", "rules": [rule(when)], "schema": SCHEMA}
                for value in (None, known):
                    values = dict.fromkeys(VARIABLES) | {type_: value}
                    said = evaluated(states_graph(rule_set), values)["state_0"]
                    assert said == WORDS[kleene(when, values)], (operator, type_, value)


class TestWays:
    @settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(when=THREE_DEEP, want=st.sampled_from(["hit", "miss", "unknown"]))
    def test_lead_to_what_is_wanted(self, when: Any, want: str) -> None:
        way = next(ways(when, want, candidates(when, VARIABLES)), None)
        if way is not None:
            for last in (0, -1):
                values = dict.fromkeys(VARIABLES) | {name: found[last] for name, found in way.items()}
                assert WORDS[kleene(when, values)] == want, json.dumps(when)


def one(operator: str, value: Any, variable: str = "int") -> dict[str, Any]:
    return {"variable": variable, "operator": operator, "value": value}


def nested(deep: int) -> Any:
    when: Any = one("=", 1)
    for _ in range(deep):
        when = {"all": [when]}
    return when


class TestFaults:
    def test_stand_at_their_rule_and_condition(self) -> None:
        when = {"all": [one("=", 1), {"any": [one("=", 1), one("<", None), one("=", "x")]}, {"any": []}]}
        rules = [rule(when), rule({"int": ["=", 1], "date": ["<", "2026-02-30"]}, id="two"), rule({}, id="one")]
        found = [(fault.rule, fault.path, fault.code) for fault in placed_faults({"rules": rules}, VARIABLES)]
        assert found == [
            (0, (1, 1), "no_value"),
            (0, (1, 2), "wrong_type"),
            (0, (2,), "empty_group"),
            (1, (1,), "wrong_type"),  # a day that is not in the calendar
            (2, (), "duplicate_rule_id"),
            (2, (), "no_condition"),
        ]

    def test_groups_nest_as_deep_as_said_and_no_deeper(self) -> None:
        for deep, codes in ((MAX_DEPTH, []), (MAX_DEPTH + 1, ["too_deep"])):
            found = faults({"rules": [rule(nested(deep))]}, VARIABLES)
            assert [code for _, _, code, _ in found] == codes

    def test_a_text_with_both_kinds_of_quotes_is_refused(self) -> None:
        for part, tag in ((one("in", ["a", "\"'"], "text"), ""), (one("=", "a", "text"), "\"'")):
            found = list(faults({"rules": [rule({"all": [part]}, tag=tag)]}, VARIABLES))
            assert [code for _, _, code, _ in found] == ["unwritable_text"]


class TestSentences:
    def test_read_as_rules_are_said(self) -> None:
        inner = {"any": [one("between", [1, 20050]), one("is unknown", None), {"all": [one("in", ["a"], "text")]}]}
        when = {"all": [one("!=", True, "bool"), inner]}
        assert say(rule(when, tag="x"), {"int": "cents"}) == (
            "bool ≠ yes and (int between ¥0.01 and ¥200.50 or int is unknown or text in a)"
            " → decline F02 · tag: x · unknown: refer"
        )

    def test_say_half_written_rules_as_far_as_they_go(self) -> None:
        assert say({"when": {"any": [{"variable": "", "operator": "="}]}}, {}) == "… = … → … … · unknown: …"
        assert say({"when": [1], "action": "tag"}, {}) == "… → tag … · unknown: …"
