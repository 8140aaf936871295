"""What is held against each other about one borrower."""

from typing import Any

import pytest

from lending.common.money import format_cents
from review.rules.contradictions import CHECK, NOTE, SERIOUS, Facts, found

AGREED: dict[str, Any] = {
    "declared_income_cents": 1_000_000,
    "verified_income_cents": 990_000,
    "declared_instalments_cents": 100_000,
    "reported_instalments_cents": 110_000,
    "open_credits": 2,
    "home_place": "浙江",
    "phone_place": "浙江省杭州市",
    "employment": "4_7y",
    "employer": "some firm",
    "work_months": 12,
    "phone_match": "consistent",
    "identity_state": "passed",
    "contacts": 2,
    "contact_numbers": 2,
    "device_accounts": 1,
}


def told(**facts: Any) -> dict[str, str]:
    return {row.code: row.severity for row in found(Facts(**AGREED | facts), format_cents)}


class TestFound:
    def test_is_nothing_where_all_agree_or_nothing_is_known(self) -> None:
        assert told() == {}
        assert {row.code for row in found(Facts(contacts=2, contact_numbers=2), format_cents)} == set()

    @pytest.mark.parametrize(
        ("facts", "code", "severity"),
        [
            ({"verified_income_cents": 799_999}, "income", CHECK),
            ({"verified_income_cents": 499_999}, "income", SERIOUS),
            ({"reported_instalments_cents": 121_000}, "instalments", CHECK),
            ({"reported_instalments_cents": 200_001}, "instalments", SERIOUS),
            ({"declared_instalments_cents": 0, "reported_instalments_cents": None}, "credits", CHECK),
            ({"phone_place": "湖北省武汉市"}, "place", NOTE),
            ({"work_months": 5}, "work", CHECK),
            ({"employment": "unemployed"}, "employer", CHECK),
            ({"employer": ""}, "employer", NOTE),
            ({"identity_state": "failed"}, "identity", SERIOUS),
            ({"phone_match": "inconsistent"}, "phone", SERIOUS),
            ({"own_number_named": True}, "contact", SERIOUS),
            ({"contact_numbers": 1}, "contact", CHECK),
            ({"contacts": 1, "contact_numbers": 1}, "contact", NOTE),
            ({"named_by": 1}, "named", CHECK),
            ({"device_emulator": True}, "emulator", SERIOUS),
            ({"device_accounts": 3}, "accounts", CHECK),
            ({"same_device": 1}, "same_device", SERIOUS),
            ({"same_card": 1}, "same_card", SERIOUS),
            ({"same_contact": 2}, "same_contact", CHECK),
            ({"same_address": 4}, "same_address", NOTE),
        ],
    )
    def test_weighs_what_does_not_fit(self, facts: dict[str, Any], code: str, severity: str) -> None:
        assert told(**facts) == {code: severity}

    @pytest.mark.parametrize(
        "facts",
        [
            {"verified_income_cents": 800_000},
            {"reported_instalments_cents": 120_000},
            {"declared_instalments_cents": 0, "reported_instalments_cents": 19_999, "open_credits": 0},
            {"work_months": 6},
            {"employment": "under_1y", "work_months": 1},
            {"phone_match": None},
            {"device_accounts": 2},
        ],
    )
    def test_leaves_alone_what_stands_at_the_edge(self, facts: dict[str, Any]) -> None:
        assert told(**facts) == {}

    def test_puts_the_heaviest_first_with_both_values_and_sources(self) -> None:
        facts = AGREED | {"verified_income_cents": 100_000, "same_address": 1, "named_by": 1}
        rows = found(Facts(**facts), format_cents)
        assert [row.severity for row in rows] == [SERIOUS, CHECK, NOTE]
        income = rows[0]
        assert (income.said, income.said_by) == ("¥10,000.00", "borrower")
        assert (income.seen, income.seen_by) == ("¥1,000.00", "bank flow")
        assert rows[2].seen == "1 other borrower"
