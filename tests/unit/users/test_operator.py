"""Authorisation at the phone operator: both ways through, what goes wrong on each, and how it ends."""

import json
import re
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import pytest
from django.db import IntegrityError, transaction

from lending.common import http
from tests.conftest import Clock
from tests.factories.borrowers import id_number
from tests.sandbox_server import SandboxClient
from tests.unit.users.conftest import ID_NUMBER, PHONE, PROFILE, Borrower
from users import queries
from users.models import Consent, Notice, OperatorAuthorisation, Source, User
from users.services import consents, operator, operator_ends

UNICOM = "13012345678"
PATH = "/callbacks/users/operator"


@pytest.fixture
def willing(declared: Borrower, sandbox: SandboxClient) -> Borrower:
    """A number whose carrier texts a code."""
    assert declared.consent("operator").status_code == 201
    return declared


@pytest.fixture
def sent_on(willing: Borrower, another: Callable[[str], Borrower], clock: Clock) -> Borrower:
    """A number whose carrier shows a page, begun and answered."""
    other = another(UNICOM)
    other.call("put", "me/profile", PROFILE | {"id_number": id_number(7)})
    other.consent("operator")
    begun(other, clock)
    return other


def begin(who: Borrower) -> Any:
    return who.call("post", "me/operator")


def row_of(who: Borrower) -> OperatorAuthorisation:
    return OperatorAuthorisation.objects.filter(user_id=queries.people_with_number(who.phone)[0]).latest("pk")


def work(who: Borrower, clock: Clock) -> OperatorAuthorisation:
    operator.run(authorisation_id=row_of(who).pk, now=clock.at)
    return row_of(who)


def begun(who: Borrower, clock: Clock) -> OperatorAuthorisation:
    assert begin(who).status_code == 202
    return work(who, clock)


def type_code(who: Borrower, code: str) -> Any:
    return who.call("post", "me/operator/code", {"code": code})


def standing(who: Borrower) -> dict[str, Any]:
    told: dict[str, Any] = who.call("get", "me/operator").json()
    return told


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


def press(page: str, answer: str) -> str:
    """The holder's button at the carrier; where the browser goes then."""
    shown = httpx.get(page, trust_env=False)
    assert "130****5678" in shown.text
    target = re.search(r'action="([^"]+)"', shown.text)
    ticket = re.search(r'value="([0-9a-f]+)"', shown.text)
    assert target
    assert ticket
    address = f"{page.split('/operator/')[0]}{target[1]}?ticket={ticket[1]}&answer={answer}"
    return str(httpx.get(address, trust_env=False).headers["Location"])


def call_back(who: Borrower, told: Any, *, secret: str = "sandbox-operator_auth", **headers: str) -> Any:
    body = told if isinstance(told, bytes) else json.dumps({"event_id": "e1", "data": told}).encode()
    now = headers.get("timestamp", str(int(time.time())))
    signed = http.sign(secret=secret, method="POST", path=PATH, timestamp=now, body=body)
    sent = {"X-Timestamp": now, "X-Signature": headers.get("signature", signed)}
    return who.client.post(PATH, body, content_type="application/json", headers=sent)


def authorised(key: str, **changed: Any) -> dict[str, Any]:
    return {
        "key": key, "status": "authorised", "carrier": "unicom", "token": "op-1-x",
        "valid_until": "2026-05-01T00:00:00Z", **changed,
    }  # fmt: skip


class TestByCode:
    def test_is_authorised_with_the_carriers_code(
        self, willing: Borrower, sandbox: SandboxClient, clock: Clock
    ) -> None:
        assert (standing(willing)["state"], standing(willing)["is_wanted"]) == ("none", True)
        told = begin(willing).json()
        assert (told["state"], told["is_checking"]) == ("started", True)
        row = work(willing, clock)
        assert (row.state, row.carrier, row.consent.code) == ("code_sent", "mobile", "operator")
        assert type_code(willing, sandbox.last_code(PHONE)).json()["is_checking"]
        assert type_code(willing, sandbox.last_code(PHONE)).status_code == 202, "the same once more"
        assert type_code(willing, "1111").json()["code"] == "code_being_checked"
        row = work(willing, clock)
        assert (row.state, row.code, row.tries, row.why) == ("authorised", None, 1, "")
        told = standing(willing)
        assert (told["state"], told["is_wanted"], told["valid_until"]) == ("authorised", False, "2026-05-31T02:00:00Z")
        assert "token" not in told
        token = queries.operator_token(row.user_id, clock.at)
        assert token is not None
        assert token.token == row.token
        assert begin(willing).json()["state"] == "authorised", "there is one"
        assert OperatorAuthorisation.objects.count() == 1

    def test_a_wrong_code_is_told_and_the_fifth_ends_it(
        self, willing: Borrower, sandbox: SandboxClient, clock: Clock
    ) -> None:
        begun(willing, clock)
        code = wrong(sandbox.last_code(PHONE))
        for left in (4, 3, 2, 1):
            assert type_code(willing, code).status_code == 202
            work(willing, clock)
            told = standing(willing)
            assert (told["state"], told["why"], told["tries_left"]) == ("code_sent", "wrong_code", left)
        type_code(willing, code)
        row = work(willing, clock)
        assert (row.state, row.why, row.ended_at) == ("refused", "wrong_codes", clock.at)
        assert type_code(willing, sandbox.last_code(PHONE)).json()["code"] == "no_code_awaited"

    def test_refuses_what_is_no_code(self, willing: Borrower, clock: Clock) -> None:
        begun(willing, clock)
        for code in ("", "123", "123456789", "12345x", "１２３４５６", "12 34", None, 123456.5):
            assert type_code(willing, code).status_code == 422, code  # type: ignore[arg-type]
        with pytest.raises(operator.CodeMalformed), transaction.atomic():
            operator.confirm_code(user_id=row_of(willing).user_id, code="1234\n", at=clock.at)
        assert row_of(willing).tries == 0

    @pytest.mark.parametrize(
        ("word", "state", "why"),
        [
            ("refused", "refused", "refused"),
            ("not_subscriber", "refused", "not_possible"),
            ("expired", "expired", "not_finished"),
        ],
    )
    def test_the_carrier_says_no(
        self, willing: Borrower, sandbox: SandboxClient, clock: Clock, word: str, state: str, why: str
    ) -> None:
        sandbox.control("operator_auth", force={ID_NUMBER: word})
        begun(willing, clock)
        if word == "expired":
            type_code(willing, sandbox.last_code(PHONE))
            work(willing, clock)
        assert (row_of(willing).state, row_of(willing).why) == (state, why)
        assert not Notice.objects.exists()


class TestWhatGetsLost:
    @pytest.mark.parametrize("fault", [{"timeout_rate": 1}, {"lost_rate": 1}, {"error_rate": 1}])
    def test_a_beginning_is_asked_for_by_its_key(
        self, willing: Borrower, sandbox: SandboxClient, clock: Clock, fault: dict[str, int]
    ) -> None:
        Source.objects.filter(code="operator_auth").update(timeout_ms=150)
        sandbox.control("operator_auth", **fault, hang_ms=300)
        row = begun(willing, clock)
        assert (row.state, row.attempts) == ("started", 1)
        sandbox.control("operator_auth", timeout_rate=0, lost_rate=0, error_rate=0)
        Source.objects.filter(code="operator_auth").update(timeout_ms=5000)
        clock.move(seconds=5)
        assert work(willing, clock).state == "code_sent"
        methods = [call["method"] for call in sandbox.calls("operator_auth")][::-1]
        assert methods == (["POST", "GET"] if "timeout_rate" in fault else ["POST", "GET", "POST"])

    @pytest.mark.parametrize("fault", [{"timeout_rate": 1}, {"lost_rate": 1}])
    def test_a_code_is_one_try_however_often_it_is_sent(
        self, willing: Borrower, sandbox: SandboxClient, clock: Clock, fault: dict[str, int]
    ) -> None:
        begun(willing, clock)
        code = sandbox.last_code(PHONE)
        Source.objects.filter(code="operator_auth").update(timeout_ms=150)
        sandbox.control("operator_auth", **fault, hang_ms=300)
        type_code(willing, wrong(code))
        assert work(willing, clock).state == "code_sent"
        sandbox.control("operator_auth", timeout_rate=0, lost_rate=0)
        Source.objects.filter(code="operator_auth").update(timeout_ms=5000)
        clock.move(seconds=5)
        row = work(willing, clock)
        assert (row.state, row.why, row.tries, row.code) == ("code_sent", "wrong_code", 1, None)
        assert len(sandbox.calls("operator_auth", path="/code")) == (1 if "timeout_rate" in fault else 2)
        type_code(willing, code)
        assert work(willing, clock).state == "authorised"


class TestByPage:
    def test_the_browser_only_makes_us_ask(self, sent_on: Borrower, clock: Clock) -> None:
        told = standing(sent_on)
        assert (told["state"], told["carrier"]) == ("redirected", "unicom")
        state = press(told["page"], "agree").split("state=")[1]
        user_id = row_of(sent_on).user_id
        with pytest.raises(operator.NotFromThere), transaction.atomic():
            operator.come_back(user_id=user_id, state="x", at=clock.at)
        operator.come_back(user_id=user_id, state=state, at=clock.at)
        assert row_of(sent_on).state == "redirected", "nothing is believed"
        row = work(sent_on, clock)
        assert (row.state, row.page) == ("authorised", None)
        operator.come_back(user_id=user_id, state=state, at=clock.at)
        assert row_of(sent_on).state == "authorised"

    def test_coming_back_without_an_answer_changes_nothing(self, sent_on: Borrower, clock: Clock) -> None:
        row = row_of(sent_on)
        operator.come_back(user_id=row.user_id, state=operator._state(row.key), at=clock.at)
        assert work(sent_on, clock).state == "redirected"
        someone = User.objects.exclude(pk=row.user_id).get(kind="borrower").pk
        with pytest.raises(operator.NotFromThere), transaction.atomic():
            operator.come_back(user_id=someone, state=operator._state(row.key), at=clock.at)

    def test_the_callback_decides_once(self, sent_on: Borrower, clock: Clock) -> None:
        key = row_of(sent_on).key
        assert call_back(sent_on, authorised(key)).json() == {"outcome": "settled"}
        row = row_of(sent_on)
        assert (row.state, row.token, str(row.valid_until)) == ("authorised", "op-1-x", "2026-05-01 00:00:00+00:00")
        assert call_back(sent_on, authorised(key, token="other")).json() == {"outcome": "ignored"}
        assert call_back(sent_on, {"key": key, "status": "refused"}).json() == {"outcome": "ignored"}
        assert row_of(sent_on).token == "op-1-x"

    def test_a_callback_after_the_end_is_ignored(self, sent_on: Borrower, clock: Clock) -> None:
        operator.run_due(now=clock.move(minutes=30))
        assert (row_of(sent_on).state, row_of(sent_on).why) == ("expired", "not_finished")
        assert call_back(sent_on, authorised(row_of(sent_on).key)).json() == {"outcome": "ignored"}
        assert row_of(sent_on).token is None

    def test_refusing_at_the_carrier(self, sent_on: Borrower, clock: Clock) -> None:
        press(standing(sent_on)["page"], "refuse")
        clock.move(minutes=3)
        assert operator.run_due(now=clock.at) == 1, "a lost callback is looked for"
        assert (row_of(sent_on).state, row_of(sent_on).why) == ("refused", "refused")

    def test_a_forged_callback_changes_nothing(self, sent_on: Borrower) -> None:
        told = authorised(row_of(sent_on).key)
        for forged in ({"secret": "sandbox-operator"}, {"signature": ""}, {"timestamp": "1700000000"}):
            assert call_back(sent_on, told, **forged).status_code == 401, forged
        Source.objects.filter(code="operator_auth").update(credentials=None)
        assert call_back(sent_on, told, secret="").status_code == 401, "nobody signs with no secret"
        assert row_of(sent_on).state == "redirected"

    def test_bad_callbacks_are_named_and_change_nothing(self, sent_on: Borrower) -> None:
        key = row_of(sent_on).key
        cases: list[tuple[Any, int]] = [
            *((bad, 400) for bad in (b"[]", b"{", b'{"data": 1}', b"[" * 5000)),
            ({"key": "nobody's", "status": "refused"}, 404),
            ({"key": ["x"], "status": "refused"}, 422),
            ({"status": "done"}, 422),
            *((authorised(key, valid_until=bad), 422) for bad in ("tomorrow", "2026-05-01", None, 5)),
            *((authorised(key, token=bad), 422) for bad in ("", "x" * 3000, ["x"])),
        ]
        for told, status in cases:
            assert call_back(sent_on, told).status_code == status, told
        assert sent_on.client.get(PATH).status_code == 405
        assert row_of(sent_on).state == "redirected"


class TestWhoMay:
    def test_needs_the_consent(self, declared: Borrower, sandbox: SandboxClient) -> None:
        answer = begin(declared)
        assert (answer.status_code, answer.json()["missing"]) == (409, ["operator"])

    def test_needs_name_and_number(self, borrower: Borrower, sandbox: SandboxClient) -> None:
        borrower.consent("operator")
        assert begin(borrower).json()["code"] == "profile_incomplete"

    def test_not_while_it_is_switched_off(self, willing: Borrower) -> None:
        Source.objects.filter(code="operator_auth").update(enabled=False)
        assert begin(willing).json()["code"] == "operator_not_asked"
        assert not standing(willing)["is_wanted"]

    def test_again_after_a_minute_and_five_times_a_day(self, willing: Borrower, clock: Clock) -> None:
        begun(willing, clock)
        begin(willing)
        assert OperatorAuthorisation.objects.count() == 1
        for _ in range(4):
            clock.move(minutes=1)
            begin(willing)
        assert list(OperatorAuthorisation.objects.order_by("pk").values_list("why", flat=True)) == [
            *["begun_again"] * 4, "",
        ]  # fmt: skip
        clock.move(minutes=1)
        assert begin(willing).json()["code"] == "too_many_authorisations"
        assert row_of(willing).state == "started", "the one that is under way goes on"

    def test_a_stranger(self, stranger: Borrower) -> None:
        assert begin(stranger).status_code == 401


class TestTheEnd:
    @pytest.fixture
    def live(self, willing: Borrower, sandbox: SandboxClient, clock: Clock) -> OperatorAuthorisation:
        begun(willing, clock)
        type_code(willing, sandbox.last_code(PHONE))
        return work(willing, clock)

    def test_when_its_time_is_over(self, live: OperatorAuthorisation, willing: Borrower, clock: Clock) -> None:
        clock.move(days=90)
        assert queries.operator_token(live.user_id, clock.at) is None, "before any sweep"
        told = queries.operator(live.user_id, clock.at)
        assert (told.state, told.why, told.is_wanted) == ("expired", "run_out", True)
        assert operator.run_due(now=clock.at) == 1
        live.refresh_from_db()
        assert (live.state, live.why, live.token) == ("expired", "run_out", None)
        assert live.valid_until == live.ended_at
        assert operator.run_due(now=clock.at) == 0
        assert operator.start(user_id=live.user_id, at=clock.at) != live.pk, "it may be given again"

    def test_with_the_consent(self, live: OperatorAuthorisation, clock: Clock) -> None:
        given = Consent.objects.get(user_id=live.user_id, code="operator")
        consents.withdraw(user_id=live.user_id, consent_id=given.pk, by="user:1", at=clock.at)
        live.refresh_from_db()
        assert (live.state, live.why, live.token) == ("expired", "consent_withdrawn", None)

    def test_with_the_number(self, live: OperatorAuthorisation, clock: Clock) -> None:
        User.objects.filter(pk=live.user_id).update(phone_index="another")
        assert queries.operator_token(live.user_id, clock.at) is None
        assert queries.operator(live.user_id, clock.at).why == "other_phone"
        assert operator.start(user_id=live.user_id, at=clock.at) != live.pk
        live.refresh_from_db()
        assert live.why == "other_phone"

    def test_where_the_report_is_refused(self, live: OperatorAuthorisation, clock: Clock) -> None:
        for _ in range(2):
            operator.not_taken(authorisation_id=live.pk, at=clock.at)
        live.refresh_from_db()
        assert (live.state, live.why) == ("expired", "not_taken")

    def test_erasing_leaves_neither_token_nor_number(self, live: OperatorAuthorisation, clock: Clock) -> None:
        operator_ends.erase(user_id=live.user_id, at=clock.at)
        live.refresh_from_db()
        assert (live.state, live.why, live.token, live.phone_index) == ("expired", "erased", None, "")


class TestTheDatabase:
    def test_lets_nothing_be_under_way_without_a_live_consent(self, willing: Borrower, clock: Clock) -> None:
        row = begun(willing, clock)
        Consent.objects.filter(pk=row.consent_id).update(withdrawn_at=clock.at, withdrawn_by="user:1")
        for change in ({"state": "authorised", "token": "x", "authorised_at": clock.at, "valid_until": later(clock)},
                       {"leased_until": later(clock)}):  # fmt: skip
            with pytest.raises(IntegrityError, match="consent_not_live"), transaction.atomic():
                OperatorAuthorisation.objects.update(**change)

    def test_keeps_the_columns_together(self, willing: Borrower, clock: Clock) -> None:
        begun(willing, clock)
        for change in (
            *({"state": state} for state in ("authorised", "expired", "redirected")),
            *({"token": "x"}, {"page": "https://x"}, {"valid_until": later(clock)}),
        ):
            with pytest.raises(IntegrityError, match="users_operator_"), transaction.atomic():
                OperatorAuthorisation.objects.update(**change)

    def test_one_is_live(self, willing: Borrower, clock: Clock) -> None:
        row = begun(willing, clock)
        row.pk, row.key = None, "another"
        with pytest.raises(IntegrityError, match="users_operator_one_live"), transaction.atomic():
            row.save(force_insert=True)


def later(clock: Clock) -> datetime:
    return clock.at.replace(month=9)
