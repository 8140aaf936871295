"""The benchmark of path 8 measures what it says: the same schedules on both sides, exact on ours."""

from decimal import Decimal

import pytest

from lending.management.commands import bench

pytest.importorskip("amortization", reason="the peer of path 8 is in the dev group: pip install amortization")


class TestPathEight:
    def test_is_exact_to_the_cent_over_the_whole_price_list(self):
        ours, _, total = bench.cents_off()
        assert ours == 0
        assert total == len(bench.RATES) * len(bench.AMOUNTS[::10]) * bench.MONTHS

    def test_lends_the_same_as_the_peer_within_its_float_cents(self):
        from amortization.schedule import amortization_schedule

        for cents in bench.AMOUNTS[::50]:
            plan = bench.plan_for(bench.Terms(cents, Decimal("0.144"), bench.MONTHS, bench.DAY))
            theirs = amortization_schedule(cents / 100, 0.144, bench.MONTHS)
            for line, row in zip(plan.lines(cents), theirs, strict=True):
                assert abs(line.balance_cents - row[4] * 100) <= bench.MONTHS

    def test_is_faster_than_the_peer(self):
        # The target, 3, is for `make bench` on a quiet machine; beside other tests a wide margin below it is asked.
        fastest = bench.schedule_rows()[0]
        assert fastest.target == 3.0
        assert fastest.ratio >= 1.5
