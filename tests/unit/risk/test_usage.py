"""What a graph reads is found word by word, in every place where the engine would look."""

from typing import Any

import pytest

from risk.rules.jdm import expression, graph, input_node, output_node, table
from risk.rules.strategy import catalogue, scenarios, shipped_flows
from risk.rules.usage import variables_read, words_of

NAMES = ("amount_cents", "months", "province", "age_years", "checking", "open_loans")


def switch(condition: str) -> dict[str, Any]:
    return {"id": "s", "type": "switchNode", "name": "s", "content": {"statements": [{"condition": condition}]}}


class TestWordsOf:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("amount_cents / months", {"amount_cents", "months"}),
            ("> 5", set()),
            ("'months' == province", {"province"}),
            ("card.months + $root.amount_cents", {"card", "$root", "amount_cents"}),
            ("$nodes.input.months > 3", {"$nodes", "input", "months"}),
            ("some(hits, #.months == 3)", {"hits", "#"}),
            ("max([months, 3])", {"months"}),
            ("`${months} of ${min([open_loans])}`", {"months", "open_loans"}),
            ("age_years < 18 ? months : amount_cents", {"age_years", "months", "amount_cents"}),
        ],
    )
    def test_are_the_names_read(self, text: str, found: set[str]) -> None:
        assert set(words_of(text)) == found


class TestVariablesRead:
    def test_come_from_columns_cells_expressions_and_conditions(self) -> None:
        rows = [{"province": "'ZJ'", "limit": "amount_cents * 2"}, {"limit": "0"}]
        found = graph(
            input_node({"properties": {"checking": {"type": "string"}}}),
            table("t", ["province"], ["limit"], rows),
            expression("e", {"open_loans": "months + 1"}),
            switch("age_years > 17"),
            output_node(),
        )
        assert variables_read(found, NAMES) == {"province", "amount_cents", "months", "age_years"}

    def test_leave_out_what_is_only_a_key_a_name_or_in_the_schema(self) -> None:
        found = graph(input_node({"properties": {"checking": {}}}), expression("months", {"open_loans": "1"}))
        assert variables_read(found, NAMES) == frozenset()

    def test_of_a_broken_graph_are_those_that_can_be_read(self) -> None:
        """A draft may be half done."""
        nodes = [
            {"id": 1},
            {"type": "decisionTableNode", "content": {"inputs": [None], "rules": "x"}},
            switch("months"),
        ]
        assert variables_read({"nodes": nodes, "edges": []}, NAMES) == {"months"}

    def test_of_the_shipped_flows_are_inputs_of_their_scenario(self) -> None:
        """What a rule set names, and nothing that its scenario does not bring."""
        read = {flow.key: variables_read(flow.graph, catalogue()) for flow in shipped_flows()}
        assert {"aml_status", "device_borrowers_7d", "white_listed", "card_borrowers_90d"} <= read["antifraud"]
        assert "verified_income_cents" in read["credit"]
        assert "checking" in read["credit_score"]
        wrong = {
            flow.key: names - set(scenarios()[flow.scenario or ""]["inputs"])
            for flow in shipped_flows()
            if (names := read[flow.key])
        }
        assert {key: names for key, names in wrong.items() if names} == {}
