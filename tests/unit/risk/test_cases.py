"""Test cases: what a flow says is compared with what is expected; what no case reaches is named."""

import json
from dataclasses import replace
from typing import Any

import pytest

from lending.sandbox.applicants import rows
from risk.rules import engine
from risk.rules.cases import CaseResult, answered, coverage, expectation, run, units
from risk.rules.document import Flow
from risk.rules.jdm import decision, expression, graph, input_node, output_node, table
from risk.rules.ruleset import compile_rules
from risk.rules.strategy import DATA, catalogue, inputs_of, scenarios, schema_of, shipped_flows
from risk.rules.suggest import suggest

FLOWS = {flow.key: flow for flow in shipped_flows()}
RULES = json.loads((DATA / "rulesets" / "admission.json").read_text(encoding="utf-8"))
SCHEMA = schema_of("admission")
Inputs = dict[str, Any]


def inputs(scenario: str, row: int = 6, **changed: Any) -> Inputs:
    known = inputs_of(rows()[row - 1]) | changed
    return {name: known.get(name) for name in scenarios()[scenario]["inputs"]}


def admission(expect: Any, **changed: Any) -> list[CaseResult]:
    return run([FLOWS["admission"]], [{"name": "one", "inputs": inputs("admission", **changed), "expect": expect}])


def credit_flows() -> list[Flow]:
    return [FLOWS["credit"], FLOWS["credit_rules"], FLOWS["credit_score"]]


class TestRun:
    @pytest.mark.parametrize(
        ("expect", "difference"),
        [
            ({"outcome": "decline", "reasons": ["H01"], "hits": ["grey_list", "adult"], "tags": ["grey_list"]}, ""),
            ({"outcome": "decline"}, ""),
            ({"outcome": "refer"}, "outcome: refer expected, decline got"),
            ({"reasons": []}, "reasons: nothing expected, H01 got"),
            ({"hits": ["adult"]}, "hits: adult expected, adult, grey_list got"),
            ({"tags": []}, "tags: nothing expected, grey_list got"),
            ({"limit_cents": 100}, "limit: 100 expected, nothing got"),
            ({"grade": None, "score": None}, ""),
        ],
    )
    def test_compares_what_is_named_and_nothing_else(self, expect: Any, difference: str) -> None:
        (result,) = admission(expect, age_years=17, grey_listed=True)
        assert (result.passed, result.error) == (not difference, "")
        assert result.differences == ((difference,) if difference else ())
        assert set(result.got) == set(expect)

    def test_compares_rates_as_numbers_and_limits_as_cents(self) -> None:
        case = {"name": "offer", "inputs": inputs("credit")}
        right = case | {"expect": {"annual_rate": "0.1440", "limit_cents": 3_000_000, "grade": "B", "score": 656}}
        wrong = case | {"expect": {"annual_rate": "0.18", "limit_cents": True}}
        first, second = run(credit_flows(), [right, wrong])
        assert first.passed, first.differences
        assert len(second.differences) == 2

    @pytest.mark.parametrize(
        ("case", "error"),
        [
            ({"name": "x", "expect": {"outcome": "approve"}}, "the case has no inputs"),
            ({"name": "x", "inputs": {}, "expect": {}}, "the case expects nothing"),
            (
                {"name": "x", "inputs": {}, "expect": {"colour": "red"}},
                "it never answers 'colour': it answers outcome, reasons, tags, hits, exempt",
            ),
            (
                {"name": "x", "inputs": inputs("admission", age_years="old"), "expect": {"outcome": "refer"}},
                "age_years",
            ),
            ({"name": "x", "inputs": {"age_years": 2**70}, "expect": {"outcome": "approve"}}, "64 bits"),
        ],
    )
    def test_fails_a_case_that_says_nothing_and_tells_why(self, case: Any, error: str) -> None:
        (result,) = run([FLOWS["admission"]], [case])
        assert not result.passed
        assert error in result.error

    def test_fails_every_case_of_flows_that_cannot_be_loaded(self) -> None:
        case = {"name": "x", "inputs": inputs("credit"), "expect": {"outcome": "approve"}}
        (result,) = run([FLOWS["credit"]], [case])
        assert "credit_" in result.error

    def test_an_expectation_taken_from_an_answer_is_met_by_it(self) -> None:
        for key in ("admission", "credit"):
            address = engine.load([*credit_flows(), FLOWS["admission"]])[key]
            for row in (1, 6, 19, 34):
                given = inputs(key, row)
                case = {"name": "x", "inputs": given, "expect": expectation(engine.evaluate(address, given))}
                (result,) = run(credit_flows() if key == "credit" else [FLOWS[key]], [case])
                assert result.passed, result


class TestFields:
    COLUMNS = graph(
        input_node(SCHEMA),
        table("t", ["months"], ["rate", "offer.cents"], [{"months": "> 12", "rate": "'a'"}, {"offer.cents": "100"}]),
        output_node(),
    )

    def of(self, expect: Inputs) -> CaseResult:
        flow = Flow("limits", self.COLUMNS, "admission")
        (result,) = run([flow], [{"name": "x", "inputs": inputs("admission", months=12), "expect": expect}])
        return result

    def test_any_column_of_a_table_is_compared(self) -> None:
        assert self.of({"offer.cents": 100, "rate": None}).passed
        assert self.of({"offer.cents": 200}).differences == ("offer.cents: 200 expected, 100 got",)

    def test_a_field_that_it_never_answers_is_named(self) -> None:
        assert self.of({"price": None}).error == "it never answers 'price': it answers rate, offer"

    def test_what_a_flow_asks_and_passes_on_is_among_its_fields(self) -> None:
        assert answered(credit_flows())[:3] == ("outcome", "grade", "score")
        assert answered([FLOWS["credit_score"]]) == ("outcome", "score", "complete", "missing", "lost", "reasons")

    def test_a_table_is_expected_to_say_all_that_it_says(self) -> None:
        assert expectation({"rate": "a", "cents": 1}) == {"rate": "a", "cents": 1}


class TestCoverage:
    def test_counts_rules_and_their_unknowns_once(self) -> None:
        (hit,) = admission({"outcome": "decline"}, age_years=17)
        (unknown,) = admission({"outcome": "refer"}, open_loans=None)
        found = coverage([FLOWS["admission"]], [hit.trace, unknown.trace])
        names = {rule["id"] for rule in RULES["rules"]}
        unknowns = {f"{rule['id']}: unknown" for rule in RULES["rules"] if rule["unknown"] != "pass"}
        unknowns -= {"purpose_allowed: unknown"}  # an application always has a purpose
        assert found.total == len(names) + len(unknowns)
        assert found.hit == 2
        assert {label for _, label in found.missing} == (names | unknowns) - {"adult", "three_notes: unknown"}

    def test_tells_rows_of_the_flow_apart_from_what_it_asks(self) -> None:
        (result,) = run(credit_flows(), [{"inputs": inputs("credit"), "expect": {"outcome": "approve"}}])
        found = coverage(credit_flows(), [result.trace])
        assert ("grade", "row 3: card.score >= 642") not in found.missing
        assert found.hit == 2  # a grade and a limit
        below = dict(found.below)
        assert below["credit_rules"].hit == 0
        assert below["credit_score"].hit == 7  # one bin of each block
        assert below["credit_score"].total == sum(
            len(block["bins"]) for block in json.loads((DATA / "scorecard.json").read_text())["blocks"]
        )

    def test_counts_branches_of_a_switch_and_what_only_one_of_them_asks(self) -> None:
        schema = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
        drawn = graph(
            input_node(schema),
            {
                "id": "way",
                "type": "switchNode",
                "name": "way",
                "content": {"statements": [{"id": "low", "condition": "x < 5"}, {"id": "high", "condition": ""}]},
            },
            [
                expression("answer", {"outcome": "'approve'"}),
                decision("asked", "below", output_path="below") | {"id": "asked"},
            ],
            output_node(),
        )
        for edge, branch in (("way-answer", "low"), ("way-asked", "high")):
            next(each for each in drawn["edges"] if each["id"] == edge)["sourceHandle"] = branch
        lower = graph(
            input_node(schema),
            table("rows", ["x"], ["outcome"], [{"x": "> 7", "outcome": "'refer'"}, {"outcome": "'decline'"}]),
            output_node(),
        )
        flows = [Flow("root", drawn, file="root.json"), Flow("below", lower, file="below.json")]
        assert units(flows[0]) == [("way", "x < 5"), ("way", "otherwise")]
        traces = {x: run(flows, [{"inputs": {"x": x}, "expect": {"grade": None}}])[0].trace for x in (1, 6, 9)}
        low = coverage(flows, [traces[1]])
        assert (low.total, low.hit, low.missing) == (2, 1, (("way", "otherwise"),))
        assert [(key, part.hit) for key, part in low.below] == [("below", 0)]
        both = coverage(flows, traces.values())
        assert both.percent == 100
        assert [(key, part.hit, part.total) for key, part in both.below] == [("below", 2, 2)]
        assert coverage(flows, [traces[6]]).below[0][1].missing == (("rows", "row 1: x > 7"),)


def cover(flows: list[Flow], authored: Any, scenario: str, done: list[Any] | None = None) -> Any:
    bases = [inputs(scenario, row) for row in range(1, 301)]
    proposed = suggest(flows, authored=authored, variables=catalogue(), done=done or [], bases=bases)
    results = run(flows, [*(done or []), *proposed])
    assert [result for result in results if not result.passed] == []
    return proposed, coverage(flows, [result.trace for result in results])


class TestSuggest:
    @pytest.mark.parametrize("name", ["admission", "antifraud", "credit_rules", "drawdown"])
    def test_reaches_every_rule_of_the_shipped_rule_sets(self, name: str) -> None:
        authored = json.loads((DATA / "rulesets" / f"{name}.json").read_text(encoding="utf-8"))
        proposed, found = cover([FLOWS[name]], authored, authored["scenario"])
        assert found.missing == ()
        assert proposed
        assert cover([FLOWS[name]], authored, authored["scenario"], proposed)[0] == []

    def test_finds_rows_of_the_sample_for_tables_over_made_values(self) -> None:
        _, found = cover(credit_flows(), {}, "credit")
        assert found.percent >= 80, found.missing

    def test_solves_rows_of_a_table_over_inputs_with_the_rest_row(self) -> None:
        rates = table(
            "limits",
            ["province", "open_loans", "id_expired"],
            ["outcome"],
            [
                {"province": '"HK", "MO"', "outcome": "'decline'"},
                {"province": '$ in ["TW"]', "open_loans": "[7..9)", "outcome": "'decline'"},
                {"open_loans": "> 1000", "id_expired": "true", "outcome": "'refer'"},
                {"open_loans": "null", "outcome": "'refer'"},
                {"outcome": "'approve'"},
            ],
        )
        flow = replace(FLOWS["admission"], key="limits", graph=graph(input_node(SCHEMA), rates, output_node()))
        proposed, found = cover([flow], {}, "admission")
        assert found.missing == ()
        assert len(proposed) == 5

    def test_reaches_groups_and_their_unknowns(self) -> None:
        when = {
            "any": [
                {"all": [{"variable": "age_years", "operator": "between", "value": [18, 21]},
                         {"variable": "open_loans", "operator": ">", "value": 1}]},
                {"variable": "product", "operator": "=", "value": "BIZ"},
            ]
        }  # fmt: skip
        known = {"all": [{"variable": "months", "operator": ">", "value": 12}]}
        authored = {
            "rules": [
                {"id": "young", "when": when, "reason": "H01", "action": "decline", "unknown": "hit"},
                {"id": "long", "when": known, "reason": "H01", "action": "refer", "unknown": "refer"},
            ]
        }
        flow = Flow("groups", compile_rules({**authored, "key": "groups", "schema": SCHEMA}), file="groups.json")
        proposed, found = cover([flow], authored, "admission")
        assert found.missing == ()
        assert [label for _, label in units(flow)] == ["young", "young: unknown", "long"]
        assert len(proposed) == 3

    def test_proposes_nothing_for_a_rule_that_can_never_hold(self) -> None:
        when = {"all": [{"variable": "age_years", "operator": op, "value": 5} for op in ("<", ">")]}
        authored = {"rules": [{"id": "never", "when": when, "reason": "H01", "action": "decline", "unknown": "pass"}]}
        flow = Flow("never", compile_rules({**authored, "key": "never", "schema": SCHEMA}), file="never.json")
        proposed, found = cover([flow], authored, "admission")
        assert proposed == []
        assert found.missing == (("rules", "never"),)
