"""Which closed cases get a second look."""

import hashlib
from dataclasses import replace

import pytest

from review.rules.sampling import Closed, Rule, lot_of, sampled_by

CASE = Closed("final", "approve", "FIN-STD", False, False, level=2, nth=60, amount_cents=1_000_000, lot=400)
ANY = Rule(1, 500)


class TestSampledBy:
    @pytest.mark.parametrize(("lot", "taken"), [(0, True), (499, True), (500, False), (9_999, False)])
    def test_takes_the_share_and_no_more(self, lot: int, taken: bool) -> None:
        assert (sampled_by([ANY], replace(CASE, lot=lot)) is not None) == taken

    def test_takes_all_of_a_whole_share(self) -> None:
        assert sampled_by([Rule(1, 10_000)], replace(CASE, lot=9_999))

    def test_a_larger_share_only_adds_cases(self) -> None:
        small, large = (
            {lot for lot in range(0, 10_000, 7) if sampled_by([Rule(1, share)], replace(CASE, lot=lot))}
            for share in (500, 900)
        )
        assert small < large

    @pytest.mark.parametrize(
        "narrower",
        [
            {"stage": "initial"},
            {"outcome": "decline"},
            {"queue": "CALL"},
            {"alone": True},
            {"overrules": True},
            {"first_cases": 59},
            {"level_to": 1},
            {"amount_from_cents": 1_000_001},
        ],
    )
    def test_leaves_what_a_rule_does_not_describe(self, narrower: dict[str, object]) -> None:
        rule = Rule(1, 10_000, **narrower)  # type: ignore[arg-type]
        assert sampled_by([rule], CASE) is None

    def test_takes_what_it_describes_in_every_respect(self) -> None:
        rule = Rule(1, 10_000, "final", "approve", "FIN-STD", False, False, 60, 2, 1_000_000)
        assert sampled_by([rule], CASE) == rule

    def test_declined_alone_keeps_its_own_share_beside_the_others(self) -> None:
        alone, rest = Rule(1, 500, outcome="decline", alone=True), Rule(2, 100)
        declined = replace(CASE, stage="initial", outcome="decline", alone=True, lot=300)
        assert sampled_by([rest, alone], declined) == alone
        assert sampled_by([rest, alone], replace(declined, alone=False)) is None


class TestLotOf:
    def test_spreads_evenly(self) -> None:
        lots = [lot_of(hashlib.sha256(str(number).encode()).hexdigest()) for number in range(20_000)]
        assert 0.045 < sum(lot < 500 for lot in lots) / len(lots) < 0.055
        assert min(lots) >= 0
        assert max(lots) < 10_000
