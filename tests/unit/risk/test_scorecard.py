"""The scorecard's own form: what is wrong is named with block and bin; what is right scores as written."""

import json
from typing import Any

import pytest

from risk.rules import scorecard
from risk.rules.catalogue import VariableSpec, input_schema
from risk.rules.engine import evaluate_once
from risk.rules.strategy import DATA, catalogue

VARIABLES = {
    name: VariableSpec(name, kind, True, "", "")
    for name, kind in {
        "months": "int",
        "savings": "text",
        "black_listed": "bool",
        "as_of": "date",
        "age_years": "int",
        "sex": "text",
    }.items()
}


def block(variable: str = "months", *bins: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"variable": variable, "reason": "S02", "bins": list(bins)} | more


def number(low: int | None, high: int | None, points: Any = 1) -> dict[str, Any]:
    return {"from": low, "to": high, "points": points}


def words(*values: Any, points: int = 1) -> dict[str, Any]:
    return {"values": list(values), "points": points}


GOOD = block("months", number(None, 12, 10), number(12, None, -5))


def card(*blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    whole = {"base_points": 500, "pdo": 40, "anchor_score": 600, "anchor_odds": 20, "missing": "refer"}
    return whole | {"blocks": list(blocks)} | more


def faults(*blocks: dict[str, Any], **more: Any) -> list[tuple[str, str, str]]:
    return [fault[:3] for fault in scorecard.faults(card(*blocks, **more), VARIABLES)]


class TestFaults:
    def test_has_nothing_against_the_shipped_card(self) -> None:
        shipped = json.loads((DATA / "scorecard.json").read_text(encoding="utf-8"))
        assert list(scorecard.faults(shipped, catalogue())) == []

    @pytest.mark.parametrize(
        ("bins", "fault"),
        [
            ([number(None, 12), number(13, None)], ("bin 2", "gap")),
            ([number(None, 12), number(11, None)], ("bin 2", "overlap")),
            ([number(None, 12), number(None, None)], ("bin 2", "overlap")),
            ([number(0, None)], ("bin 1", "gap")),
            ([number(None, 12)], ("bins", "gap")),
            ([number(None, 12), number(12, 12), number(12, None)], ("bin 2", "empty_bin")),
            ([words("low")], ("bin 1", "wrong_type")),
            ([number(None, None, 1.5)], ("bin 1 points", "not_whole")),
            ([number(None, None, None)], ("bin 1 points", "not_whole")),
            ([number(None, None) | {"lost": "2"}], ("bin 1 lost", "not_whole")),
            ([{"unknown": True, "points": 1}], ("bins", "gap")),
            ([number(None, None), {"unknown": True, "points": 1}, {"unknown": True, "points": 2}], ("bins", "overlap")),
            ([], ("bins", "no_bins")),
        ],
    )
    def test_names_the_bin_of_a_number(self, bins: list[dict[str, Any]], fault: tuple[str, str]) -> None:
        assert faults(block("months", *bins)) == [("months", *fault)]

    @pytest.mark.parametrize(
        ("variable", "bins", "fault"),
        [
            ("savings", [words("low"), words("low", "high")], ("bin 2", "overlap")),
            ("savings", [words()], ("bin 1", "empty_bin")),
            ("savings", [words('a"b')], ("bin 1", "bad_value")),
            ("savings", [words(True)], ("bin 1", "wrong_type")),
            ("black_listed", [words(True)], ("bins", "gap")),
            ("black_listed", [words("yes")], ("bin 1", "wrong_type")),
        ],
    )
    def test_names_the_bin_of_a_text_and_of_yes_and_no(
        self, variable: str, bins: list[dict[str, Any]], fault: tuple[str, str]
    ) -> None:
        found = faults(block(variable, *bins))
        assert found[0] == (variable, *fault)

    def test_finds_a_value_of_the_data_that_no_bin_takes(self) -> None:
        assert faults(block("savings", words("low"), seen=["low", "high"])) == [("savings", "bins", "gap")]

    @pytest.mark.parametrize(
        ("variable", "code"),
        [
            ("age_years", "protected_variable"),
            ("sex", "protected_variable"),
            ("shoe_size", "unknown_variable"),
            ("as_of", "wrong_type"),
        ],
    )
    def test_refuses_a_variable(self, variable: str, code: str) -> None:
        assert (variable, "variable", code) in faults(block(variable, number(None, None)))

    @pytest.mark.parametrize(
        ("name", "value"),
        [("pdo", 0), ("pdo", 40.5), ("base_points", 9_999), ("anchor_odds", 0), ("anchor_score", None), ("pdo", True)],
    )
    def test_refuses_a_scale_out_of_bounds(self, name: str, value: Any) -> None:
        assert faults(GOOD, **{name: value}) == [("", name, "out_of_bounds")]

    def test_refuses_a_partial_sum_a_second_count_and_a_silent_reason(self) -> None:
        assert faults(GOOD, missing="sum") == [("", "missing", "unknown_choice")]
        assert faults(GOOD, GOOD) == [("months", "variable", "duplicate_variable")]
        assert faults(GOOD | {"reason": ""}) == [("months", "reason", "no_reason")]
        assert faults() == [("", "blocks", "no_blocks")]

    @pytest.mark.parametrize("rubbish", [None, 1, "x", [], [None], {"blocks": 3}])
    def test_survives_what_is_no_card(self, rubbish: Any) -> None:
        blocks = rubbish if isinstance(rubbish, list) else [rubbish]
        assert faults(*blocks) != []


class TestCompiled:
    def score(self, written: dict[str, Any], **inputs: Any) -> dict[str, Any]:
        graph = scorecard.compile_card(written, input_schema(VARIABLES.values()))
        return evaluate_once(graph, inputs)

    CARD = card(
        GOOD,
        block("savings", words("low", points=-20), words("high", "very high", points=7), reason="S04"),
        block("black_listed", words(True, points=-3), words(False, points=0), reason="S01"),
    )

    def test_sums_the_points_and_ranks_the_reasons_by_points_lost(self) -> None:
        said = self.score(self.CARD, months=12, savings="low", black_listed=True)
        assert (said["score"], said["outcome"], said["complete"]) == (500 - 5 - 20 - 3, "approve", True)
        assert said["reasons"] == ["S04", "S02", "S01"]
        assert said["lost"] == {"S02": 15, "S04": 27, "S01": 3}

    @pytest.mark.parametrize(("missing", "outcome"), [("refer", "refer"), ("refuse", "decline")])
    @pytest.mark.parametrize("savings", [None, "unheard-of"])
    def test_is_never_a_partial_sum(self, missing: str, outcome: str, savings: str | None) -> None:
        said = self.score(self.CARD | {"missing": missing}, months=12, savings=savings, black_listed=False)
        assert (said.get("score"), said["outcome"], said["reasons"]) == (None, outcome, ["N01"])
        assert said["missing"] == ["savings"]

    def test_scores_the_unknown_where_it_has_a_bin(self) -> None:
        bins = [*GOOD["bins"], {"unknown": True, "points": -2}]
        written = card(block("months", *bins))
        assert [self.score(written, months=months)["score"] for months in (11, 12, None)] == [510, 495, 498]

    def test_counts_the_points_lost_as_written_where_they_are(self) -> None:
        written = card(block("months", number(None, 12, 10), number(12, None, -5) | {"lost": 0}))
        assert self.score(written, months=20)["reasons"] == []


class TestScoreRange:
    def test_is_the_sum_of_the_least_and_of_the_best(self) -> None:
        assert scorecard.score_range(TestCompiled.CARD) == (500 - 5 - 20 - 3, 500 + 10 + 7)

    def test_is_not_told_while_points_are_missing(self) -> None:
        assert scorecard.score_range(card(block("months", number(None, None, None)))) is None


class TestRescaled:
    BUILT = card(
        block("months", number(None, 12) | {"woe": 0.5}, number(12, None) | {"woe": -0.25}, coefficient=0.8),
        intercept=2.0,
    )

    def test_twice_the_points_to_double_the_odds_are_twice_the_points(self) -> None:
        plain = scorecard.rescaled(self.BUILT, pdo=20, anchor_score=600, anchor_odds=1)
        wide = scorecard.rescaled(self.BUILT, pdo=40, anchor_score=600, anchor_odds=1)
        # by hand: 20 / ln 2 = 28.854; × 0.8 × 0.5 = 11.54; × 0.8 × -0.25 = -5.77; 600 + 28.854 × 2 = 657.7
        assert [bin_["points"] for bin_ in plain["blocks"][0]["bins"]] == [12, -6]
        assert plain["base_points"] == 658
        assert [bin_["points"] for bin_ in wide["blocks"][0]["bins"]] == [23, -12]

    def test_refuses_points_written_by_hand(self) -> None:
        with pytest.raises(ValueError, match="written by hand"):
            scorecard.rescaled(card(GOOD, intercept=1.0), pdo=20, anchor_score=600, anchor_odds=1)
