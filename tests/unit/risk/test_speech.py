"""Every way to a decline ends in a reason: what is said without inputs is held against what the engine does."""

import json
import random
from collections.abc import Mapping
from typing import Any

import pytest

from risk.rules import engine, gate
from risk.rules.document import Flow, Graph, enveloped
from risk.rules.jdm import decision, expression, first_of, graph, input_node, output_node, table
from risk.rules.reasons import ReasonText
from risk.rules.speech import Speechless, speechless
from risk.rules.strategy import shipped_flows
from risk.rules.syntax import parse

SCHEMA = {
    "type": "object",
    "properties": {
        "a": {"type": ["integer", "null"]},
        "b": {"type": "boolean"},
        "l": {"type": "array", "items": {"type": "string"}},
        "t": {"type": ["string", "null"]},
    },
    "required": ["b", "l"],
}
CODES = ("A01", "B02", "C03", "N01")
REGISTER = {code: ReasonText(code, "H", 30, True, "No.", "否。") for code in CODES}
GRID = [
    {"a": a, "b": b, "l": list_, "t": t}
    for a in (None, 0, 1, 2, 3)
    for b in (True, False)
    for list_ in ([], ["A01"], ["B02", "A01"])
    for t in (None, "x", "z")
]


class Everything(dict[str, ReasonText]):
    def get(self, code: str, default: Any = None) -> Any:
        return ReasonText(code, "H", 30, True, "No.", "否。")


def found(*nodes: Any, register: Mapping[str, ReasonText] = REGISTER, asks: tuple[Flow, ...] = ()) -> list[Speechless]:
    flow = enveloped(key="f", scenario="credit", graph=graph(input_node(SCHEMA), *nodes, output_node()))
    assert gate.check([flow, *asks]) == []
    return speechless([flow, *asks], register)


def kinds(outcome: str, reasons: str, **before: str) -> list[str]:
    first = [expression("first", before, pass_through=True)] if before else []
    return [one.kind for one in found(*first, expression("says", {"outcome": outcome, "reasons": reasons}))]


class TestExpressions:
    @pytest.mark.parametrize(
        ("outcome", "reasons"),
        [
            ("'decline'", "['A01']"),
            ("b ? 'decline' : 'approve'", "b ? ['A01'] : []"),
            ("a < 3 ? 'decline' : 'approve'", "a >= 3 ? [] : ['A01', 'B02']"),
            ("'refer'", "len(l) > 0 ? filter(['A01'] as code, true) : ['N01']"),
            ("t in ['x', 'y'] ? 'refer' : 'approve'", "t == 'x' ? ['A01'] : t == 'y' ? ['B02'] : []"),
            ("some(l, # == 'A01') ? 'decline' : 'approve'", "filter(['A01'] as code, some(l, # == 'A01'))"),
            ("b ? 'decline' : 'approve'", first_of("(b ? ['A01', 'B02'] : [])", 4)),
        ],
    )
    def test_a_reason_wherever_it_declines_is_enough(self, outcome: str, reasons: str) -> None:
        assert kinds(outcome, reasons) == []

    @pytest.mark.parametrize(
        ("outcome", "reasons", "kind"),
        [
            ("'decline'", "[]", "silent"),
            ("'refer'", "['']", "silent"),
            ("b ? 'decline' : 'approve'", "b ? [] : ['A01']", "silent"),
            ("a < 3 ? 'decline' : 'approve'", "a < 2 ? ['A01'] : []", "silent"),
            ("'decline'", "'A01'", "no_list"),
            ("'decline'", "['Z99']", "unregistered"),
            ("'decline'", "filter(['A01', 'B02'] as code, code in l)", "silent"),
            ("'decline'", "len(l) > 0 ? l : ['N01']", "not_followed"),
            ("'decline'", "[t]", "not_followed"),
            ("t", "[]", "silent"),
        ],
    )
    def test_names_how_it_is_speechless(self, outcome: str, reasons: str, kind: str) -> None:
        assert kind in kinds(outcome, reasons)

    def test_says_where_and_by_which_way(self) -> None:
        rows = [{"a": "> 1", "outcome": "'decline'", "reasons": ""}, {"outcome": "'refer'", "reasons": "['N01']"}]
        (one,) = found(table("grade", ["a"], ["outcome", "reasons"], rows))
        assert (one.node, one.field, one.where) == ("grade", "rules[0].outcome", "f, table grade, row 1")
        assert one.way == ("grade: row 1",)
        assert one.message.startswith("declines without a reason")

    def test_an_expression_that_nobody_can_read_may_be_anything(self) -> None:
        assert parse("`a${t}`")[0] == "opaque"
        assert kinds("'decline'", "[`A01`]") == ["may_be_silent", "not_followed"]

    def test_codes_carried_from_a_table_that_collects_are_followed(self) -> None:
        rows = [{"a": "> 1", "code": "'A01'"}, {"b": "true", "code": "'B02'"}]
        hits = table("hits", ["a", "b"], ["code"], rows, policy="collect", output_path="hits", pass_through=True)
        says = {"outcome": "len(hits) > 0 ? 'decline' : 'approve'", "reasons": "map(hits, #.code)"}
        assert found(hits, expression("says", says)) == []
        rows[1]["code"] = "'Z99'"
        hits = table("hits", ["a", "b"], ["code"], rows, policy="collect", output_path="hits", pass_through=True)
        (one,) = found(hits, expression("says", says))
        assert (one.kind, one.where) == ("unregistered", "f, table hits, row 2")

    def test_what_a_sub_decision_may_answer_is_followed_into_it(self) -> None:
        below = enveloped(
            key="below",
            scenario="credit",
            graph=graph(
                input_node(SCHEMA),
                expression("says", {"outcome": "b ? 'decline' : 'approve'", "reasons": "b and a != 7 ? ['A01'] : []"}),
                output_node(),
            ),
        )
        says = expression("says", {"outcome": "part.outcome", "reasons": "part.reasons"})
        (one,) = found(decision("ask", "below", output_path="part"), says, asks=(below,))
        assert (one.file, one.node, one.kind) == ("below.json", "says", "silent")

    def test_each_branch_of_a_switch_is_followed(self) -> None:
        made = graph(
            input_node(SCHEMA),
            [
                expression("no", {"outcome": "'decline'", "reasons": "b ? [] : ['A01']"}),
                expression("yes", {"outcome": "'approve'", "reasons": "[]"}),
            ],
            output_node(),
        )
        for condition, expected in (("b", ["silent"]), ("not b", [])):
            flow = enveloped(key="f", scenario="credit", graph=_switched(made, condition, "no", "yes"))
            assert gate.check([flow]) == []
            assert [one.kind for one in speechless([flow], REGISTER)] == expected


class TestShipped:
    FLOWS = {flow.key: flow for flow in shipped_flows()}

    def of(self, changed: Flow) -> list[Speechless]:
        others = [flow for flow in self.FLOWS.values() if flow.key != changed.key]
        return speechless([changed, *others], Everything())

    @pytest.mark.parametrize("key", sorted(FLOWS))
    def test_every_decline_of_the_shipped_strategies_has_a_reason(self, key: str) -> None:
        assert self.of(self.FLOWS[key]) == []

    @pytest.mark.parametrize(
        ("text", "instead"),
        [
            ("['P02']", "[]"),  # who cannot afford it is told nothing
            ("$.rule_reasons, $.carried,", "$.carried,"),  # the rules decline, and their reasons are lost
            (r'"\"A\"", "grade-out-grade_action": "\"approve\""', r'"\"A\"", "grade-out-grade_action": "\"refer\""'),
            ("(card.complete ? card.reasons : ", "(card.complete ? [] : "),
        ],
    )
    def test_each_part_of_it_is_needed(self, text: str, instead: str) -> None:
        graph_text = json.dumps(self.FLOWS["credit"].graph)
        assert text in graph_text
        changed = enveloped(key="credit", scenario="credit", graph=json.loads(graph_text.replace(text, instead)))
        assert self.of(changed)


class TestAgainstTheEngine:
    def test_no_decline_without_a_reason_is_overlooked(self) -> None:
        """Flows of all kinds at random: where the engine declines in silence, the check has said so."""
        draw, silent, clean = random.Random(7), 0, 0
        while silent + clean < 150:
            flow = enveloped(key="f", scenario="credit", graph=_at_random(draw))
            if gate.check([flow]):
                continue
            address = engine.load([flow])["f"]
            said = [answer for answer in engine.evaluate_many(address, GRID) if isinstance(answer, dict)]
            in_silence = [one for one in said if one.get("outcome") in ("decline", "refer") and not one.get("reasons")]
            told = {one.kind for one in speechless([flow], REGISTER)}
            assert not in_silence or told & {"silent", "may_be_silent"}, json.dumps(flow.graph)
            silent, clean = silent + bool(in_silence), clean + (not told)
        assert silent > 30
        assert clean > 15  # what says yes to everything would be of no use


def _switched(made: Graph, condition: str, *targets: str) -> Graph:
    """The graph with a switch in front of two of its nodes."""
    statements = [{"id": "s1", "condition": condition}, {"id": "s2", "condition": ""}]
    switch = {"id": "s", "type": "switchNode", "name": "s", "content": {"hitPolicy": "first", "statements": statements}}
    before = next(edge["sourceId"] for edge in made["edges"] if edge["targetId"] == targets[0])
    edges = [edge for edge in made["edges"] if edge["targetId"] not in targets]
    edges.append({"id": "to-s", "sourceId": before, "targetId": "s"})
    edges += [
        {"id": f"s-{target}", "sourceId": "s", "targetId": target, "sourceHandle": f"s{place}"}
        for place, target in enumerate(targets, start=1)
    ]
    return {"nodes": [*made["nodes"], switch], "edges": edges}


CONDITIONS = (
    *("b", "not b", "a == null", "a == 1", "(a ?? 2) < 2", "(a ?? 0) >= 2", "len(l) > 0", "len(l) == 0"),
    *("'A01' in l", "t == 'x'", "t in ['x','y']", "contains(l, 'B02')", "some(l, # == 'A01')", "a in [1..2]", "a != 2"),
)
CELLS = {
    "a": ("", "> 1", "1", "null", "[1..2]", "< 2", "0, 2", "$ != null and $ != 1", "not in [1]"),
    "b": ("", "true", "false"),
    "t": ("", "'x'", "'x','y'", "null", "$ in ['y']"),
}


def _condition(draw: random.Random, depth: int, own: tuple[str, ...] = ()) -> str:
    if depth <= 0 or draw.random() < 0.35:
        return draw.choice((*CONDITIONS, *own))
    left, right = _condition(draw, depth - 1, own), _condition(draw, depth - 1, own)
    return draw.choice((f"({left} and {right})", f"({left} or {right})", f"not ({left})"))


def _word(draw: random.Random, depth: int, own: tuple[str, ...] = ()) -> str:
    if depth <= 0 or draw.random() < 0.4:
        return draw.choice(("'decline'", "'refer'", "'approve'"))
    return f"({_condition(draw, 1, own)} ? {_word(draw, depth - 1, own)} : {_word(draw, depth - 1, own)})"


def _reasons(draw: random.Random, depth: int, own: tuple[str, ...] = (), names: tuple[str, ...] = ()) -> str:
    if depth <= 0 or draw.random() < 0.3:
        return draw.choice(("[]", "['A01']", "['B02', 'C03']", "l", *names))
    one, other = _reasons(draw, depth - 1, own, names), _reasons(draw, depth - 1, own, names)
    return draw.choice(
        (
            f"({_condition(draw, 1, own)} ? {one} : {other})",
            f"flatMap([{one}, {other}], #)",
            f"filter({one} as one, one in {other})",
            f"filter(['A01', 'B02', 'C03'] as one, one in {one})",
            first_of(_reasons(draw, 0, own, names), 2),
            f"(len({_reasons(draw, 0, own, names)}) > 0 ? {one} : ['A01'])",
            f"map({one}, #)",
        )
    )


def _at_random(draw: random.Random) -> Graph:
    made = {"w": _word(draw, 2), "m": _reasons(draw, 2), "k": _condition(draw, 2)}
    own = ("$.k", "$.w == 'decline'", "$.w != 'approve'", "len($.m) > 0")
    made |= {"m2": _reasons(draw, 1, own, ("$.m",)), "w2": _word(draw, 1, own)}
    rows = []
    for _ in range(draw.randint(1, 4)):
        cells = {name: draw.choice(CELLS[name]) for name in draw.sample(sorted(CELLS), draw.randint(1, 2))}
        says = {"tw": draw.choice(("'decline'", "'approve'", "w")), "tr": draw.choice(("", "[]", "['A01']", "m"))}
        rows.append(cells | says)
    rows.append(draw.choice(({"tw": "'approve'", "tr": ""}, {"tw": "'decline'", "tr": "['C03']"})))
    later = ("k", "w == 'decline'", "w2 == 'refer'", "tw == 'refer'", "len(m) > 0")

    def verdict(name: str) -> Any:
        outcome = draw.choice(("w", "w2", "tw", _word(draw, 2, later)))
        reasons = draw.choice(("m", "m2", "tr", _reasons(draw, 2, later, ("m", "m2")), "tr ?? m"))
        return expression(name, {"outcome": outcome, "reasons": reasons})

    columns = (
        input_node(SCHEMA),
        expression("made", made, pass_through=True),
        table("t1", sorted(CELLS), ["tw", "tr"], rows, pass_through=True),
    )
    if draw.random() < 0.5:
        return graph(*columns, verdict("v"), output_node())
    return _switched(
        graph(*columns, [verdict("v1"), verdict("v2")], output_node()), _condition(draw, 2, later), "v1", "v2"
    )
