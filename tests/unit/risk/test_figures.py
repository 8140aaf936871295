"""Figures against values computed by hand, and against the plain definition over every pair of rows."""

import math

import numpy as np
import pytest

from risk.rules import figures


class TestWeightsOfEvidence:
    def test_are_the_log_of_the_shares(self) -> None:
        # by hand: good 30.5 / 100 and 69.5 / 100, bad 20.5 / 30 and 9.5 / 30, half a row added to each
        woe = figures.weights_of_evidence(np.array([30.0, 69.0]), np.array([20.0, 9.0]))
        assert woe == pytest.approx([math.log(0.305 / (20.5 / 30)), math.log(0.695 / (9.5 / 30))])
        values = figures.information_values(np.array([30.0, 69.0]), np.array([20.0, 9.0]))
        assert values.sum() == pytest.approx((0.305 - 0.68333333) * woe[0] + (0.695 - 0.31666667) * woe[1])

    def test_of_an_empty_bin_is_a_number(self) -> None:
        assert np.isfinite(figures.weights_of_evidence(np.array([0.0, 10.0]), np.array([5.0, 0.0]))).all()


class TestKsAndAuc:
    def test_by_hand(self) -> None:
        # scores 1 2 2 3, bad good bad good: pairs (good, bad): 2>1, 2=2, 3>1, 3>2 -> 3.5 of 4
        ks, auc = figures.ks_and_auc(np.array([1.0, 2, 2, 3]), np.array([True, False, True, False]))
        assert (ks, auc) == (0.5, 0.875)
        assert figures.gini(auc) == 0.75

    def test_are_what_every_pair_of_rows_says(self) -> None:
        chance = np.random.default_rng(7)
        for _ in range(20):
            scores = chance.integers(0, 30, 200).astype(float)
            bad = chance.random(200) < 1 / (1 + np.exp((scores - 12) / 5))
            good_scores, bad_scores = scores[~bad], scores[bad]
            pairs = (good_scores[:, None] > bad_scores).mean() + (good_scores[:, None] == bad_scores).mean() / 2
            gap = max((bad_scores <= cut).mean() - (good_scores <= cut).mean() for cut in scores)
            assert figures.ks_and_auc(scores, bad) == (pytest.approx(max(gap, 0)), pytest.approx(pairs))

    def test_need_both_outcomes(self) -> None:
        with pytest.raises(ValueError, match="good rows and bad rows"):
            figures.ks_and_auc(np.array([1.0, 2]), np.array([True, True]))


class TestPsi:
    def test_by_hand_and_nothing_for_the_same_shares(self) -> None:
        # (60.5 - 40.5) / 101 × ln(60.5 / 40.5) twice over
        assert figures.psi(np.array([40.0, 60]), np.array([60.0, 40])) == pytest.approx(
            2 * (20 / 101) * math.log(60.5 / 40.5)
        )
        assert figures.psi(np.array([3.0, 5]), np.array([3.0, 5])) == 0


class TestCurves:
    def test_end_at_one_and_hold_the_widest_gap(self) -> None:
        scores = np.arange(1000.0)
        bad = scores < 300
        points = figures.curves(scores, bad)
        assert len(points) <= figures.CURVE_POINTS + 1
        assert points[-1][1:] == (1.0, 1.0)
        assert max(bads - goods for _, goods, bads in points) == 1.0


class TestBands:
    def test_hold_every_row_once(self) -> None:
        scores = np.random.default_rng(1).normal(600, 50, 1000).round()
        edges = figures.bands(scores)
        counts = figures.histogram(scores, edges)
        assert (len(counts), counts.sum()) == (10, 1000)
        assert counts.min() > 70

    def test_of_one_score_are_one_band(self) -> None:
        assert figures.bands(np.full(10, 5.0)) == []
        assert list(figures.histogram(np.full(10, 5.0), [])) == [10]
