"""Agreement and drift against figures worked out by hand."""

import pytest

from review.rules.agreement import agreement, moved, z_of

A, D = "approve", "decline"
# 50 cases: both approve 20, both decline 15, (approve, decline) 5, (decline, approve) 10.
# Observed 35/50 = 0.7. By chance 25/50 · 30/50 + 25/50 · 20/50 = 0.5. Kappa (0.7 − 0.5) / 0.5 = 0.4.
TEXTBOOK = [(A, A)] * 20 + [(D, D)] * 15 + [(A, D)] * 5 + [(D, A)] * 10


class TestAgreement:
    def test_is_kappa_as_worked_out_by_hand(self) -> None:
        found = agreement(TEXTBOOK, least=20)
        assert (found.count, found.agreed, found.too_few) == (50, 35, False)
        assert found.kappa == pytest.approx(0.4)
        assert found.share == 0.7

    @pytest.mark.parametrize(
        ("pairs", "kappa"),
        [
            ([(A, A), (D, D)] * 10, 1.0),
            ([(A, D), (D, A)] * 10, -1.0),
            ([(A, A), (A, D), (D, A), (D, D)] * 5, 0.0),
            # 18 + 0 of 20 agree, yet 0.9 · 1 by chance: all of it is chance.
            ([(A, A)] * 18 + [(D, A)] * 2, 0.0),
        ],
    )
    def test_at_its_corners(self, pairs: list[tuple[str, str]], kappa: float) -> None:
        assert agreement(pairs, least=20).kappa == pytest.approx(kappa)

    def test_says_too_few_below_the_least(self) -> None:
        found = agreement(TEXTBOOK[:19], least=20)
        assert (found.kappa, found.too_few, found.count) == (None, True, 19)
        assert not agreement(TEXTBOOK[:20], least=20).too_few

    def test_has_no_kappa_where_only_one_word_was_ever_said(self) -> None:
        found = agreement([(A, A)] * 30, least=20)
        assert (found.kappa, found.too_few, found.share) == (None, False, 1.0)

    def test_of_nothing_is_too_few(self) -> None:
        assert agreement([], least=0).too_few


class TestMoved:
    def test_is_the_two_proportion_z_as_worked_out_by_hand(self) -> None:
        # Pooled 90/200 = 0.45; error √(0.45 · 0.55 · 2/100) = 0.070356; (0.3 − 0.6) / 0.070356 = −4.264.
        assert z_of((60, 100), (30, 100)) == pytest.approx(-4.264, abs=0.001)
        found = moved((60, 100), (30, 100), least=30, z_from=3, points_from=0.1)
        assert found is not None
        assert (found.before_rate, found.now_rate) == (0.6, 0.3)

    @pytest.mark.parametrize(
        ("before", "now"),
        [
            ((60, 100), (15, 29)),  # too few now
            ((20, 29), (0, 100)),  # too few before
            ((60, 100), (50, 100)),  # ten points, 1.4 errors
            ((6_000, 10_000), (5_600, 10_000)),  # 5.7 errors, four points
            ((100, 100), (100, 100)),
            ((0, 100), (0, 100)),
        ],
    )
    def test_says_nothing_where_too_few_or_too_little(self, before: tuple[int, int], now: tuple[int, int]) -> None:
        assert moved(before, now, least=30, z_from=3, points_from=0.1) is None
