"""Bins, adjusted by hand, and the model over them: the same as the one way there is to fit one."""

from typing import Any

import numpy as np
import pytest

from risk.rules import binning, modelling, sample, strategy, training
from risk.rules.scorecard import faults, score_range

MONTHS = {"variable": "months", "type": "int", "edges": [12, 24], "groups": [], "unknown": True}
SAVINGS = {
    "variable": "savings",
    "type": "text",
    "edges": [],
    "groups": [["none"], ["low", "high"]],
    "unknown": False,
}
SETTINGS = {"pdo": 40, "anchor_score": 600, "anchor_odds": 20.0, "bad_percent": None}


class TestMembers:
    def test_of_numbers_begin_at_their_edge_and_keep_the_unknown_apart(self) -> None:
        assert list(binning.members(MONTHS, [11, 12, 23, 24, None])) == [0, 1, 1, 2, 3]
        assert list(binning.members(MONTHS | {"unknown": False}, [None])) == [binning.NO_BIN]

    def test_of_texts_have_none_for_what_was_never_seen(self) -> None:
        assert list(binning.members(SAVINGS, ["low", "none", "gold", None])) == [1, 0, binning.NO_BIN, binning.NO_BIN]

    def test_of_yes_and_no(self) -> None:
        found = binning.whole("listed", "bool", [True, False, None])
        assert list(binning.members(found, [True, False, None])) == [1, 0, 2]
        assert [bin_.label for bin_ in binning.bins_of(found)] == ["no", "yes", "unknown"]


class TestChanges:
    def test_merge_split_and_move(self) -> None:
        assert binning.merged(MONTHS, 0)["edges"] == [24]
        assert binning.split(MONTHS, 1, "18")["edges"] == [12, 18, 24]
        assert binning.moved(MONTHS, 0, "9")["edges"] == [9, 24]
        assert binning.merged(SAVINGS, 0)["groups"] == [["none", "low", "high"]]
        assert binning.split(SAVINGS, 1, "low")["groups"] == [["none"], ["high"], ["low"]]
        assert MONTHS["edges"] == [12, 24]

    @pytest.mark.parametrize(
        "change",
        [
            lambda: binning.merged(MONTHS, 2),
            lambda: binning.merged(SAVINGS, 1),
            lambda: binning.split(MONTHS, 1, "12"),
            lambda: binning.split(MONTHS, 3, "12"),
            lambda: binning.split(MONTHS, 0, "twelve"),
            lambda: binning.split(SAVINGS, 0, "none"),
            lambda: binning.split(SAVINGS, 1, "gold"),
            lambda: binning.moved(MONTHS, 0, "24"),
            lambda: binning.moved(SAVINGS, 0, "24"),
            lambda: binning.moved(MONTHS, 5, "1"),
        ],
    )
    def test_refuse_what_makes_no_bins(self, change: Any) -> None:
        with pytest.raises(binning.BadBins):
            change()


class TestHeldOut:
    def test_is_the_same_for_a_ref_in_every_build_and_about_the_share(self) -> None:
        refs = [f"german-{number:04}" for number in range(1000)]
        held = [modelling.is_held_out(ref, 25) for ref in refs]
        assert 200 < sum(held) < 300
        assert held == [modelling.is_held_out(ref, 25) for ref in refs]
        assert all(modelling.is_held_out(ref, 50) for ref, was in zip(refs, held, strict=True) if was)


def german() -> tuple[list[dict[str, Any]], list[Any]]:
    with sample.PATH.open(encoding="utf-8") as file:
        people = sample.read(file)
    rows = [{"ref": str(p.number), "inputs": strategy.inputs_of(p), "bad": p.bad, "groups": {}} for p in people]
    return rows, list(people)


class TestFit:
    BINS = {
        "checking": [["overdrawn"], ["low"], ["high"], ["none"]],
        "months": [9, 15, 21],
        "amount_cents": [2_000_000, 3_500_000],
        "credit_history": [
            ["none_or_all_paid", "all_paid_here"],
            ["existing_paid", "past_delay"],
            ["critical_or_elsewhere"],
        ],
        "instalment_plans": [["none"], ["bank", "stores"]],
        "savings": [["under_100"], ["100_500"], ["500_1000", "over_1000"], ["none"]],
        "work_months": [12, 48],
    }

    def binnings(self) -> list[dict[str, Any]]:
        return [
            {
                "variable": name,
                "type": "int" if isinstance(bins[0], int) else "text",
                "edges": bins if isinstance(bins[0], int) else [],
                "groups": [] if isinstance(bins[0], int) else bins,
                "unknown": False,
            }
            for name, bins in self.BINS.items()
        ]

    def test_is_the_shipped_card_where_bins_rows_and_scale_are_the_same(self) -> None:
        dataset, people = german()
        shipped = training.build(people)
        rows = modelling.rows_of(dataset, list(self.BINS), 25)
        rows = modelling.Rows(rows.values, rows.bad, np.array([training.is_held_out(p) for p in people]), 0)
        share = rows.bad[~rows.held_out].mean()
        settings = SETTINGS | {"bad_percent": 100 / (1 + (1 - share) / share * training.CALIBRATION)}
        built = modelling.fit(rows, self.binnings(), settings)
        assert built["figures"]["held_out"]["ks"] == pytest.approx(shipped.ks)
        assert built["figures"]["held_out"]["auc"] == pytest.approx(shipped.auc)
        assert built["figures"]["train"]["auc"] == pytest.approx(shipped.auc_train)
        points = [[bin_["points"] for bin_ in block["bins"]] for block in built["blocks"]]
        assert points == [[bin_["points"] for bin_ in block["bins"]] for block in shipped.card["blocks"]]
        assert built["base_points"] == shipped.card["base_points"]

    def test_becomes_a_card_that_nothing_is_wrong_with_once_it_has_reasons(self) -> None:
        dataset, _ = german()
        built = modelling.fit(modelling.rows_of(dataset, list(self.BINS), 25), self.binnings(), SETTINGS)
        card = modelling.card_of(built, SETTINGS, dict.fromkeys(self.BINS, "S01"))
        assert list(faults(card, strategy.catalogue())) == []
        assert score_range(card) is not None
        without = modelling.card_of(built, SETTINGS, {})
        assert {fault[2] for fault in faults(without, strategy.catalogue())} == {"no_reason"}

    def test_warns_of_what_is_too_good_sparse_crooked_or_upside_down(self) -> None:
        dataset, _ = german()
        for number, row in enumerate(dataset):
            row["inputs"] |= {
                "overdue_now_cents": int(row["bad"]),  # knows the outcome
                "home_months": number % 3 if number % 97 else 90,
            }
        names = ["overdue_now_cents", "home_months"]
        binnings = [
            {"variable": names[0], "type": "int", "edges": [1], "groups": [], "unknown": False},
            {"variable": names[1], "type": "int", "edges": [1, 2, 80], "groups": [], "unknown": False},
        ]
        built = modelling.fit(modelling.rows_of(dataset, names, 25), binnings, SETTINGS)
        found = {(warning["variable"], warning["code"]) for warning in built["warnings"]}
        assert (names[0], "too_good") in found
        assert {(names[1], "sparse_bin"), (names[1], "weak")} <= found

    def test_gives_no_score_to_a_value_that_no_bin_takes_and_says_so(self) -> None:
        dataset, _ = german()
        dataset[0]["inputs"]["savings"] = "gold"
        built = modelling.fit(modelling.rows_of(dataset, list(self.BINS), 25), self.binnings(), SETTINGS)
        assert built["rows"]["without_score"] == 1
        assert "without_score" in {warning["code"] for warning in built["warnings"]}

    def test_refuses_too_few_rows(self) -> None:
        dataset, _ = german()
        with pytest.raises(modelling.CannotFit, match="at least 20 of each"):
            modelling.fit(modelling.rows_of(dataset[:100], list(self.BINS), 25), self.binnings(), SETTINGS)

    def test_leaves_rows_without_outcome_out(self) -> None:
        dataset, _ = german()
        dataset[0]["bad"] = None
        rows = modelling.rows_of(dataset, list(self.BINS), 25)
        assert (len(rows.bad), rows.without_outcome) == (999, 1)
