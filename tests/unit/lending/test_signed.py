"""The signature that partners make, worked through."""

import pytest

from lending.common import signed

EXAMPLE = {
    "method": "GET",
    "path": "/partner/v1/events",
    "query": "limit=100&after=41",
    "timestamp": "1772416800",
    "nonce": "7f3c0a9e2b5d4c18",
    "body": b"",
}
TEXT = (
    "GET\n/partner/v1/events\nafter=41&limit=100\n1772416800\n7f3c0a9e2b5d4c18\n"
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)


def test_the_worked_example_of_the_guide() -> None:
    guide = (signed_guide()).read_text(encoding="utf-8")
    text = signed.canonical(**EXAMPLE)  # type: ignore[arg-type]
    assert text == TEXT
    assert signed.sign("sandbox-LOANHUB", text) in guide
    assert text in guide


def signed_guide():  # type: ignore[no-untyped-def]
    from tests.house.source import ROOT

    return ROOT / "docs" / "partner-api.md"


@pytest.mark.parametrize(
    "change",
    [
        {"method": "POST"},
        {"path": "/partner/v1/event"},
        {"query": "after=42&limit=100"},
        {"timestamp": "1772416801"},
        {"nonce": "7f3c0a9e2b5d4c19"},
        {"body": b" "},
    ],
)
def test_everything_that_is_sent_is_signed(change: dict[str, object]) -> None:
    assert signed.canonical(**(EXAMPLE | change)) != TEXT  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("header", "value"),
    [("X-App-Id", ""), ("X-App-Id", "a b"), ("X-Timestamp", "now"), ("X-Timestamp", "1" * 13), ("X-Timestamp", "１２"),
     ("X-Nonce", "short"), ("X-Nonce", "x" * 65), ("X-Signature", "AB" * 32), ("X-Signature", "")],
)  # fmt: skip
def test_a_header_that_is_missing_or_no_such_thing_is_named(header: str, value: str) -> None:
    good = {"X-App-Id": "loanhub", "X-Timestamp": "1772416800", "X-Nonce": "n" * 16, "X-Signature": "0" * 64}
    with pytest.raises(signed.SignatureMissing) as refused:
        signed.read(headers=good | {header: value}, method="GET", path="/", query="", body=b"")
    assert list(refused.value.data["fields"]) == [header]


@pytest.mark.parametrize(("seconds", "inside"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)])
def test_five_minutes_either_way(seconds: int, inside: bool) -> None:
    request = signed.Signed("loanhub", 1772416800 + seconds, "n" * 16, "0" * 64, "")
    if inside:
        signed.check_time(request, now=1772416800)
    else:
        with pytest.raises(signed.TimestampOutside):
            signed.check_time(request, now=1772416800)
