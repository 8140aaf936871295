"""The summary of a backtest, against small cases counted by hand, and rows as they are tried."""

from typing import Any

import numpy as np
import pytest

from risk.rules import backtesting, engine, fairness, sample, strategy, trials
from risk.rules.backtesting import Tally
from risk.rules.trials import Plan, Said

KNOWN = strategy.scenarios()["credit"]["inputs"]


def tried(ref: str, now: Said, before: Said | None = None, bad: bool | None = None, **groups: str) -> list[Any]:
    return [ref, bad, groups, list(now), list(before) if before else None]


YES = Said("approve", (), 700, "A", 1_000_000, "0.108")
NO = Said("decline", ("S01", "S02"), 500, "E")
MAYBE = Said("refer", ("N01",), None, "D", 500_000, "0.204")
BROKEN = Said("error", fault=("node_error", "input", "months"))


def summary(*rows: list[Any], groups: tuple[str, ...] = ()) -> dict[str, Any]:
    tally = Tally(groups)
    tally.add(rows)
    return tally.summary()


class TestRates:
    def test_are_of_all_rows_and_an_error_is_no_approval(self) -> None:
        told = summary(tried("a", YES), tried("b", NO), tried("c", MAYBE), tried("d", BROKEN))["candidate"]
        assert told["outcomes"] == {"approve": 1, "refer": 1, "decline": 1, "error": 1}
        assert set(told["rates"].values()) == {0.25}
        assert told["faults"] == [
            {"code": "node_error", "node": "input", "field": "months", "rows": 1, "refs": ["d"]},
        ]

    def test_reasons_are_of_who_was_not_approved(self) -> None:
        told = summary(tried("a", YES._replace(reasons=["S05"])), tried("b", NO), tried("c", NO), tried("d", MAYBE))
        assert told["candidate"]["reasons"] == [["S01", 2, 0.5], ["S02", 2, 0.5], ["N01", 1, 0.25]]

    def test_of_bad_are_of_the_rows_whose_outcome_is_known(self) -> None:
        told = summary(tried("a", YES, bad=True), tried("b", YES, bad=False), tried("c", YES), tried("d", NO, bad=True))
        assert told["candidate"]["approved_bad"] == {"told": 2, "bad": 1, "rate": 0.5}
        assert (told["rows"], told["with_outcome"], told["bad"]) == (4, 3, 2)


class TestScores:
    def test_are_measured_where_good_and_bad_are_known(self) -> None:
        rows = [tried(str(score), YES._replace(score=score), bad=bad) for score, bad in
                ((400, True), (500, False), (600, True), (700, False), (800, None))]  # fmt: skip
        told = summary(*rows)["candidate"]
        # pairs good over bad: 500>400, 700>400, 700>600 of four
        assert told["quality"] == {"ks": 0.5, "auc": 0.75, "gini": 0.5, "rows": 4, "bad": 2}
        assert told["scored"] == 5
        assert summary(tried("a", YES, bad=True))["candidate"]["quality"] is None

    def test_bands_hold_every_score_once_with_its_bad_rate(self) -> None:
        rows = [tried(str(n), YES._replace(score=n), bad=n < 450) for n in range(400, 501)]
        bands = summary(*rows)["candidate"]["bands"]
        assert sum(band["rows"] for band in bands) == 101
        assert [(band["from"], band["to"]) for band in bands] == [(n, n + 10.0) for n in range(400, 500, 10)]
        assert [band["rate"] for band in bands] == [1.0] * 5 + [0.0] * 5
        assert bands[-1]["rows"] == 11, "the last holds both of its ends"

    def test_deciles_are_what_a_later_day_is_compared_with(self) -> None:
        rows = [tried(str(n), YES._replace(score=n)) for n in range(100)]
        found = summary(*rows)["candidate"]["deciles"]
        assert len(found["rows"]) == 10
        assert sum(found["rows"]) == 100


class TestEdges:
    @pytest.mark.parametrize(
        ("values", "expected"),
        [
            ([], []),
            ([7], [7, 7]),
            ([0, 12], list(range(13))),
            ([0, 13], [0, 2, 4, 6, 8, 10, 12, 14]),
            ([580_000, 5_000_000], [500_000 * n for n in range(1, 11)]),
            ([-3, 3], [-3, -2.5, -2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3]),
        ],
    )
    def test_are_round_and_few(self, values: list[float], expected: list[float]) -> None:
        assert backtesting.edges(np.array(values, dtype=float)) == expected

    def test_hold_whatever_the_values_are(self) -> None:
        for seed in range(200):
            values = np.random.default_rng(seed).normal(size=20) * 10.0 ** (seed % 12 - 4)
            found = backtesting.edges(values)
            assert found[0] <= values.min()
            assert found[-1] >= values.max() - 1e-9
            assert len(found) <= backtesting.BINS + 2


class TestPrices:
    def test_few_prices_stand_each_for_itself(self) -> None:
        rows = [tried(rate + str(n), YES._replace(annual_rate=rate)) for rate in ("0.108", "0.18") for n in range(2)]
        found = summary(*rows)["candidate"]["rate"]
        assert [(bin_["from"], bin_["to"], bin_["rows"]) for bin_ in found["bins"]] == [
            (0.108, 0.108, 2),
            (0.18, 0.18, 2),
        ]


class TestSwaps:
    def test_go_both_ways_with_bad_rates_reasons_and_samples(self) -> None:
        told = summary(
            tried("same", YES, YES, bad=False),
            tried("out", NO, YES, bad=True),
            tried("out to error", BROKEN, YES),
            tried("in", YES, MAYBE, bad=False),
            tried("neither", NO, MAYBE),
        )
        out, in_ = told["swaps"]["out"], told["swaps"]["in"]
        assert (out["rows"], out["told"], out["bad"], out["rate"]) == (2, 1, 1, 1.0)
        assert out["reasons"] == [["S01", 1], ["S02", 1], ["error", 1]]
        assert (in_["rows"], in_["rate"], in_["reasons"]) == (1, 0.0, [["N01", 1]])
        (sample_,) = in_["samples"]
        assert (sample_["ref"], sample_["before"]["outcome"], sample_["now"]["limit_cents"]) == (
            "in",
            "refer",
            1_000_000,
        )
        assert ["refer", "decline", 1] in told["moves"]
        before, now = told["baseline"]["outcomes"]["approve"], told["candidate"]["outcomes"]["approve"]
        assert before - out["rows"] + in_["rows"] == now

    def test_keep_fifty_samples_the_same_in_any_order(self) -> None:
        rows = [tried(f"ref {n}", NO, YES) for n in range(300)]
        kept = [sample_["ref"] for sample_ in summary(*rows)["swaps"]["out"]["samples"]]
        again = [sample_["ref"] for sample_ in summary(*reversed(rows))["swaps"]["out"]["samples"]]
        assert len(set(kept)) == 50
        assert kept == again

    def test_are_not_there_without_a_baseline(self) -> None:
        told = summary(tried("a", YES))
        assert (told["swaps"], told["baseline"]) == (None, None)


class TestFairness:
    def test_marks_who_is_approved_less_than_four_fifths_as_often(self) -> None:
        found = {row.value: row for row in fairness.four_fifths("sex", {"m": (100, 50), "f": (100, 39), "x": (29, 0)})}
        assert (found["m"].verdict, found["f"].verdict, found["x"].verdict) == ("best", "below the line", "too small")
        assert found["f"].to_best == pytest.approx(0.78)
        assert found["x"].to_best is None

    def test_exactly_four_fifths_is_in_line(self) -> None:
        _, found = fairness.four_fifths("sex", {"a": (100, 50), "b": (100, 40)})
        assert found.verdict == "in line"

    def test_a_small_group_is_never_the_best(self) -> None:
        found = fairness.four_fifths("band", {"few": (10, 10), "many": (100, 50)})
        assert [row.verdict for row in found] == ["too small", "best"]

    def test_is_counted_by_the_groups_asked_for_and_leaves_out_who_is_in_none(self) -> None:
        rows = [tried(f"m{n}", YES, NO, sex="m", faith="x") for n in range(30)]
        rows += [tried(f"f{n}", NO, YES, sex="f") for n in range(30)] + [tried("nobody", YES, YES)]
        (told,) = summary(*rows, groups=("sex",))["fairness"]
        assert (told["group"], told["told"]) == ("sex", 60)
        female, male = told["values"]
        assert (female["verdict"], female["ratio"], female["ratio_before"]) == ("below the line", 0.0, 1.0)
        assert (male["verdict"], male["to_best"], male["ratio_before"]) == ("best", 1.0, 0.0)


class TestTally:
    def test_adds_chunks_in_any_order_to_the_same_summary(self) -> None:
        rows = [tried(f"r{n}", (YES, NO, MAYBE)[n % 3]._replace(score=400 + n), (NO, YES)[n % 2], bad=n % 5 == 0)
                for n in range(120)]  # fmt: skip
        whole, parts = Tally(), Tally()
        whole.add(rows, {"unknown": {"age": 3}})
        parts.add(rows[60:], {"unknown": {"age": 1}})
        parts.add(rows[:60], {"unknown": {"age": 2}, "absent": {}})
        assert whole.summary() == parts.summary()
        assert whole.summary()["variables"] == [
            {"name": "age", "unknown": 3, "rate": 3 / 120, "defaulted": 0, "absent": 0}
        ]

    def test_counts_nothing_at_all(self) -> None:
        assert summary()["rows"] == 0


class TestTrials:
    def test_of_the_sample_reproduce_the_strategy_one_by_one(self) -> None:
        with sample.PATH.open(encoding="utf-8") as file:
            people = sample.read(file)[:200]
        address = strategy.shipped_addresses()["credit"]
        rows = [
            {"ref": str(row.number), "inputs": strategy.inputs_of(row), "bad": row.bad, "groups": {}} for row in people
        ]
        found, counts = trials.run(rows, Plan(address, None, KNOWN))
        for row, one in zip(rows, found, strict=True):
            said = engine.evaluate(address, {name: row["inputs"].get(name) for name in KNOWN})
            assert Said(*one[3]).outcome == said["outcome"]
            assert Said(*one[3]).score == said.get("score")
            assert list(Said(*one[3]).reasons) == said["reasons"]
        assert counts["unknown"] == {}

    def test_a_row_that_does_not_fit_is_an_error_and_its_neighbours_are_not(self) -> None:
        inputs = a_row()
        rows = [
            {"ref": "fits", "inputs": inputs, "bad": None, "groups": {}},
            {"ref": "text", "inputs": inputs | {"months": "secret"}, "bad": None, "groups": {}},
            {"ref": "large", "inputs": inputs | {"months": 2**70}, "bad": None, "groups": {}},
            {
                "ref": "absent",
                "inputs": {name: inputs[name] for name in inputs if name != "months"},
                "bad": None,
                "groups": {},
            },
        ]
        found, _ = trials.run(rows, Plan(strategy.shipped_addresses()["credit"], None, KNOWN))
        said = {row[0]: Said(*row[3]) for row in found}
        assert said["fits"].outcome == "approve"
        assert [said[ref].outcome for ref in ("text", "large", "absent")] == ["error"] * 3
        assert said["text"].fault[2] == "months"
        assert said["absent"].fault[2] == "months"
        assert "secret" not in str(said["text"])

    def test_an_approval_without_what_it_must_carry_is_an_error(self) -> None:
        rows = [{"ref": "a", "inputs": a_row(), "bad": None, "groups": {}}]
        address = strategy.shipped_addresses()["credit"]
        found, _ = trials.run(rows, Plan(address, address + "", KNOWN, {}, (["limit_cents", "colour"], [])))
        assert Said(*found[0][3]).fault == ("not_a_verdict", "", "colour")

    def test_a_default_stands_in_for_a_variable_that_the_row_never_had(self) -> None:
        inputs = a_row()
        del inputs["grey_listed"]
        rows = [{"ref": "a", "inputs": inputs, "bad": None, "groups": {}}]
        address = strategy.shipped_addresses()["admission"]
        names = strategy.scenarios()["admission"]["inputs"]
        without, counts = trials.run(rows, Plan(address, None, names))
        assert (without[0][3][0], counts["absent"], counts["unknown"]) == (
            "refer",
            {"grey_listed": 1},
            {"grey_listed": 1},
        )
        within, counts = trials.run(rows, Plan(address, None, names, {"grey_listed": False}))
        assert within[0][3][0] == "approve"
        assert (counts["absent"], counts["defaulted"], counts["unknown"]) == (
            {"grey_listed": 1},
            {"grey_listed": 1},
            {},
        )


def a_row() -> dict[str, Any]:
    """A row that is approved, with every variable of every scenario."""
    with sample.PATH.open(encoding="utf-8") as file:
        people = sample.read(file)
    values = strategy.inputs_of(people[33])
    return {name: values.get(name) for scenario in strategy.scenarios().values() for name in scenario["inputs"]}
