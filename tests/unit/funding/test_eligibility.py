"""Which programmes may fund, and the complete reasons why not."""

from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from funding.rules import eligibility, hours
from funding.rules.eligibility import Ask, Programme, Standing

SHANGHAI = ZoneInfo("Asia/Shanghai")
BANK = Programme(
    code="LJB-G",
    funder_code="LJB",
    mode="direct",
    enabled=True,
    products=("LINE", "ONCE"),
    channels_only=(),
    channels_except=("CARDMATE",),
    grades=("A", "B", "C"),
    amount_min_cents=100_000,
    amount_max_cents=3_000_000,
    months=(6, 12, 18, 24),
    region_only="ZJ",
    maturity_age_max=70,
    per_borrower_cents=3_000_000,
    cap_outstanding_cents=10_000_000,
    guarantor_code="AHG",
    guarantor_cap_cents=20_000_000,
    priority=1,
)
ASK = Ask(
    product_code="LINE",
    channel_code="OWN",
    grade="B",
    amount_cents=1_000_000,
    months=12,
    province="ZJ",
    birth_date=date(1990, 6, 15),
    as_of=date(2026, 3, 2),
)


def failed(programme: Programme = BANK, ask: Ask = ASK, standing: Standing = Standing()) -> list[str]:  # noqa: B008
    return [rule.rule for rule in eligibility.examine(programme, ask, standing).rules if not rule.passed]


class TestExamine:
    def test_passes_what_the_programme_takes(self) -> None:
        assert failed() == []

    @pytest.mark.parametrize(
        ("rule", "change"),
        [
            ("product", {"product_code": "BIZ"}),
            ("channel", {"channel_code": "CARDMATE"}),
            ("grade", {"grade": "D"}),
            ("amount", {"amount_cents": 99_999}),
            ("term", {"months": 9}),
            ("region", {"province": "JS"}),
            ("maturity_age", {"birth_date": date(1956, 3, 1)}),
            ("maturity_age", {"birth_date": None}),
        ],
    )
    def test_names_the_one_rule_that_is_not_met(self, rule: str, change: dict[str, object]) -> None:
        assert failed(ask=replace(ASK, **change)) == [rule]  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("rule", "change"),
        [("enabled", {"enabled": False}), ("routed", {"priority": None}), ("channel", {"channels_only": ("LOANHUB",)})],
    )
    def test_names_what_the_programme_itself_rules_out(self, rule: str, change: dict[str, object]) -> None:
        assert failed(programme=replace(BANK, **change)) == [rule]  # type: ignore[arg-type]

    def test_keeps_out_tags_and_other_levels_and_names_no_other_tag(self) -> None:
        picky = replace(BANK, tags_except=("watch", "hardship"), levels_only=("V2", "V3"))
        known = replace(ASK, level="V2", tags=("vip",))
        assert failed(programme=picky, ask=known) == []
        assert failed(programme=picky, ask=replace(known, level="")) == ["level"]
        assert failed(programme=picky, ask=replace(known, level="V1", tags=("vip", "watch"))) == ["tags", "level"]
        verdict = eligibility.examine(picky, replace(known, tags=("vip", "watch")), Standing())
        assert ["watch"] in [rule["value"] for rule in verdict.explained()["rules"]]
        assert "vip" not in str(verdict.explained())

    def test_counts_what_is_in_use_already(self) -> None:
        assert failed(standing=Standing(borrower_outstanding_cents=2_000_000)) == []
        assert failed(standing=Standing(borrower_outstanding_cents=2_000_001)) == ["per_borrower"]
        assert failed(standing=Standing(outstanding_cents=9_000_001)) == ["outstanding"]
        assert failed(standing=Standing(guaranteed_cents=19_000_001)) == ["guarantor"]
        alone = replace(BANK, guarantor_code="", guarantor_cap_cents=0)
        assert failed(programme=alone, standing=Standing(guaranteed_cents=19_000_001)) == []

    def test_looks_at_shares_of_a_month_only_once_it_is_large(self) -> None:
        bounded = replace(
            BANK, channel_share_max=Decimal("0.40"), channels_exempt=("OWN",), province_share_max=Decimal("0.45"),
            shares_from_cents=100_000_000,
        )  # fmt: skip
        hub = replace(ASK, channel_code="LOANHUB")
        month = Standing(funder_month_cents=99_000_000, channel_month_cents=99_000_000)
        assert failed(bounded, hub, month) == []
        month = Standing(funder_month_cents=99_000_100, channel_month_cents=39_000_040, province_month_cents=44_000_045)
        assert failed(bounded, hub, month) == []  # 40 % and 45 % to the cent
        over = replace(month, channel_month_cents=39_000_041, province_month_cents=44_000_046)
        assert failed(bounded, hub, over) == ["channel_share", "province_share"]
        assert failed(bounded, ASK, over) == ["province_share"]
        assert failed(replace(bounded, province_share_max=None), ASK, over) == []

    def test_what_says_only_when_bars_nobody(self) -> None:
        shut = Standing(timing=(eligibility.RuleResult("hours", False, "23:10", "06:00-22:30", blocks=False),))
        verdict = eligibility.examine(BANK, ASK, shut)
        assert verdict.eligible
        assert verdict.explained()["rules"][-1] == {
            "rule": "hours", "passed": False, "value": "23:10", "bound": "06:00-22:30", "blocks": False,
        }  # fmt: skip

    def test_explains_how_much_of_every_cap_is_free(self) -> None:
        standing = Standing(outstanding_cents=1, borrower_outstanding_cents=2, guaranteed_cents=3, free_today_cents=4)
        free = eligibility.examine(BANK, ASK, standing).explained()["headroom"]
        assert free["free_outstanding_cents"] == 9_999_999
        assert free["free_borrower_cents"] == 2_999_998
        assert free["free_guarantor_cents"] == 19_999_997
        assert free["free_today_cents"] == 4

    def test_looks_at_every_rule_also_after_one_has_failed(self) -> None:
        verdict = eligibility.examine(BANK, replace(ASK, grade="E", months=7), Standing()).explained()
        assert [rule["rule"] for rule in verdict["rules"] if not rule["passed"]] == ["grade", "term"]
        assert len(verdict["rules"]) == 16
        assert verdict["eligible"] is False

    def test_turns_seventy_one_on_the_day_after_maturity_is_still_seventy(self) -> None:
        assert failed(ask=replace(ASK, birth_date=date(1956, 3, 3))) == []
        assert failed(ask=replace(ASK, birth_date=date(1956, 3, 2))) == ["maturity_age"]


class TestCandidates:
    def test_takes_the_first_programme_of_each_funder_in_priority_at_most_three(self) -> None:
        rows = [
            replace(BANK, code=f"P{number}", funder_code=funder, priority=priority)
            for number, (funder, priority) in enumerate([("D", 9), ("A", 2), ("A", 1), ("B", 3), ("C", 4)])
        ]
        found = eligibility.candidates(eligibility.examine_all(rows, ASK, {}))
        assert [(p.funder_code, p.code) for p in found] == [("A", "P2"), ("B", "P3"), ("C", "P4")]

    @given(st.lists(st.tuples(st.sampled_from("ABCDEF"), st.one_of(st.none(), st.integers(1, 9)), st.booleans())))
    def test_names_only_eligible_funders_once_each(self, rows: list[tuple[str, int | None, bool]]) -> None:
        programmes = [
            replace(BANK, code=f"P{n}", funder_code=funder, priority=priority, enabled=enabled)
            for n, (funder, priority, enabled) in enumerate(rows)
        ]
        found = eligibility.candidates(eligibility.examine_all(programmes, ASK, {}))
        funders = [p.funder_code for p in found]
        assert len(funders) == len(set(funders)) <= 3
        assert all(p.enabled and p.priority for p in found)
        assert [p.priority for p in found] == sorted(p.priority or 0 for p in found)
        eligible = {funder for funder, priority, enabled in rows if enabled and priority}
        assert len(funders) == min(3, len(eligible))


class TestMonths:
    def test_a_month_without_that_day_ends_earlier(self) -> None:
        assert eligibility.add_months(date(2026, 1, 31), 1) == date(2026, 2, 28)
        assert eligibility.add_months(date(2027, 8, 31), 6) == date(2028, 2, 29)
        assert eligibility.add_months(date(2026, 12, 31), 12) == date(2027, 12, 31)

    def test_a_leap_day_birthday_counts_from_march(self) -> None:
        assert eligibility.age_on(date(2004, 2, 29), date(2026, 2, 28)) == 21
        assert eligibility.age_on(date(2004, 2, 29), date(2026, 3, 1)) == 22


class TestHours:
    def at(self, hour: int, minute: int = 0) -> datetime:
        return datetime(2026, 3, 2, hour, minute, tzinfo=SHANGHAI)

    def test_from_the_cut_off_on_it_is_the_next_day(self) -> None:
        cut_off = time(23)
        assert hours.business_date(local=self.at(22, 59), cut_off=cut_off) == date(2026, 3, 2)
        assert hours.business_date(local=self.at(23), cut_off=cut_off) == date(2026, 3, 3)
        assert hours.business_date(local=self.at(23, 59), cut_off=None) == date(2026, 3, 2)

    def test_waits_for_the_opening(self) -> None:
        opens, closes = time(0, 30), time(23)
        assert hours.next_opening(local=self.at(10), opens=opens, closes=closes) == self.at(10)
        assert hours.next_opening(local=self.at(0, 10), opens=opens, closes=closes) == self.at(0, 30)
        late = hours.next_opening(local=self.at(23), opens=opens, closes=closes)
        assert late == datetime(2026, 3, 3, 0, 30, tzinfo=SHANGHAI)
        assert hours.next_opening(local=self.at(23, 59), opens=time(0), closes=None) == self.at(23, 59)
