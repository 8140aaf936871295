"""Every field that takes words, with every kind of word: shown back exactly, or refused by name at the field."""

import json
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from lending.models import Application, Event, SupplementItem
from lending.services import supplements
from tests.conftest import Clock
from tests.doors.test_borrower_api import Caller, nothing_changes, problem
from tests.factories.applications import judged
from tests.factories.borrowers import borrower, consent
from tests.factories.configuration import configure
from tests.factories.tokens import access_token
from tests.factories.words import BLANK, BROKEN, PRINTABLE, SEEN, UNSEEN
from users.models import Contact, Profile
from users.services import accounts

LINES = {"city": 40, "address": 200, "employer": 100, "job": 32}  # the most characters each takes
# All of it, as somebody would write it: lines, a family of joined emoji; and the longest that fits everywhere.
EVERYTHING = ("\n".join((*PRINTABLE[2:], *SEEN, "👨\u200d👩\u200d👧", "第二行")), "长" * 200)
ASKED = [("job_note", "在职说明")]


@pytest.fixture
def at(clock: Clock, db: None) -> datetime:
    configure(clock.at, ("lending", "users", "funding", "traffic"))
    return clock.at


@pytest.fixture
def call(at: datetime, client: Client) -> Caller:
    """A newcomer: nothing is confirmed yet, so the name may still be changed."""
    user_id = accounts.ensure_user(phone="13955556666", at=at)
    for code in ("service", "privacy"):
        consent(user_id, code, at)
    return Caller(client, access_token(user_id, at))


def put(call: Caller, path: str, body: Any) -> Any:
    headers = {"Authorization": f"Bearer {call.token}"}
    sent = json.dumps(body).encode()
    return call.client.put(f"/api/v1/{path}", data=sent, content_type="application/json", headers=headers)


def refused(answer: Any, field: str, code: str) -> None:
    assert problem(answer) == (422, code), answer.content
    assert set(answer.json()["fields"]) == {field}


class TestProfile:
    def test_a_name_that_can_be_printed_is_shown_back(self, call: Caller) -> None:
        for name in PRINTABLE:
            assert put(call, "me/profile", {"name": name}).json()["name"] == name
            assert call("get", "me/profile").json()["name"] == call("get", "me").json()["name"] == name

    @pytest.mark.parametrize("name", [*SEEN, *UNSEEN])
    def test_a_name_that_cannot_is_refused_where_it_is_entered(self, call: Caller, name: str) -> None:
        answer = put(call, "me/profile", {"name": name, "city": "杭州"})
        refused(answer, "name", "unusable_text")
        assert answer.json()["characters"]["name"][0].startswith("U+")
        assert not Profile.objects.exists()

    @pytest.mark.parametrize("field", LINES)
    def test_other_lines_may_be_in_any_script(self, call: Caller, field: str) -> None:
        for words in (*PRINTABLE, *SEEN):
            line = words[: LINES[field]]
            assert put(call, "me/profile", {field: line}).json()[field] == line
        assert put(call, "me/profile", {field: ""}).json()[field] == ""
        for words in UNSEEN:
            refused(put(call, "me/profile", {field: words}), field, "unusable_text")
        for words in (*BROKEN, "长" * (LINES[field] + 1)):
            refused(put(call, "me/profile", {field: words}), field, "invalid")
        assert call("get", "me/profile").json()[field] == ""

    @pytest.mark.parametrize("name", [*BROKEN, *BLANK, "长" * 61])
    def test_an_empty_long_or_broken_name_is_refused(self, call: Caller, name: str) -> None:
        refused(put(call, "me/profile", {"name": name}), "name", "invalid")

    def test_every_wrong_line_is_named_at_once(self, call: Caller) -> None:
        answer = put(call, "me/profile", {"name": "王\u200b", "city": "杭\u202e州", "job": "职员"})
        assert set(answer.json()["fields"]) == {"name", "city"}


class TestContacts:
    def named(self, name: str) -> list[dict[str, str]]:
        return [
            {"relation": "spouse", "name": "李梅", "phone": "13700000001"},
            {"relation": "friend", "name": name, "phone": "13700000002"},
        ]

    def test_may_be_in_any_script(self, call: Caller) -> None:
        for name in (*PRINTABLE, *SEEN):
            assert put(call, "me/contacts", self.named(name)).json()[1]["name"] == name

    def test_are_refused_by_place(self, call: Caller) -> None:
        assert put(call, "me/contacts", self.named("李雷")).status_code == 200
        for name in UNSEEN:
            refused(put(call, "me/contacts", self.named(name)), "1.name", "unusable_text")
        for name in (*BROKEN, *BLANK, "长" * 61):
            refused(put(call, "me/contacts", self.named(name)), "1.name", "invalid")
        assert [contact.name for contact in Contact.objects.all()] == ["李梅", "李雷"]


class TestLongerWords:
    @pytest.fixture
    def known(self, at: datetime, client: Client) -> tuple[int, Caller]:
        user_id = borrower(at)
        return user_id, Caller(client, access_token(user_id, at))

    @pytest.mark.parametrize("words", EVERYTHING)
    def test_the_reason_of_an_appeal_is_kept_as_written(
        self, at: datetime, known: tuple[int, Caller], words: str
    ) -> None:
        user_id, call = known
        pk = judged(at, "decline", user_id=user_id)
        answer = call("post", f"applications/{Application.objects.get(pk=pk).public_id}/appeal", {"reason": words})
        assert (answer.status_code, answer.json()["status"]) == (200, "REFERRED")
        assert Event.objects.filter(target="REFERRED").latest("pk").reason == words

    def test_the_reason_of_an_appeal_is_refused_by_name(self, at: datetime, known: tuple[int, Caller]) -> None:
        user_id, call = known
        pk = judged(at, "decline", user_id=user_id)
        path = f"applications/{Application.objects.get(pk=pk).public_id}/appeal"
        with nothing_changes():
            for words in UNSEEN:
                refused(call("post", path, {"reason": words}), "reason", "unusable_text")
            for words in (*BROKEN, *BLANK, "长" * 201):
                refused(call("post", path, {"reason": words}), "reason", "invalid")

    @pytest.mark.parametrize("words", [*EVERYTHING, "长" * 2000])
    def test_a_supplement_in_words_is_kept_as_written(
        self, at: datetime, known: tuple[int, Caller], words: str
    ) -> None:
        path, call = self.asked(at, known), known[1]
        assert call("post", path, {"texts": {"job_note": words}}).json()["status"] == "REFERRED"
        assert SupplementItem.objects.get().answer_text == words

    def test_a_supplement_in_words_is_refused_by_name(self, at: datetime, known: tuple[int, Caller]) -> None:
        path, call = self.asked(at, known), known[1]
        with nothing_changes():
            for words in UNSEEN:
                refused(call("post", path, {"texts": {"job_note": words}}), "job_note", "unusable_text")
            for words in (*BROKEN, *BLANK, "长" * 2001):
                answer = call("post", path, {"texts": {"job_note": words}})
                assert problem(answer) == (422, "invalid")
                assert {name.rsplit(".")[-1] for name in answer.json()["fields"]} == {"job_note"}

    def asked(self, at: datetime, known: tuple[int, Caller]) -> str:
        pk = judged(at, "refer", user_id=known[0])
        supplements.request(application_id=pk, items=ASKED, by="staff:1", at=at)
        return f"applications/{Application.objects.get(pk=pk).public_id}/supplements"
