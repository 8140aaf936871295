"""Every way in which a flow fails in silence is told before release, with the node and the cell."""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from risk.rules import engine
from risk.rules.document import ENGINE, Flow, Unreadable, export, read
from risk.rules.gate import Problem, check
from risk.rules.jdm import decision, expression, graph, input_node, output_node, table
from risk.rules.strategy import shipped_flows

SCHEMA = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
Edit = Callable[[dict[str, Any]], object]
ANYTHING = st.sampled_from([None, True, 7, -1.5, "", "x", "> (", [], [1], [{}], {}, {"a": 1}])


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every part of a document."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, part in parts:
        yield (*above, name)
        yield from places(part, (*above, name))


def sound() -> dict[str, Any]:
    """An envelope without a fault: input → table → expression → output."""
    rows = [{"age": "< 18", "outcome": '"decline"'}, {"outcome": '"approve"'}]
    rates = table("ages", ["age"], ["outcome"], rows)
    last = expression("answer", {"outcome": "outcome", "limit_cents": "outcome == 'approve' ? 100000 : 0"})
    return export(key="ages", scenario="admission", graph=graph(input_node(SCHEMA), rates, last, output_node()))


def flow(document: object, file: str = "ages.json") -> Flow:
    return read(json.dumps(document), file=file)


def problems(edit: Edit, document: dict[str, Any] | None = None) -> list[Problem]:
    document = deepcopy(document or sound())
    edit(document)
    return check([flow(document)])


def node(document: dict[str, Any], id_: str) -> dict[str, Any]:
    return next(item for item in document["graph"]["nodes"] if item["id"] == id_)


def content(document: dict[str, Any], id_: str) -> dict[str, Any]:
    found: dict[str, Any] = node(document, id_)["content"]
    return found


def schema_of(age: dict[str, Any]) -> Edit:
    """The input's schema with another description of `age`."""
    text = json.dumps({"type": "object", "properties": {"age": age}})
    return lambda d: content(d, "input").update(schema=text)


def with_switch(document: dict[str, Any]) -> None:
    """Put a switch with two branches, each with an answer of its own, in place of the table."""
    statements = [{"id": "young", "condition": "age < 18"}, {"id": "rest", "condition": ""}]
    switch = {
        "id": "fork",
        "type": "switchNode",
        "name": "fork",
        "content": {"hitPolicy": "first", "statements": statements},
    }
    no, yes = expression("no", {"outcome": "'decline'"}), expression("yes", {"outcome": "'approve'"})
    document["graph"]["nodes"] = [input_node(SCHEMA), switch, no, yes, output_node()]
    document["graph"]["edges"] = [
        {"id": "1", "sourceId": "input", "targetId": "fork"},
        {"id": "2", "sourceId": "fork", "sourceHandle": "young", "targetId": "no"},
        {"id": "3", "sourceId": "fork", "sourceHandle": "rest", "targetId": "yes"},
        {"id": "4", "sourceId": "no", "targetId": "output"},
        {"id": "5", "sourceId": "yes", "targetId": "output"},
    ]


def set_cell(document: dict[str, Any], row: int, column: str, text: object) -> None:
    content(document, "ages")["rules"][row][column] = text


TRAPS: dict[str, tuple[Edit, str, str, str]] = {
    # what is done: (edit, node, field, code)
    "an input cell as bracket completion leaves it": (
        lambda d: set_cell(d, 0, "ages-in-age", "< 18)"),
        "ages",
        "rules[0].age",
        "broken_cell",
    ),
    "a dash for any": (lambda d: set_cell(d, 1, "ages-in-age", "-"), "ages", "rules[1].age", "broken_cell"),
    "a cell that is a number": (lambda d: set_cell(d, 0, "ages-in-age", 18), "ages", "rules[0].age", "broken_cell"),
    "an output cell": (
        lambda d: set_cell(d, 1, "ages-out-outcome", "approve("),
        "ages",
        "rules[1].outcome",
        "broken_output",
    ),
    "an expression": (
        lambda d: content(d, "answer")["expressions"][1].update(value="age >"),
        "answer",
        "expressions[1].limit_cents",
        "broken_expression",
    ),
    "an empty expression": (
        lambda d: content(d, "answer")["expressions"][1].update(value=""),
        "answer",
        "expressions[1].limit_cents",
        "broken_expression",
    ),
    "a column's field": (
        lambda d: content(d, "ages")["inputs"][0].update(field="age +"),
        "ages",
        "inputs.ages-in-age.field",
        "broken_expression",
    ),
    "an input field": (
        lambda d: content(d, "ages").update(inputField="a..b"),
        "ages",
        "inputField",
        "broken_expression",
    ),
    "a second column with one id": (
        lambda d: content(d, "ages")["outputs"].append({"id": "ages-out-outcome", "field": "x"}),
        "ages",
        "outputs.ages-out-outcome",
        "duplicate_column_id",
    ),
    "an expression written twice": (
        lambda d: content(d, "answer")["expressions"].append({"id": "x", "key": "outcome", "value": "1"}),
        "answer",
        "expressions",
        "duplicate_expression_key",
    ),
    "the clock in a cell": (
        lambda d: set_cell(d, 0, "ages-in-age", "$ < date('now')"),
        "ages",
        "rules[0].age",
        "clock",
    ),
    "the clock without an argument": (
        lambda d: content(d, "answer")["expressions"][1].update(value="d().year()"),
        "answer",
        "expressions[1].limit_cents",
        "clock",
    ),
    "chance": (
        lambda d: content(d, "answer")["expressions"][1].update(value="rand(100)"),
        "answer",
        "expressions[1].limit_cents",
        "random",
    ),
    "an integer past 64 bits": (
        lambda d: content(d, "answer")["expressions"][1].update(value="9223372036854775808"),
        "answer",
        "expressions[1].limit_cents",
        "number_out_of_range",
    ),
    "two nodes with one id": (
        lambda d: d["graph"]["nodes"].append(expression("answer", {"outcome": "1"})),
        "answer",
        "id",
        "duplicate_node_id",
    ),
    "two edges with one id": (
        lambda d: d["graph"]["edges"].append(d["graph"]["edges"][0]),
        "",
        "id",
        "duplicate_edge_id",
    ),
    "a node without an id": (lambda d: node(d, "answer").pop("id"), "", "id", "no_id"),
    "no edges": (lambda d: d["graph"].update(edges=[]), "", "edges", "no_edges"),
    "an edge to a missing node": (
        lambda d: d["graph"]["edges"].append({"id": "x", "sourceId": "ages", "targetId": "gone"}),
        "ages",
        "edges",
        "missing_node",
    ),
    "a circle": (
        lambda d: d["graph"]["edges"].append({"id": "x", "sourceId": "answer", "targetId": "ages"}),
        "ages",
        "edges",
        "cycle",
    ),
    "a node nobody reaches": (
        lambda d: d["graph"]["nodes"].append(expression("lonely", {"outcome": "1"})),
        "lonely",
        "edges",
        "unreachable_node",
    ),
    "a path that ends before the output": (
        lambda d: d["graph"]["edges"].pop(),
        "answer",
        "edges",
        "dead_end",
    ),
    "an answer without an outcome": (
        lambda d: content(d, "answer")["expressions"].pop(0),
        "output",
        "outcome",
        "no_outcome",
    ),
    "a row without an outcome": (
        lambda d: (
            set_cell(d, 0, "ages-out-outcome", ""),
            d["graph"]["nodes"].pop(2),
            d["graph"].update(
                edges=[
                    {"id": "1", "sourceId": "input", "targetId": "ages"},
                    {"id": "2", "sourceId": "ages", "targetId": "output"},
                ]
            ),
        ),
        "output",
        "outcome",
        "no_outcome",
    ),
    "no input node": (lambda d: node(d, "input").update(type="outputNode"), "", "nodes", "input_node"),
    "no default row": (lambda d: content(d, "ages")["rules"].pop(), "ages", "rules", "no_default_row"),
    "a row that hides those below": (
        lambda d: content(d, "ages")["rules"].reverse(),
        "ages",
        "rules[0]",
        "unreachable_row",
    ),
    "a column of a variable that nobody brings": (
        lambda d: content(d, "ages")["inputs"][0].update(field="aeg"),
        "ages",
        "inputs.ages-in-age.field",
        "unknown_variable",
    ),
    "rules that are no list": (
        lambda d: content(d, "ages").update(rules={"a": 1}),
        "ages",
        "rules",
        "invalid_content",
    ),
    "a row that is no object": (
        lambda d: content(d, "ages").update(rules=[1]),
        "ages",
        "rules[0]",
        "invalid_content",
    ),
    "an unknown hit policy": (
        lambda d: content(d, "ages").update(hitPolicy="any"),
        "ages",
        "hitPolicy",
        "unknown_hit_policy",
    ),
    "no schema": (lambda d: content(d, "input").clear(), "input", "schema", "no_schema"),
    "a schema that is no JSON": (lambda d: content(d, "input").update(schema="{"), "input", "schema", "invalid_schema"),
    "a schema with a type that does not exist": (schema_of({"type": "integr"}), "input", "schema", "invalid_schema"),
    "a schema with a broken pattern": (schema_of({"pattern": "("}), "input", "schema", "invalid_schema"),
    "a schema fetched while deciding": (
        schema_of({"$ref": "http://127.0.0.1:1/x"}),
        "input",
        "schema",
        "invalid_schema",
    ),
    "a schema that reads a file": (schema_of({"$ref": "file:///etc/hostname"}), "input", "schema", "invalid_schema"),
    "the clock's name stored for a date": (
        lambda d: content(d, "answer").update(
            expressions=[{"key": "word", "value": "'now'"}, {"key": "outcome", "value": "date($.word)"}]
        ),
        "answer",
        "expressions[0].value",
        "clock",
    ),
    "a function": (
        lambda d: node(d, "answer").update(type="functionNode", content="export const handler = async () => ({})"),
        "answer",
        "type",
        "function_node",
    ),
    "a node the engine does not have": (
        lambda d: node(d, "answer").update(type="httpNode"),
        "answer",
        "type",
        "unknown_node_type",
    ),
    "a sub-decision that is not there": (
        lambda d: d["graph"]["nodes"].__setitem__(2, decision("answer", "gone", output_path="x")),
        "answer",
        "key",
        "missing_decision",
    ),
    "another schema version": (lambda d: d.update(schema_version=2), "", "schema_version", "schema_version"),
    "no schema version": (lambda d: d.pop("schema_version"), "", "schema_version", "schema_version"),
    "another engine": (lambda d: d.update(engine="zen-engine 1.0.0"), "", "engine", "engine_version"),
    "a scenario nobody knows": (lambda d: d.update(scenario="lunch"), "", "scenario", "unknown_scenario"),
    "a field nobody knows": (lambda d: d.update(colour="blue"), "", "colour", "unknown_field"),
}


class TestCheck:
    def test_finds_nothing_in_a_sound_flow(self) -> None:
        assert problems(lambda _: None) == []

    def test_finds_nothing_in_the_shipped_strategy(self) -> None:
        assert check(shipped_flows()) == []

    @pytest.mark.parametrize("trap", TRAPS)
    def test_names_the_node_and_the_cell_of(self, trap: str) -> None:
        edit, at_node, field, code = TRAPS[trap]
        assert (at_node, field, code) in [(found.node, found.field, found.code) for found in problems(edit)]

    def test_quotes_the_broken_cell(self) -> None:
        (found,) = problems(lambda d: set_cell(d, 0, "ages-in-age", "< 18)"))
        assert found.file == "ages.json"
        assert "'< 18)'" in found.message

    @pytest.mark.parametrize(
        "text",
        [
            *(
                "date('now')",
                'date("now")',
                "year('now')",
                "dateString('now')",
                "startOf('now', 'day')",
                "time('now')",
                "d()",
            ),
            *("d('Europe/Berlin')", "d('2024-01-01').diff(d())", "d('2024-01-01').isToday()", "date(`n${'ow'}`)"),
            *("date('no' + 'w')", "[date('now')][0]", "`${date('now')}`", "d ( )"),
            *("date(lower('NOW'))", "date('no' + lower('W'))", "date(split('now,x', ',')[0])", "d(upper('utc'))"),
            *("date(as_of ?? 'now')", "map(['now'], date(#))", "date(age > 1 ? ' NOW ' : as_of)"),
        ],
    )
    def test_refuses_every_way_to_the_clock(self, text: str) -> None:
        found = problems(lambda d: content(d, "answer")["expressions"][1].update(value=text))
        assert [problem.code for problem in found] == ["clock"]

    @pytest.mark.parametrize(
        "text", ["date(as_of)", "d(as_of).year()", "d('2024-02-01').month()", "now", "'now()'", "brand(1)"]
    )
    def test_lets_dates_from_the_input_pass(self, text: str) -> None:
        found = problems(lambda d: content(d, "answer")["expressions"][1].update(value=text))
        assert "clock" not in [problem.code for problem in found]

    def test_lets_the_cells_of_the_engine_pass(self) -> None:
        """`validate_unary_expression` of this engine's version calls most of these broken."""
        for cell in (
            "> 5",
            ">=5",
            "18, 19",
            "[1..5]",
            "(1..5]",
            "$ in [1, 2]",
            "> 5 and < 7",
            "null",
            "true",
            "$ > 1 or $ == null",
        ):
            assert problems(lambda d, cell=cell: set_cell(d, 0, "ages-in-age", cell)) == [], cell

    def test_a_switch_whose_branches_all_answer_is_sound(self) -> None:
        assert problems(with_switch) == []

    @pytest.mark.parametrize(
        ("edit", "field", "code"),
        [
            (lambda d: d["graph"]["edges"].pop(2), "statements[1]", "dead_end"),
            (
                lambda d: content(d, "fork")["statements"][0].update(condition="age <"),
                "statements[0].condition",
                "broken_condition",
            ),
            (
                lambda d: content(d, "fork")["statements"][1].update(condition="age > 60"),
                "statements",
                "no_default_branch",
            ),
            (lambda d: d["graph"]["edges"][1].update(sourceHandle="gone"), "edges", "missing_branch"),
            (lambda d: content(d, "fork")["statements"].reverse(), "statements[0]", "unreachable_branch"),
            (
                lambda d: content(d, "fork")["statements"][1].update(id="young"),
                "statements",
                "duplicate_statement_id",
            ),
        ],
    )
    def test_a_switch_with(self, edit: Edit, field: str, code: str) -> None:
        document = sound()
        with_switch(document)
        assert ("fork", field, code) in [(found.node, found.field, found.code) for found in problems(edit, document)]

    def test_one_branch_without_an_outcome_is_enough(self) -> None:
        document = sound()
        with_switch(document)
        content(document, "yes")["expressions"][0]["key"] = "tags"
        assert [found.code for found in check([flow(document)])] == ["no_outcome"]


class TestAnyDocument:
    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def test_is_judged_without_falling_over(self, data: st.DataObject) -> None:
        """One part of a sound flow replaced by anything: a list of problems comes back, or it is named no flow."""
        document = sound()
        place = data.draw(st.sampled_from(list(places(document))))
        inside = document
        for step in place[:-1]:
            inside = inside[step]
        inside[place[-1]] = data.draw(ANYTHING)
        try:
            told = check([flow(document)])
        except Unreadable:
            return
        assert all(isinstance(getattr(problem, name), str) for problem in told for name in ("file", "node", "field"))


class TestSets:
    def caller(self, of: str) -> dict[str, Any]:
        last = expression("answer", {"outcome": "below.outcome"})
        inner = decision("ask", of, output_path="below")
        return export(key="caller", scenario="admission", graph=graph(input_node(SCHEMA), inner, last, output_node()))

    def chain(self, length: int) -> list[Flow]:
        """`length` flows, each asking the next; the last one answers."""
        documents = [self.caller(f"f{number + 1}") | {"key": f"f{number}"} for number in range(length - 1)]
        documents.append(sound() | {"key": f"f{length - 1}"})
        return [flow(document, f"{document['key']}.json") for document in documents]

    def test_resolve_references_among_the_files(self) -> None:
        assert check([flow(self.caller("ages"), "caller.json"), flow(sound())]) == []
        assert check([flow(self.caller("ages.json"), "caller.json"), flow(sound(), "dir/ages.json")]) == []

    def test_refuse_two_files_with_one_key(self) -> None:
        assert {found.code for found in check([flow(sound(), "a.json"), flow(sound(), "b.json")])} == {"duplicate_key"}

    def test_refuse_flows_that_ask_each_other(self) -> None:
        documents = [self.caller("second") | {"key": "first"}, self.caller("first") | {"key": "second"}]
        found = check([flow(document, f"{document['key']}.json") for document in documents])
        assert {problem.code for problem in found} == {"decision_cycle"}

    def test_refuse_what_the_engine_finds_too_deep(self) -> None:
        deepest = self.chain(5)
        assert check(deepest) == []
        assert engine.evaluate(engine.load(deepest)["f0"], {"age": 30})["outcome"] == "approve"
        too_deep = self.chain(6)
        assert [(found.file, found.code) for found in check(too_deep)] == [("f0.json", "too_deep")]
        with pytest.raises(engine.EvaluationFailed, match="Depth"):
            engine.evaluate(engine.load(too_deep)["f0"], {"age": 30})


class TestBareGraph:
    def test_needs_neither_schema_nor_outcome(self) -> None:
        bare = sound()["graph"]
        bare["nodes"][0]["content"] = {}
        bare["nodes"][2] = expression("answer", {"x": "1"})
        assert check([flow(bare, "bare.json")]) == []

    def test_is_held_to_everything_else(self) -> None:
        bare = sound()["graph"]
        bare["edges"].pop()
        assert "dead_end" in [found.code for found in check([flow(bare, "bare.json")])]


class TestNormalise:
    def test_takes_the_null_description_that_stops_the_engine(self) -> None:
        def leave_null(document: dict[str, Any]) -> None:
            set_cell(document, 0, "_description", None)

        assert problems(leave_null) == []
        document = sound()
        leave_null(document)
        address = engine.load([flow(document)])["ages"]
        assert engine.evaluate(address, {"age": 17})["outcome"] == "decline"

    def test_the_export_names_form_and_engine(self) -> None:
        assert (sound()["schema_version"], sound()["engine"]) == (1, ENGINE)
