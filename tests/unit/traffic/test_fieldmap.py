"""A channel's words for ours: declared, checked, and every field that does not fit is named as the channel names it."""

import json
from datetime import date
from typing import Any

import pytest

from traffic.rules import fieldmap
from traffic.services.configuration import DATA

MAPS: dict[str, Any] = json.loads((DATA / "field_maps.json").read_text(encoding="utf-8"))
POCKET = {
    "outOrderNo": "P-1",
    "mobile": "13900000001",
    "productType": "cash",
    "loanAmount": "10000.00",
    "loanTerm": 12,
}


@pytest.mark.parametrize("channel", MAPS)
def test_the_shipped_maps_can_be_used(channel: str) -> None:
    assert fieldmap.problems(MAPS[channel]) == []


def test_a_map_that_cannot_be_used_says_why() -> None:
    bad = {"a": {"to": "phone", "required": True}, "b": {"to": "phone", "as": "feet"}, "c": {"to": "hat", "colour": 1}}
    assert fieldmap.problems(bad) == [
        "c: there is no hat",
        "b: nothing is written as feet",
        "c: no such part of a field",
        "phone is filled twice",
        *(f"{name} must be required" for name in ("order_id", "product", "amount_cents", "months")),
    ]


def test_reads_its_words() -> None:
    more = {"repayType": "等额本息", "idCardEnd": "2040-01-31", "monthIncome": 8000.5, "realName": " 王建国 "}
    assert fieldmap.read(MAPS["POCKET"], POCKET | more) == {
        "order_id": "P-1",
        "phone": "13900000001",
        "product": "ONCE",
        "amount_cents": 1_000_000,
        "months": 12,
        "method": "equal_instalment",
        "id_expires_on": date(2040, 1, 31),
        "net_income_cents": 800_050,
        "name": "王建国",
    }


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"outOrderNo": None}, {"outOrderNo": "missing"}),
        ({"outOrderNo": "a b"}, {"outOrderNo": "1 to 64 visible ASCII characters, no blanks"}),
        ({"outOrderNo": "x" * 65}, {"outOrderNo": "1 to 64 visible ASCII characters, no blanks"}),
        ({"loanAmount": "10000.001"}, {"loanAmount": "yuan with at most two decimals"}),
        ({"loanAmount": "many"}, {"loanAmount": "yuan with at most two decimals"}),
        ({"loanAmount": True}, {"loanAmount": "yuan with at most two decimals"}),
        ({"loanAmount": float("nan")}, {"loanAmount": "yuan with at most two decimals"}),
        ({"loanAmount": [1]}, {"loanAmount": "yuan with at most two decimals"}),
        ({"loanAmount": -1}, {"loanAmount": "yuan, not negative"}),
        ({"loanTerm": "12"}, {"loanTerm": "a whole number from 0 to 360"}),
        ({"loanTerm": 10**30}, {"loanTerm": "a whole number from 0 to 360"}),
        ({"productType": "gold"}, {"productType": "one of cash"}),
        ({"productType": {}}, {"productType": "one of cash"}),
        ({"idCardEnd": "31.1.2040"}, {"idCardEnd": "a date, YYYY-MM-DD"}),
        ({"liaisons": [{"name": "x"}]}, {"liaisons": "a list of one to five {relation, name, phone}"}),
        ({"realName": "x" * 51}, {"realName": "a text of at most 50 characters"}),
        ({"phone": "1", "hat": 2}, {"phone": "unknown field", "hat": "unknown field"}),
    ],
)
def test_names_what_does_not_fit(change: dict[str, Any], named: dict[str, str]) -> None:
    with pytest.raises(fieldmap.BadFields) as refused:
        fieldmap.read(MAPS["POCKET"], POCKET | change)
    assert refused.value.fields == named


@pytest.mark.parametrize("body", [[], "text", None, 7])
def test_takes_one_object_only(body: Any) -> None:
    with pytest.raises(fieldmap.BadFields):
        fieldmap.read(MAPS["POCKET"], body)


def test_errors_of_the_services_are_told_in_its_words() -> None:
    ours = {"amount_cents": "between", "0.phone": "no phone", "other": "as it is"}
    told = {"loanAmount": "between", "liaisons.0.phone": "no phone", "other": "as it is"}
    assert fieldmap.outward(MAPS["POCKET"], ours) == told
