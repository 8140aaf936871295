"""auth/wechat and the ticket at auth/token, through HTTP, against the sandbox's WeChat."""

import logging
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from django.db import DatabaseError, transaction
from django.test import Client

from tests.conftest import Clock
from tests.sandbox_server import SandboxClient
from tests.unit.users.conftest import PHONE, Borrower, newest_code
from users.models import Consent, Document, LoginCode, Token, User, WechatIdentity, WechatTicket
from users.services import auth

pytestmark = pytest.mark.django_db(transaction=True)  # a durable transaction after the call to WeChat

ACCEPTED = {"service": "1", "privacy": "1"}
OTHER_PHONE = "13912340000"


@pytest.fixture
def person() -> str:
    return uuid4().hex[:10]


@pytest.fixture
def reader(sandbox: SandboxClient, stranger: Borrower, person: str) -> Iterator[Callable[..., Any]]:
    """Makes a call of auth/wechat with a fresh code of `person`, or the one given."""

    def ask(app: str = "mini", code: str = "", **more: Any) -> Any:
        body = {"app": app, "code": code or f"{person}.{uuid4().hex}"} | more
        return stranger.call("post", "auth/wechat", body, token="")

    return ask


def ticket_of(answer: Any) -> str:
    assert answer.status_code == 202, answer.json()
    return answer.json()["ticket"]


def sign_in(borrower: Borrower, ticket: str, phone: str = PHONE, **more: Any) -> Any:
    borrower.phone = phone
    borrower.ask_code()
    body = {"phone": phone, "code": newest_code(), "accepted": ACCEPTED, "wechat_ticket": ticket}
    return borrower.call("post", "auth/token", body | more, token="")


class TestAStranger:
    def test_gets_a_ticket_that_binds_the_phone_with_the_code(
        self, reader: Callable[..., Any], stranger: Borrower, clock: Clock
    ) -> None:
        answer = reader()
        ticket = ticket_of(answer)
        assert set(answer.json()) == {"ticket", "expires_at"}
        assert WechatTicket.objects.get().ticket_hash != ticket
        assert not Token.objects.exists()
        assert not User.objects.exists()
        assert sign_in(stranger, ticket).status_code == 200
        identity = WechatIdentity.objects.get()
        assert (identity.user, identity.bound_at) == (User.objects.get(), clock.at)
        known = reader()
        assert known.status_code == 200
        assert set(known.json()) == {"token_type", "access", "refresh", "expires_at"}
        assert stranger.call("get", "me", token=known.json()["access"]).status_code == 200

    def test_is_kept_encrypted_and_without_a_session_key(
        self, reader: Callable[..., Any], person: str, caplog: pytest.LogCaptureFixture, sandbox: SandboxClient
    ) -> None:
        with caplog.at_level(logging.DEBUG):
            reader()
        row = WechatIdentity.objects.values().get()
        assert row["openid"].startswith("o")
        assert row["openid"] not in (row["openid_index"], row["unionid_index"])
        assert not [name for name in row if "session" in name]
        said = "\n".join(str(vars(record)) for record in caplog.records if record.name.startswith(("lending", "users")))
        assert said
        for secret in (row["openid"], row["unionid"], person, "sandbox-wechat", "session_key"):
            assert secret not in said

    def test_without_a_ticket_nothing_is_bound(self, reader: Callable[..., Any], stranger: Borrower) -> None:
        reader()
        assert sign_in(stranger, "").status_code == 200
        assert WechatIdentity.objects.get().user is None
        assert reader().status_code == 202


class TestTheSamePersonInAnotherApp:
    def test_is_known_by_the_unionid(self, reader: Callable[..., Any], stranger: Borrower) -> None:
        sign_in(stranger, ticket_of(reader("mini")))
        assert reader("official").status_code == 200
        assert set(WechatIdentity.objects.values_list("app", "user__kind")) == {
            ("mini", "borrower"),
            ("official", "borrower"),
        }

    def test_is_bound_together_where_both_came_first(self, reader: Callable[..., Any], stranger: Borrower) -> None:
        ticket_of(reader("official"))
        sign_in(stranger, ticket_of(reader("mini")))
        assert not WechatIdentity.objects.filter(user=None).exists()
        assert reader("official").status_code == 200

    def test_is_a_stranger_where_wechat_tells_no_unionid(
        self, reader: Callable[..., Any], stranger: Borrower, sandbox: SandboxClient, person: str, clock: Clock
    ) -> None:
        sign_in(stranger, ticket_of(reader("mini")))
        sandbox.control("wechat", force={person: "no_unionid"})
        second = ticket_of(reader("official"))
        clock.move(minutes=2)
        assert sign_in(stranger, second).status_code == 200  # proved with the phone, it is bound too
        assert reader("official").status_code == 200


def state() -> list[Any]:
    """Everything a refused sign-in must leave as it was."""
    tables = (User, WechatIdentity, WechatTicket, Consent, Token)
    used = LoginCode.objects.exclude(used_at=None).count()
    return [used, *(sorted(map(repr, table._default_manager.values_list("pk", flat=True))) for table in tables),
            sorted(map(repr, WechatIdentity.objects.values_list("pk", "user", "bound_at"))),
            sorted(map(repr, WechatTicket.objects.values_list("pk", "used_at")))]  # fmt: skip


class TestRefused:
    """By name, and nothing is changed: neither bound, nor the code used up."""

    def refused(self, sign_in: Callable[[], Any], status: int, code: str) -> None:
        before = state()
        answer = sign_in()
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert state() == before

    def test_a_ticket_works_once(self, reader: Callable[..., Any], stranger: Borrower) -> None:
        ticket = ticket_of(reader())
        assert sign_in(stranger, ticket).status_code == 200
        self.refused(lambda: sign_in(stranger, ticket, OTHER_PHONE), 422, "wechat_ticket_refused")

    def test_a_ticket_lives_ten_minutes(self, reader: Callable[..., Any], stranger: Borrower, clock: Clock) -> None:
        ticket = ticket_of(reader())
        clock.move(minutes=10)
        self.refused(lambda: sign_in(stranger, ticket), 422, "wechat_ticket_refused")
        assert not User.objects.exists()
        body = {"phone": PHONE, "code": newest_code(), "accepted": ACCEPTED}
        assert stranger.call("post", "auth/token", body, token="").status_code == 200  # the code is still good

    @pytest.mark.parametrize("ticket", ["x", "x" * 100, "票", "\u202e"])
    def test_a_ticket_nobody_issued(self, stranger: Borrower, ticket: str) -> None:
        self.refused(lambda: sign_in(stranger, ticket), 422, "wechat_ticket_refused")

    def test_a_ticket_of_another_app(
        self, reader: Callable[..., Any], stranger: Borrower, settings: Any, sandbox: SandboxClient
    ) -> None:
        ticket = ticket_of(reader())
        settings.VENDORS = {"wechat": {"mini": "wx9999999999999999", "mini_secret": "s"}}
        self.refused(lambda: sign_in(stranger, ticket), 422, "wechat_ticket_of_another_app")
        assert WechatIdentity.objects.get().user is None

    def test_an_identity_of_another_phone(self, reader: Callable[..., Any], stranger: Borrower) -> None:
        first, second = ticket_of(reader()), ticket_of(reader())
        assert sign_in(stranger, first).status_code == 200
        self.refused(lambda: sign_in(stranger, second, OTHER_PHONE), 409, "wechat_bound_elsewhere")
        assert list(WechatIdentity.objects.values_list("user", flat=True)) == [User.objects.get().pk]

    def test_a_phone_with_another_wechat_account(
        self, reader: Callable[..., Any], stranger: Borrower, clock: Clock
    ) -> None:
        sign_in(stranger, ticket_of(reader()))
        other = ticket_of(reader(code=f"other-{uuid4().hex}"))
        clock.move(minutes=2)
        self.refused(lambda: sign_in(stranger, other), 409, "phone_has_another_wechat")
        assert WechatIdentity.objects.filter(user=None).count() == 1

    def test_the_database_binds_once(self, reader: Callable[..., Any], stranger: Borrower, clock: Clock) -> None:
        sign_in(stranger, ticket_of(reader()))
        sign_in(stranger, "", OTHER_PHONE)
        other = User.objects.latest("pk")
        for change in ({"user": other}, {"user": None, "bound_at": None}):
            with pytest.raises(DatabaseError, match="bound once"), transaction.atomic():
                WechatIdentity.objects.update(**change)

    def test_a_code_works_once(self, reader: Callable[..., Any], person: str) -> None:
        code = f"{person}.once"
        assert reader(code=code).status_code == 202
        answer = reader(code=code)
        assert (answer.status_code, answer.json()["code"]) == (422, "wechat_code_refused")
        assert set(answer.json()["fields"]) == {"code"}
        assert WechatTicket.objects.count() == 1

    @pytest.mark.parametrize(
        ("word", "status", "code"),
        [
            ("busy", 503, "wechat_unavailable"),
            ("limited", 503, "wechat_unavailable"),
            ("invalid", 422, "wechat_code_refused"),
            ("blocked", 403, "wechat_user_blocked"),
        ],
    )
    def test_what_wechat_says_has_its_name(
        self, reader: Callable[..., Any], sandbox: SandboxClient, person: str, word: str, status: int, code: str
    ) -> None:
        sandbox.control("wechat", force={person: word})
        answer = reader()
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert not WechatIdentity.objects.exists()

    def test_four_ways_not_to_keep_to_the_format(self, reader: Callable[..., Any], sandbox: SandboxClient) -> None:
        sandbox.control("wechat", malformed_rate=1.0)
        seen = {(answer.status_code, answer.json()["code"]) for answer in (reader() for _ in range(8))}
        assert seen == {(503, "wechat_unavailable")}
        assert not WechatIdentity.objects.exists()

    def test_an_app_whose_secret_is_wrong(self, reader: Callable[..., Any], settings: Any) -> None:
        settings.VENDORS = {
            "wechat": {"url": settings.SANDBOX_URL, "mini": "wx0000000000000002", "mini_secret": "wrong"}
        }
        assert reader().json()["code"] == "wechat_unavailable"
        assert reader("official").json()["code"] == "wechat_unavailable"  # not configured


class TestAgreements:
    def test_that_changed_are_accepted_first(
        self, reader: Callable[..., Any], stranger: Borrower, clock: Clock
    ) -> None:
        sign_in(stranger, ticket_of(reader()))
        old = Document.objects.get(code="privacy")
        old.pk, old.version, old.valid_from = None, "2", clock.move(days=1)
        old.save()
        clock.move(hours=1)
        answer = reader()
        assert (answer.status_code, answer.json()["code"]) == (422, "agreements_not_accepted")
        assert reader(accepted={"privacy": "2"}).status_code == 200
        assert reader().status_code == 200

    def test_a_closed_account_stays_closed(self, reader: Callable[..., Any], stranger: Borrower) -> None:
        sign_in(stranger, ticket_of(reader()))
        User.objects.update(is_active=False)
        assert reader().json()["code"] == "account_closed"


class TestForgetting:
    def test_tickets_go_a_day_after_their_end(self, reader: Callable[..., Any], clock: Clock) -> None:
        reader()
        auth.forget_expired(at=clock.move(hours=23))
        assert WechatTicket.objects.exists()
        auth.forget_expired(at=clock.move(hours=2))
        assert not WechatTicket.objects.exists()


class TestPages:
    """The official account opens a page; a browser that follows its redirects."""

    @pytest.fixture
    def browser(self, sandbox: SandboxClient, tables: None) -> Client:
        return Client()

    def leave(self, browser: Client, **query: str) -> str:
        answer = browser.get("/wechat/", query)
        assert answer.status_code == 302
        assert answer["Location"].endswith("#wechat_redirect")
        return answer["Location"]

    def come_back(self, browser: Client, address: str, person: str) -> Any:
        sent = httpx.get(f"{address.removesuffix('#wechat_redirect')}&person={person}", trust_env=False)
        assert sent.status_code == 302, sent.text
        assert sent.headers["Location"].startswith("http://testserver/wechat/return?")
        return browser.get(sent.headers["Location"])

    def test_an_unknown_reader_signs_in_with_the_ticket(self, browser: Client, stranger: Borrower, person: str) -> None:
        answer = self.come_back(browser, self.leave(browser, next="/loans/?a=1"), person)
        assert (answer.status_code, answer["Location"]) == (302, "/sign-in/?next=%2Floans%2F%3Fa%3D1")
        ticket = browser.session["wechat_ticket"]
        assert sign_in(stranger, ticket).status_code == 200
        answer = self.come_back(browser, self.leave(browser, next="/loans/?a=1"), person)
        assert (answer.status_code, answer["Location"]) == (302, "/loans/?a=1")
        assert browser.session["_auth_user_id"] == str(User.objects.get().pk)
        assert browser.session["_auth_user_backend"] == "django.contrib.auth.backends.ModelBackend"

    @pytest.mark.parametrize(
        "elsewhere", ["https://evil.example/", "//evil.example", "javascript:1", "/\\evil.example", ""]
    )
    def test_goes_nowhere_else(self, browser: Client, person: str, elsewhere: str) -> None:
        answer = self.come_back(browser, self.leave(browser, next=elsewhere), person)
        assert answer["Location"] == "/sign-in/?next=%2Fhome%2F"

    def refused(self, answer: Any, status: int, words: str) -> None:
        text = answer.content.decode()
        assert (answer.status_code, words in text) == (status, True), text
        assert 'href="/wechat/"' in text
        assert 'href="/sign-in/"' in text

    def test_only_what_it_asked_for_comes_back(self, browser: Client, person: str) -> None:
        browser.cookies["django_language"] = "en"
        address = self.leave(browser)
        words = "without coming from our official account"
        for state in ("", "?state=", "?state=x&code=y"):
            self.refused(Client(headers={"Accept-Language": "en"}).get(f"/wechat/return{state}"), 422, words)
        self.refused(browser.get("/wechat/return?state=wrong&code=y"), 422, words)
        self.refused(self.come_back(browser, address, person), 422, words)  # the state is used up with the first try
        assert "_auth_user_id" not in browser.session

    def test_says_what_happened_and_what_to_do(
        self, browser: Client, person: str, sandbox: SandboxClient, settings: Any
    ) -> None:
        for word, status, said in (
            ("invalid", 422, "already used or has expired"),
            ("blocked", 403, "does not let this account sign in"),
            ("busy", 503, "gives no answer at the moment"),
        ):
            browser.cookies["django_language"] = "en"
            sandbox.control("wechat", force={person: word})
            self.refused(self.come_back(browser, self.leave(browser), person), status, said)
        settings.VENDORS = {"wechat": {"mini": "wx0000000000000002"}}
        self.refused(browser.get("/wechat/"), 503, "gives no answer at the moment")

    def test_agreements_that_changed_are_shown_by_the_sign_in_page(
        self, browser: Client, stranger: Borrower, person: str, clock: Clock
    ) -> None:
        self.come_back(browser, self.leave(browser), person)
        assert sign_in(stranger, browser.session["wechat_ticket"]).status_code == 200
        Consent.objects.update(withdrawn_at=clock.at, withdrawn_by="test")
        clock.move(hours=1)
        answer = self.come_back(browser, self.leave(browser, next="/x/"), person)
        assert answer["Location"] == "/sign-in/?next=%2Fx%2F"
        assert "_auth_user_id" not in browser.session

    def test_is_read_only(self, browser: Client) -> None:
        assert {browser.post(address).status_code for address in ("/wechat/", "/wechat/return")} == {405}
