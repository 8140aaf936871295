"""Whom we hand on, to whom, and in which order: tables of cases, no database."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from traffic.rules import exclusion, matching, ranking
from traffic.rules.exclusion import Facts, Reason
from traffic.rules.ranking import Candidate
from traffic.rules.settlement import Terms

BRIDGE = matching.Platform(
    code="BRIDGE",
    enabled=True,
    accepts_grades=("C", "D", "E"),
    amount_min_cents=100_000,
    amount_max_cents=2_000_000,
    terms=(3, 6, 9, 12),
    annual_rate=Decimal("0.204"),
    stated_xirr=Decimal("0.234"),
    cap_day=50,
    used_today=49,
    free_cents=15_000,
    settle=Terms("CPS", Decimal("0.015")),
)
WANTED = matching.Wanted(
    grade="C", amount_cents=1_000_000, months=12, on=date(2026, 3, 2), income_cents=1_200_000, burden_cents=0
)


def failed(platform: matching.Platform, wanted: matching.Wanted) -> list[str]:
    [look] = matching.consider([platform], wanted)
    assert look.matches == all(rule["passed"] for rule in look.rules)
    return [rule["rule"] for rule in look.rules if not rule["passed"]]


class TestMatching:
    @pytest.mark.parametrize(
        ("platform", "wanted", "rules"),
        [
            ({}, {}, []),
            ({"enabled": False}, {}, ["enabled"]),
            ({}, {"grade": "B"}, ["grade"]),
            ({}, {"grade": ""}, ["grade"]),
            ({}, {"amount_cents": 99_999}, ["amount"]),
            ({}, {"amount_cents": 100_000}, []),
            ({"free_cents": 30_000}, {"amount_cents": 2_000_000}, []),
            ({"free_cents": 30_001}, {"amount_cents": 2_000_001}, ["amount"]),
            ({}, {"amount_cents": 0}, ["amount"]),
            ({}, {"months": 24}, []),  # the longest that is not longer: 12
            ({}, {"months": 2}, ["term"]),
            ({"stated_xirr": None}, {}, ["xirr"]),
            ({"stated_xirr": Decimal("0.240001")}, {}, ["xirr"]),
            ({"stated_xirr": Decimal("0.24")}, {}, []),
            ({"annual_rate": Decimal("0.216")}, {"months": 3, "on": date(2026, 2, 1)}, ["xirr"]),  # whatever it states
            ({}, {"income_cents": None}, ["affordable"]),
            ({}, {"burden_cents": 508_000}, ["affordable"]),  # its instalment makes it more than half of 12,000
            ({}, {"burden_cents": 507_000}, []),
            ({"used_today": 50}, {}, ["cap"]),
            ({"free_cents": 14_999}, {}, ["balance"]),
            ({"settle": Terms("CPL", None, 3_000), "free_cents": 3_000}, {}, []),
            ({"settle": Terms("CPL", None, 3_001), "free_cents": 3_000}, {}, ["balance"]),
        ],
    )
    def test_says_which_rule_a_platform_fails(
        self, platform: dict[str, Any], wanted: dict[str, Any], rules: list[str]
    ) -> None:
        assert failed(replace(BRIDGE, **platform), replace(WANTED, **wanted)) == rules

    def test_reckons_the_loan_it_would_be(self) -> None:
        [look] = matching.consider([BRIDGE], replace(WANTED, months=24))
        assert (look.months, look.commission_cents) == (12, 15_000)
        assert look.cost is not None
        assert look.cost.xirr <= matching.CEILING
        assert look.cost.total_cents == 1_000_000 + look.cost.total_interest_cents


def reason(code: str, *, distribute: bool = False) -> Reason:
    return Reason(code, code[0], distribute)


FREE = Facts(income_cents=1_000_000, burden_cents=0)


class TestExclusion:
    @pytest.mark.parametrize(
        ("facts", "codes"),
        [
            ({}, ()),
            ({"reasons": (reason("S03", distribute=True), reason("N01", distribute=True))}, ()),
            ({"reasons": (reason("M03"), reason("B01"))}, ()),  # of a bank and of their own will: nothing about them
            ({"reasons": (reason("F04"),)}, ("fraud", "not_distributed")),
            ({"reasons": (reason("F09", distribute=True),)}, ("fraud",)),  # whatever a table says one day
            ({"reasons": (reason("H07"),)}, ("sanctions", "not_distributed")),
            ({"reasons": (reason("P01"),)}, ("over_indebted", "not_distributed")),
            ({"reasons": (reason("P02"),)}, ("over_indebted", "not_distributed")),
            ({"reasons": (reason("P03"),)}, ("overdue", "not_distributed")),
            ({"reasons": (reason("P05"),)}, ("not_distributed",)),
            ({"reasons": (reason("H03"),)}, ("not_distributed",)),
            ({"lists": frozenset({"black"})}, ("fraud",)),
            ({"lists": frozenset({"grey"})}, ("fraud",)),
            ({"lists": frozenset({"white"})}, ()),
            ({"tags": frozenset({"hardship", "vip"})}, ("hardship",)),
            ({"tags": frozenset({"aml_possible"})}, ("sanctions",)),
            ({"tags": frozenset({"multi_lender"})}, ("over_indebted",)),
            ({"owes": True}, ("overdue",)),
            ({"appeal_open": True}, ("appeal_open",)),
            ({"income_cents": None}, ("over_indebted",)),
            ({"burden_cents": 500_000}, ()),
            ({"burden_cents": 500_001}, ("over_indebted",)),
            ({"income_cents": 200_000, "burden_cents": 50_001}, ("over_indebted",)),  # under 1,500 left to live on
        ],
    )
    def test_says_why_nothing_of_a_borrower_leaves(self, facts: dict[str, Any], codes: tuple[str, ...]) -> None:
        assert exclusion.exclusions(replace(FREE, **facts)) == codes

    @given(
        st.sampled_from(["black", "grey"]) | st.none(),
        st.sampled_from(["hardship", "aml_possible", "external_list"]) | st.none(),
        st.booleans(),
        st.booleans(),
        st.sampled_from(["F01", "H07", "P01", "P02", "P03", "S01"]) | st.none(),
    )
    def test_one_ground_is_enough_whatever_else_is_known(
        self, listed: str | None, tag: str | None, owes: bool, appeal: bool, code: str | None
    ) -> None:
        facts = replace(
            FREE,
            lists=frozenset(filter(None, [listed, "white"])),
            tags=frozenset(filter(None, [tag, "vip"])),
            owes=owes,
            appeal_open=appeal,
            reasons=(reason(code, distribute=code[0] == "S"),) if code else (),
        )
        assert bool(exclusion.exclusions(facts)) == bool(listed or tag or owes or appeal or (code and code != "S01"))


def candidate(code: str, **facts: Any) -> Candidate:
    return replace(Candidate(code, 0, 0, Decimal("0.20"), 1_100_000, 1_000), **facts)


def order(*rows: Candidate) -> list[str]:
    found = ranking.rank(rows)
    assert [row.place for row in found] == list(range(1, len(rows) + 1))
    return [row.platform for row in found]


class TestRanking:
    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ({"accepted": 40, "decided": 40, "xirr": Decimal("0.239")}, {"xirr": Decimal("0.10")}),  # odds before cost
            ({"xirr": Decimal("0.1999")}, {"accepted": 1, "decided": 1}),  # odds that are alike: cost
            ({"total_cents": 1_099_999}, {"commission_cents": 9_999_999}),
            ({"commission_cents": 1_001}, {}),  # alike for the borrower in all: what we earn
            ({}, {"accepted": 0, "decided": 40, "commission_cents": 9_999_999}),
        ],
    )
    def test_first_is_better(self, first: dict[str, Any], second: dict[str, Any]) -> None:
        assert order(candidate("Z", **first), candidate("A", **second)) == ["Z", "A"]
        assert order(candidate("A", **second), candidate("Z", **first)) == ["Z", "A"]

    def test_two_that_are_alike_in_everything_stand_by_name(self) -> None:
        assert order(candidate("B"), candidate("A")) == ["A", "B"]

    @given(st.data())
    def test_commission_alone_never_moves_a_place(self, data: st.DataObject) -> None:
        merits = st.tuples(
            st.integers(0, 60), st.integers(0, 60), st.decimals("0.10", "0.24", places=3), st.integers(1, 3)
        )
        rows = [
            Candidate(
                chr(65 + number), min(yes, every), every, xirr, 1_000_000 + total, data.draw(st.integers(0, 10**6))
            )
            for number, (yes, every, xirr, total) in enumerate(data.draw(st.lists(merits, min_size=2, max_size=5)))
        ]
        other = [replace(row, commission_cents=data.draw(st.integers(0, 10**6))) for row in rows]
        places = [{one.platform: one.place for one in ranking.rank(some)} for some in (rows, other)]
        merit = {row.platform: (ranking.odds(row.accepted, row.decided), row.xirr, row.total_cents) for row in rows}
        band = {one.platform: one.parts["odds_band"] for one in ranking.rank(rows)}
        for one, two in product(merit, merit):
            if (band[one], *merit[one][1:]) != (band[two], *merit[two][1:]):
                assert (places[0][one] < places[0][two]) == (places[1][one] < places[1][two])

    def test_keeps_what_a_place_was_reckoned_of(self) -> None:
        [row] = ranking.rank([candidate("A", accepted=3, decided=4)])
        assert row.parts == {
            "odds": "0.54",
            "odds_band": 11,
            "accepted": 3,
            "decided": 4,
            "xirr": "0.20",
            "total_cents": 1_100_000,
            "commission_cents": 1_000,
            "commission_counted": False,
        }
        assert [ranking.odds_word(Decimal(share)) for share in ("0.60", "0.59", "0.40", "0.39")] == [
            "likely",
            "even",
            "even",
            "unlikely",
        ]
