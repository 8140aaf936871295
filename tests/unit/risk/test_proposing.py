"""The smallest change that fits what people said, or why there is none."""

from typing import Any

import pytest

from risk.rules import proposing

RULES = {
    "key": "k",
    "rules": [{"id": "late", "action": "decline"}, {"id": "busy", "action": "refer", "tag": "lenders"}],
}


def flow(*cells: tuple[str, str, str]) -> dict[str, Any]:
    """Grades by cut-off: (cell, grade, action)."""
    rows = [{"s": cell, "g": f'"{grade}"', "a": f'"{action}"'} for cell, grade, action in cells]
    outputs = [{"id": "g", "field": "grade"}, {"id": "a", "field": "grade_action"}]
    content = {"hitPolicy": "first", "inputs": [{"id": "s", "field": "card.score"}], "outputs": outputs, "rules": rows}
    return {"nodes": [{"id": "input", "type": "inputNode"}, {"type": "decisionTableNode", "content": content}]}


GRADES = flow(
    ("null", "D", "refer"), (">= 688", "A", "approve"), (">= 642", "B", "approve"), (">= 611", "C", "approve"),
    (">= 585", "D", "refer"), ("", "E", "decline"),
)  # fmt: skip


def cells(graph: dict[str, Any]) -> list[str]:
    return [row["s"] for row in graph["nodes"][1]["content"]["rules"]]


class TestSoftened:
    @pytest.mark.parametrize(("rule", "after"), [("late", "refer"), ("busy", "tag")])
    def test_moves_the_one_rule_a_step(self, rule: str, after: str) -> None:
        change = proposing.softened(RULES, rule, ["approve"] * 5)
        changed = {row["id"]: row["action"] for row in change.authored["rules"]}
        assert changed == {"late": "decline", "busy": "refer"} | {rule: after}
        assert RULES["rules"][0]["action"] == "decline"  # type: ignore[index]

    @pytest.mark.parametrize(
        ("rule", "said", "why"),
        [
            ("late", ["approve", "decline"], "did not all approve"),
            ("late", ["decline"], "did not all approve"),
            ("gone", ["approve"], "no rule gone"),
        ],
    )
    def test_guesses_nothing(self, rule: str, said: list[str], why: str) -> None:
        with pytest.raises(proposing.NothingComputed, match=why):
            proposing.softened(RULES, rule, said)


class TestMovedCutOff:
    @pytest.mark.parametrize(
        ("scores", "said", "place", "cell", "grade"),
        [
            ([642, 655], "decline", 2, ">= 656", "C"),
            ([688], "decline", 1, ">= 689", "B"),
            ([611, 620], "decline", 3, ">= 621", "D"),
            ([590, 600], "approve", 3, ">= 590", "C"),
        ],
    )
    def test_moves_one_and_says_the_grade(
        self, scores: list[int], said: str, place: int, cell: str, grade: str
    ) -> None:
        change = proposing.moved_cut_off(GRADES, scores, [said] * 5)
        expected = cells(GRADES)
        expected[place] = cell
        assert (cells(change.authored), change.grade) == (expected, grade)
        assert cells(GRADES)[2] == ">= 642"

    @pytest.mark.parametrize(
        ("scores", "said", "why"),
        [
            ([650], ["approve", "decline"], "different things"),
            ([], ["decline"], "different things"),
            ([650, 690], ["decline"], "several grades"),
            ([650, 687], ["decline"], "leave no grade B"),
            ([500], ["decline"], "Below grade E"),
            ([650], ["approve"], "approved as it is"),
            ([585], ["approve"], "leave no grade D"),
            ([500], ["approve"], "not approved either"),
        ],
    )
    def test_guesses_nothing(self, scores: list[int], said: list[str], why: str) -> None:
        with pytest.raises(proposing.NothingComputed, match=why):
            proposing.moved_cut_off(GRADES, scores, said)

    @pytest.mark.parametrize("graph", [{"nodes": []}, flow(("[1..5]", "A", "approve"), ("", "E", "decline"))])
    def test_reads_only_cut_offs(self, graph: dict[str, Any]) -> None:
        with pytest.raises(proposing.NothingComputed):
            proposing.moved_cut_off(graph, [600], ["decline"])
