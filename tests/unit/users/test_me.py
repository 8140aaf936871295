"""me, me/profile, me/contacts, me/devices, through HTTP."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Clock
from tests.unit.users.conftest import ID_NUMBER, PROFILE, Borrower
from users import queries
from users.models import Contact, Device, Profile, User
from users.rules.levels import LoanHistory
from users.services import levels

CONTACTS = [
    {"relation": "spouse", "name": "李梅", "phone": "13700000001"},
    {"relation": "friend", "name": "张伟", "phone": "+86 137 0000 0002"},
]
DEVICE = {"fingerprint": "a" * 32, "platform": "android", "model": "P9"}


class TestMe:
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("get", "me"),
            ("patch", "me"),
            ("get", "me/level"),
            ("get", "me/profile"),
            ("put", "me/profile"),
            ("get", "me/checks"),
            ("post", "me/checks"),
            ("get", "me/contacts"),
            ("put", "me/contacts"),
            ("get", "me/bank-cards"),
            ("post", "me/bank-cards"),
            ("get", "me/consents"),
            ("post", "me/consents"),
            ("get", "me/devices"),
            ("post", "me/devices"),
            ("get", "me/device-data"),
            ("post", "me/device-data"),
        ],
    )
    def test_nothing_without_a_token(self, stranger: Borrower, method: str, path: str) -> None:
        answer = stranger.call(method, path, {})
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert answer["Content-Type"] == "application/problem+json"

    def test_shows_level_masked_phone_and_what_is_missing(self, borrower: Borrower) -> None:
        shown = borrower.call("get", "me").json()
        assert shown["phone"] == "139****5678"
        standard = {"code": "V1", "name_en": "Standard", "name_zh": "普通", "limit_factor": "1.00"}
        assert shown["level"] == standard | {"price_delta": "0.0000"}
        assert set(shown["missing"]) == {"name", "id_number", "province", "employment", "net_income_cents", "contacts"}
        borrower.call("put", "me/profile", PROFILE)
        borrower.call("put", "me/contacts", CONTACTS)
        assert borrower.call("get", "me").json()["missing"] == []

    def test_the_level_says_what_the_next_one_needs(self, borrower: Borrower, clock: Clock) -> None:
        history = LoanHistory(on_time_instalments=3, worst_dpd={12: 5})
        levels.recompute(user_id=User.objects.get().pk, history=history, at=clock.at)
        shown = borrower.call("get", "me/level").json()
        assert (shown["level"]["code"], shown["next_level"]["name_en"]) == ("V2", "Gold")
        assert shown["needs"] == [
            {"what": "settled_loans", "need": 1, "have": 0, "months": None, "met": False},
            {"what": "max_dpd", "need": 3, "have": 5, "months": 12, "met": False},
        ]
        assert [(row["before"], row["level"]) for row in shown["changes"]] == [("V1", "V2")]

    def test_the_language_of_messages(self, borrower: Borrower) -> None:
        assert borrower.call("patch", "me", {"language": "en"}).json()["language"] == "en"
        assert borrower.call("patch", "me", {"language": "xx"}).status_code == 422


class TestProfile:
    def test_is_saved_and_shown_with_the_id_number_masked(self, borrower: Borrower) -> None:
        shown = borrower.call("put", "me/profile", PROFILE).json()
        assert (shown["name"], shown["id_number"]) == ("王建国", "330***********001X")
        assert (shown["birth_date"], shown["net_income_cents"], shown["currency"]) == ("1990-06-15", 1_200_000, "CNY")
        assert borrower.call("get", "me/profile").json() == shown

    def test_what_is_left_out_stays(self, declared: Borrower) -> None:
        declared.call("put", "me/profile", {"declared": {"housing": "own"}})
        shown = declared.call("put", "me/profile", {"city": "宁波", "declared": {"dependants": 2}}).json()
        assert (shown["city"], shown["province"]) == ("宁波", "ZJ")
        assert shown["declared"] == {"housing": "own", "dependants": 2}

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"net_income_cents": -1}, "net_income_cents"),
            ({"net_income_cents": "a lot"}, "net_income_cents"),
            ({"net_income_cents": 10**18}, "net_income_cents"),
            ({"province": "XX"}, "province"),
            ({"employment": "king"}, "employment"),
            ({"name": "x" * 61}, "name"),
            ({"id_expires_on": "soon"}, "id_expires_on"),
            ({"declared": {"dependants": -1}}, "declared.dependants"),
            ({"declared": []}, "declared.non_field_errors"),
            ({"name": "a\x00b"}, "name"),
        ],
    )
    def test_refuses_what_cannot_be(self, borrower: Borrower, change: dict[str, Any], field: str) -> None:
        answer = borrower.call("put", "me/profile", change)
        assert (answer.status_code, list(answer.json()["fields"])) == (422, [field])
        assert not Profile.objects.exists()

    @pytest.mark.parametrize(
        "number",
        ["330106199006150011", "33010619900615001", "330106199013150013", "990106199006150010", "1" * 18, "abc"],
    )
    def test_refuses_an_id_number_that_cannot_be(self, borrower: Borrower, number: str) -> None:
        answer = borrower.call("put", "me/profile", {"id_number": number})
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_id_number")

    def test_writes_the_id_number_one_way(self, borrower: Borrower) -> None:
        borrower.call("put", "me/profile", {"id_number": ID_NUMBER.lower()})
        assert Profile.objects.get().id_number == ID_NUMBER

    def test_an_id_number_belongs_to_one_account(self, declared: Borrower, another: Callable[[str], Borrower]) -> None:
        answer = another("13800138000").call("put", "me/profile", PROFILE)
        assert (answer.status_code, answer.json()["code"]) == (409, "id_number_in_use")
        assert Profile.objects.count() == 1

    def test_is_one_persons_own(self, declared: Borrower, another: Callable[[str], Borrower]) -> None:
        assert another("13800138000").call("get", "me/profile").json()["name"] == ""


class TestContacts:
    def test_replace_those_before(self, borrower: Borrower) -> None:
        assert borrower.call("put", "me/contacts", CONTACTS).status_code == 200
        assert borrower.call("put", "me/contacts", CONTACTS[1:]).json() == [
            {"relation": "friend", "name": "张伟", "phone": "137****0002"}
        ]
        assert Contact.objects.get().phone == "13700000002"

    @pytest.mark.parametrize(
        ("contacts", "code"),
        [
            ([], "invalid_contacts"),
            (CONTACTS * 3, "invalid_contacts"),
            ([CONTACTS[0], CONTACTS[0]], "invalid_contacts"),
            ([CONTACTS[0] | {"phone": "13912345678"}], "invalid_contacts"),
            ([CONTACTS[0] | {"phone": "12"}], "invalid_phone"),
            ([CONTACTS[0] | {"relation": "enemy"}], "invalid"),
            ({"relation": "spouse"}, "invalid"),
        ],
    )
    def test_refuses_what_cannot_be(self, borrower: Borrower, contacts: Any, code: str) -> None:
        borrower.call("put", "me/contacts", CONTACTS)
        answer = borrower.call("put", "me/contacts", contacts)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert Contact.objects.count() == 2


class TestDevices:
    def test_needs_the_optional_consent(self, borrower: Borrower) -> None:
        answer = borrower.call("post", "me/devices", DEVICE)
        assert (answer.status_code, answer.json()["code"]) == (409, "consent_missing")
        assert not Device.objects.exists()

    def test_is_one_row_however_often_seen(self, borrower: Borrower, clock: Clock) -> None:
        borrower.consent("device")
        assert borrower.call("post", "me/devices", DEVICE).status_code == 201
        clock.move(minutes=5)
        borrower.call("post", "me/devices", DEVICE | {"app_version": "2"})
        row = Device.objects.get()
        assert (row.app_version, row.last_seen_at - row.first_seen_at) == ("2", clock.at - row.first_seen_at)
        assert row.last_seen_at == clock.at

    def test_links_accounts_that_share_it(
        self, borrower: Borrower, clock: Clock, another: Callable[[str], Borrower]
    ) -> None:
        for who in (borrower, another("13800138000")):
            who.consent("device")
            who.call("post", "me/devices", DEVICE)
        assert queries.device_accounts(DEVICE["fingerprint"], clock.at) == 2
        assert User.objects.count() == 2
