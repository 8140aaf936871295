"""The borrower site as a door: who may see what, every state's page, bad input, and going on from another front end."""

import re
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import URLPattern
from django.utils.html import escape

import contracts.services
import funding.services
from lending.common.attempts import Limit
from lending.common.throttle import ByScope
from lending.common.web import BorrowerPage
from lending.models import Application, Drawdown, Loan, Supplement
from lending.pages.urls import urlpatterns
from lending.services import applications, day_close, drawdowns, grants, supplements
from tests.conftest import Clock
from tests.factories import drawdowns as drawn
from tests.factories import loans as factory
from tests.factories.applications import judged, submitted
from tests.factories.borrowers import borrower, consent, id_number
from tests.factories.configuration import bootstrap, configure
from tests.factories.loans import Taker
from tests.factories.tokens import access_token
from users import queries as users
from users.models import BankCard, Consent, Document, Message, User
from users.rules.levels import LoanHistory
from users.services import accounts, codes, collected, levels

pytestmark = pytest.mark.django_db
ENGLISH, CHINESE = {"Accept-Language": "en"}, {"Accept-Language": "zh-CN"}
MINE = [pattern for pattern in urlpatterns if issubclass(getattr(pattern.callback, "view_class", object), BorrowerPage)]


@pytest.fixture
def at(db: None, clock: Clock) -> datetime:
    configure(clock.at, apps=("lending", "users", "funding", "review", "traffic"))
    return clock.at


def visit(user_id: int, **headers: str) -> Client:
    """Somebody signed in, reading English unless told otherwise."""
    client = Client(headers=headers or ENGLISH)
    client.force_login(User.objects.get(pk=user_id))
    return client


def shown(client: Client, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status, (path, answer.status_code, answer.headers.get("Location"))
    return answer.content.decode()


def of(row: Any) -> str:
    return f"/{type(row).__name__.lower()}s/{row.public_id}/"


def address(pattern: URLPattern) -> str:
    """Any address that the pattern matches."""
    return "/" + re.sub(r"<\w+:code>", "credit_query", re.sub(r"<uuid:\w+>", str(uuid4()), str(pattern.pattern)))


class TestLevel:
    @pytest.mark.parametrize(
        ("headers", "lines"),
        [
            (
                ENGLISH,
                ("Silver", "Limit 10% higher", "Next: Gold", "1 loan paid back: 0 so far", "you were 5 days late"),
            ),
            (CHINESE, ("银", "额度提高 10%", "下一等级：金", "结清借款满 1 笔，已完成 0 笔", "您最多逾期 5 天")),
        ],
    )
    def test_me_says_what_it_gives_and_what_the_next_one_needs(
        self, at: datetime, headers: dict[str, str], lines: tuple[str, ...]
    ) -> None:
        user_id = accounts.ensure_user(phone="13900001234", at=at)
        history = LoanHistory(on_time_instalments=3, worst_dpd={12: 5})
        levels.recompute(user_id=user_id, history=history, at=at)
        page = shown(visit(user_id, **headers), "/me/")
        assert [line for line in lines if line not in page] == []


class TestWhoMayLook:
    @pytest.mark.parametrize("pattern", MINE, ids=lambda pattern: pattern.name)
    def test_nobody_without_signing_in_and_staff_are_nobody(self, at: datetime, pattern: URLPattern) -> None:
        path = address(pattern)
        officer = User.objects.create_user("officer", "long enough for anybody", created_at=at)
        for client in (Client(), visit(officer.pk)):
            for method in (client.get, client.post):
                answer = method(path)
                assert answer.status_code in (302, 405), path
                assert answer.status_code == 405 or answer.headers["Location"].startswith("/sign-in/?next=")

    @pytest.mark.parametrize("pattern", [p for p in MINE if "<uuid:" in str(p.pattern)], ids=lambda p: p.name)
    def test_what_is_not_yours_is_not_there(self, at: datetime, pattern: URLPattern) -> None:
        stranger, path = visit(borrower(at)), address(pattern)
        assert stranger.get(path).status_code in (404, 405), path
        assert stranger.post(path, {"key": str(uuid4())}).status_code in (302, 404, 405), path

    def test_somebody_else_s_rows_are_hidden_on_every_page(self, at: datetime) -> None:
        who = factory.taker(at)
        loan = factory.paid_out(at, who, factory.granted(at, who))
        ids = {
            "applications": loan.drawdown.grant.application.public_id,
            "grants": loan.drawdown.grant.public_id,
            "drawdowns": loan.drawdown.public_id,
            "loans": loan.public_id,
        }
        stranger = visit(borrower(at))
        for pattern in MINE:
            word = str(pattern.pattern).split("/")[0]
            if word in ids and "<uuid:public_id>" in str(pattern.pattern):
                path = address(pattern)
                path = re.sub(r"(?<=/)[0-9a-f-]{36}(?=/)", str(ids[word]), path, count=1)
                for answer in (stranger.get(path), stranger.post(path, {"key": str(uuid4()), "code": "123456"})):
                    assert answer.status_code in (404, 405), path
        loan.refresh_from_db()
        assert loan.status == "ACTIVE"

    def test_a_link_from_outside_cannot_lead_away(self, at: datetime) -> None:
        client = visit(borrower(at))
        for away in ("https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"):
            assert client.get("/sign-in/", {"next": away}).headers["Location"] == "/home/"
            assert client.post("/language/", {"language": "en", "next": away}).headers["Location"] == "/"

    def test_pages_of_a_person_are_kept_nowhere(self, at: datetime) -> None:
        assert visit(borrower(at)).get("/me/").headers["Cache-Control"] == "no-store"

    def test_forms_of_other_sites_are_refused(self, at: datetime) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(User.objects.get(pk=borrower(at)))
        assert client.post("/sign-out/").status_code == 403


class TestSigningIn:
    def ask(self, client: Client, phone: str) -> Any:
        return client.post("/sign-in/?next=/me/", {"phone": phone, "accept": "on"})

    def test_a_code_opens_a_session(self, at: datetime) -> None:
        client = Client(headers=ENGLISH)
        assert self.ask(client, "139 0000 1234").headers["Location"] == "/sign-in/code/?next=%2Fme%2F"
        found = re.search(r"\d{6}", Message.objects.latest("pk").text)
        assert found
        wrong = "000000" if found.group() != "000000" else "111111"
        page = client.post("/sign-in/code/?next=/me/", {"code": wrong})
        assert page.status_code == 422
        assert "The code is wrong or has expired" in page.content.decode()
        assert client.get("/me/").status_code == 302
        answer = client.post("/sign-in/code/?next=/me/", {"code": found.group()})
        assert answer.headers["Location"] == "/me/"
        assert "139****1234" in shown(client, "/me/")
        client.post("/sign-out/")
        assert client.get("/me/").status_code == 302

    @pytest.mark.parametrize("phone", ["", "12345", "+44 20 7946 0000", "\0", "x" * 500])
    def test_what_is_no_phone_is_told_at_the_field(self, at: datetime, phone: str) -> None:
        answer = self.ask(Client(headers=ENGLISH), phone)
        assert answer.status_code == 422
        assert 'id="id_phone_error"' in answer.content.decode()
        assert not Message.objects.exists()

    def test_the_documents_are_accepted_first(self, at: datetime) -> None:
        answer = Client(headers=ENGLISH).post("/sign-in/", {"phone": "13900001234"})
        assert answer.status_code == 422
        assert "Please read and accept the two documents first." in answer.content.decode()
        assert not Message.objects.exists()

    def test_one_address_cannot_send_codes_to_everybody(self, at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ByScope, "THROTTLE_RATES", {"otp": "3/min", "token": "3/min"})
        client = Client(headers=ENGLISH)
        answers = [self.ask(client, f"1390000000{number}") for number in range(5)]
        assert [answer.status_code for answer in answers] == [302, 302, 302, 422, 422]
        assert "Too many requests" in answers[-1].content.decode()
        assert Message.objects.count() == 3

    def test_a_browser_is_told_from_others(self, at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(codes, "CODES_OF_A_DEVICE", Limit("code-sent-device", 2, 3600))
        client = Client(headers=ENGLISH)
        shown(client, "/sign-in/")
        cookie = client.cookies["device"].value
        shown(client, "/sign-in/")
        assert client.cookies["device"].value == cookie
        answers = [self.ask(client, f"1390000000{number}") for number in range(3)]
        assert [answer.status_code for answer in answers] == [302, 302, 422]
        assert "No more codes for this device today" in answers[-1].content.decode()
        client.cookies["device"] = "made up"  # not signed by us: no device, and no fault
        assert self.ask(client, "13900000009").status_code == 302

    def test_a_closed_account_is_told_so(self, at: datetime) -> None:
        user_id = accounts.ensure_user(phone="13900001234", at=at)
        client = Client(headers=ENGLISH)
        self.ask(client, "13900001234")
        User.objects.filter(pk=user_id).update(is_active=False)
        found = re.search(r"\d{6}", Message.objects.latest("pk").text)
        assert found
        answer = client.post("/sign-in/code/", {"code": found.group()}, follow=True)
        assert "This account is closed" in answer.content.decode()


class TestLanguage:
    def test_both_are_whole(self, at: datetime) -> None:
        """No English sentence is left in the Chinese page, and the switch is kept for pages and messages."""
        user_id = borrower(at)
        client = visit(user_id, **CHINESE)
        for path in (
            "/",
            "/home/",
            "/me/",
            "/me/data/",
            "/me/export/",
            "/me/erase/",
            "/apply/?product=LINE",
            "/cards/new/",
        ):
            words = re.sub(r"<[^>]+>", " ", re.sub(r"<(script|svg|head).*?</\1>", "", shown(client, path), flags=re.S))
            left = set(re.findall(r"[A-Za-z]{3,}", words)) - {"IRR", "XIRR", "English", "ABC"}
            assert left == set(), path
        client.post("/language/", {"language": "en", "next": "/me/"})
        assert "Bank cards" in shown(client, "/me/")
        assert User.objects.get(pk=user_id).language == "en"

    def test_what_is_no_language_changes_nothing(self, at: datetime) -> None:
        client = visit(borrower(at), **CHINESE)
        assert client.post("/language/", {"language": "xx"}).status_code == 302
        assert "银行卡" in shown(client, "/me/")


class TestLanding:
    @pytest.mark.parametrize(
        "query",
        ["amount=1", "amount=99999999", "amount=x", "amount=10050.5", "months=7", "months=-1", "months=" + "9" * 50,
         "product=NOPE", "method=NOPE", "amount=%00", "amount=١٠٠٠٠"],
    )  # fmt: skip
    def test_an_address_that_asks_for_the_impossible_still_answers(self, at: datetime, query: str) -> None:
        shown(Client(headers=ENGLISH), f"/?{query}")

    def test_shows_the_whole_cost(self, at: datetime) -> None:
        page = shown(Client(headers=ENGLISH), "/?product=LINE&amount=10000&months=12&method=equal_instalment")
        for figure in ("¥928.26", "¥11,139.14", "20.40%", "22.29%"):  # instalment, total, price and IRR × 12, XIRR
            assert figure in page


class TestApplying:
    AMOUNT = {"amount": "10,000", "months": "12", "method": "equal_instalment", "purpose": "education"}

    def start(self, client: Client, **other: str) -> Any:
        key = str(uuid4())
        return client.post("/apply/?product=LINE", self.AMOUNT | {"key": key} | other)

    def test_a_button_pressed_twice_starts_one(self, at: datetime) -> None:
        client, key = visit(borrower(at)), str(uuid4())
        assert self.start(client, key=key).headers["Location"] == self.start(client, key=key).headers["Location"]
        assert Application.objects.count() == 1
        again = self.start(client)
        assert again.status_code == 422
        assert "An application for this kind of loan is already open" in again.content.decode()

    @pytest.mark.parametrize(
        ("field", "value"),
        [("amount", ""), ("amount", "0"), ("amount", "-5"), ("amount", "10050"), ("amount", "1e9"), ("amount", "NaN"),
         ("months", "7"), ("method", "interest_only"), ("purpose", "securities"), ("purpose", "")],
    )  # fmt: skip
    def test_wrong_values_are_told_at_their_field(self, at: datetime, field: str, value: str) -> None:
        answer = self.start(visit(borrower(at)), **{field: value})
        assert answer.status_code == 422
        assert f'id="id_{field}_error"' in answer.content.decode()
        assert not Application.objects.exists()

    def test_leads_to_the_first_step_that_is_missing(self, at: datetime) -> None:
        user_id = accounts.ensure_user(phone="13900001234", at=at)
        client = visit(user_id)
        draft = self.start(client).headers["Location"]
        assert client.get(draft).headers["Location"] == f"{draft}identity/"
        assert client.get(f"{draft}confirm/").headers["Location"] == f"{draft}identity/"
        answer = client.post(f"{draft}identity/", {"name": "王", "id_number": "123", "accept": "on"})
        assert 'id="id_id_number_error"' in answer.content.decode()

    def test_what_was_declared_elsewhere_is_not_asked_again(self, at: datetime) -> None:
        """Begun in the app, by the API: the pages go straight to the last one, with the app's amount."""
        user_id = borrower(at)
        api = {"Authorization": f"Bearer {access_token(user_id, at)}", "Idempotency-Key": "k"}
        plan = {"amount_cents": 900_000, "months": 9, "method": "equal_principal", "purpose": "travel"}
        body = {"product": "LINE", "plan": plan}
        started = Client().post("/api/v1/applications", body, content_type="application/json", headers=api).json()
        assert (started["amount_cents"], started["months"], started["purpose"]) == (900_000, 9, "travel")
        client, draft = visit(user_id), f"/applications/{started['id']}/"
        assert client.get(draft).headers["Location"] == f"{draft}confirm/"
        assert "Send the application for ¥9,000.00" in shown(client, f"{draft}confirm/")

    def test_the_app_goes_on_with_what_the_pages_began(self, at: datetime) -> None:
        user_id = borrower(at)
        public_id = self.start(visit(user_id)).headers["Location"].split("/")[2]
        api = {"Authorization": f"Bearer {access_token(user_id, at)}"}
        draft = Client().get(f"/api/v1/applications/{public_id}", headers=api).json()
        asked = {name: draft[name] for name in ("amount_cents", "months", "method", "purpose")}
        assert asked["amount_cents"] == 1_000_000
        path = f"/api/v1/applications/{public_id}/submit"
        answer = Client().post(path, asked, content_type="application/json", headers=api)
        assert answer.json()["status"] == "SUBMITTED"
        assert "Application received" in shown(visit(user_id), f"/applications/{public_id}/")

    @pytest.mark.parametrize(
        ("name", "accepted"),
        [("𬍛䶮", True), ("Anne-Marie O'Neill", True), ("长" * 60, True), ("长" * 61, False), ("王\u202e小明", False),
         ("王😀", False), ("محمد", False), ("   ", False), ("\0", False)],
    )  # fmt: skip
    def test_a_name_is_taken_as_it_is_or_refused_at_its_field(self, at: datetime, name: str, accepted: bool) -> None:
        user_id = accounts.ensure_user(phone="13900001234", at=at)
        client = visit(user_id)
        draft = self.start(client).headers["Location"]
        told = {"name": name, "id_number": id_number(1), "id_expires_on": "2040-01-01", "accept": "on"}
        answer = client.post(f"{draft}identity/", told)
        assert answer.status_code == (302 if accepted else 422)
        assert ('id="id_name_error"' in answer.content.decode()) is not accepted
        kept = users.person(user_id).name
        assert kept == (name if accepted else "")

    def test_what_is_odd_is_shown_back_as_it_was_written(self, at: datetime) -> None:
        user_id = borrower(at)
        client = visit(user_id)
        path = f"{self.start(client).headers['Location']}details/"
        odd = {
            "city": "<b>杭州</b> & 'x'",
            "address": 'شارع 5 😀 "q" ' + "长" * 150,
            "employer": "𬭎公司",
            "job": "R&D",
        }
        told = {"province": "ZJ", "housing": "own", "employment": "4_7y", "savings": "none", "net_income": "10,000",
                "instalments_elsewhere": "0"}  # fmt: skip
        assert client.post(path, told | odd).status_code == 302
        page = shown(client, path)
        for text in odd.values():
            assert escape(text) in page
        assert "<b>杭州" not in page

    def test_contacts(self, at: datetime) -> None:
        user_id = accounts.ensure_user(phone="13900001234", at=at)
        client = visit(user_id)
        path = f"{self.start(client).headers['Location']}contacts/"
        total = {"contact-TOTAL_FORMS": "2", "contact-INITIAL_FORMS": "0"}
        first = {"contact-0-relation": "friend", "contact-0-name": "李芳"}
        own = client.post(path, total | first | {"contact-0-phone": "13900001234"})
        assert own.status_code == 422
        assert "These contacts cannot be saved" in own.content.decode()
        for broken in ({}, {"contact-TOTAL_FORMS": "x"}, {"contact-TOTAL_FORMS": "9999999"}):
            assert client.post(path, total | broken).status_code == 422
        assert client.post(path, total | first | {"contact-0-phone": "13900139000"}).status_code == 302


class TestStates:
    """Every state has its page, and says what to do."""

    def page(self, pk: int, at: datetime) -> str:
        row = Application.objects.get(pk=pk)
        return shown(visit(row.user_id), of(row))

    def test_of_an_application(self, at: datetime, clock: Clock) -> None:
        assert "Application received" in self.page(submitted(at), at)
        assert "A person is looking at it" in self.page(judged(at, "refer"), at)
        refused = judged(at, "decline", reasons=("S03", "P01"), with_offer=False)
        page = self.page(refused, at)
        assert "Your record with earlier credit is short or mixed." in page
        assert "You may apply again from 1 May 2026." in page
        assert "/appeal/" in page
        gone = submitted(at)
        applications.withdraw(application_id=gone, by="user:1", at=at)
        assert "You cancelled the application" in self.page(gone, at)
        never = judged(at, "decline", reasons=("H07",), with_offer=False)
        assert "You may apply again" not in self.page(never, at)

    def test_a_refusal_can_be_appealed_once(self, at: datetime) -> None:
        row = Application.objects.get(pk=judged(at, "decline", with_offer=False))
        client = visit(row.user_id)
        assert client.post(f"{of(row)}appeal/", {"reason": ""}).status_code == 422
        assert client.post(f"{of(row)}appeal/", {"reason": "我的储蓄未被计入"}).status_code == 302
        row.refresh_from_db()
        assert row.status == "REFERRED"
        client.post(f"{of(row)}appeal/", {"reason": "again"})
        row.refresh_from_db()
        assert row.appeals == 1

    def test_a_supplement_is_brought(self, at: datetime, settings: Any, tmp_path: Any) -> None:
        settings.MEDIA_ROOT = tmp_path
        row = Application.objects.get(pk=judged(at, "refer"))
        supplements.request(application_id=row.pk, items=[("income", "最近三个月流水")], by="staff:1", at=at)
        client, path = visit(row.user_id), f"{of(row)}supplement/"
        assert "最近三个月流水" in shown(client, path)
        unseen = client.post(path, {"text.income": "a\u202eb"})
        assert "A character cannot be used here" in unseen.content.decode()
        for bad in (None, SimpleUploadedFile("a.jpg", b"GIF89a"), SimpleUploadedFile("a.pdf", b"")):
            answer = client.post(path, {"file.income": bad} if bad else {})
            assert answer.status_code == 422
            assert "errorlist" in answer.content.decode()
            assert Supplement.objects.get().answered_at is None
        good = SimpleUploadedFile("../../x.pdf", b"%PDF-1.7 salary\n%%EOF")
        assert client.post(path, {"file.income": good}).headers["Location"] == of(row)
        assert Supplement.objects.get().answered_at == at
        assert client.get(path).headers["Location"] == of(row)

    def test_an_application_is_cancelled_after_one_more_question(self, at: datetime) -> None:
        row = Application.objects.get(pk=judged(at, "refer"))
        client = visit(row.user_id)
        assert "Cancel the application?" in shown(client, f"{of(row)}cancel/")
        client.post(f"{of(row)}cancel/")
        row.refresh_from_db()
        assert row.status == "WITHDRAWN"
        assert client.post(f"{of(row)}cancel/").headers["Location"] == of(row)

    def test_of_a_drawdown(self, at: datetime, clock: Clock) -> None:
        row = Drawdown.objects.get(pk=drawn.routing(at))
        assert "Finding a lender" in shown(visit(row.user_id), of(row))
        drawdowns.no_funder(drawdown_id=row.pk, reasons=["M01"], at=at)
        client = visit(row.user_id)
        page = shown(client, of(row))
        assert "No lender has money available for this loan today." in page
        assert "We look again at 2 Mar 2026 23:00." in page
        drawdowns.reopen_routing(drawdown_id=row.pk, at=at)
        drawdowns.no_funder(drawdown_id=row.pk, reasons=["M04"], at=at)
        for page in (shown(client, of(row)), shown(client, "/home/")):
            assert "No lender took it" in page
            assert "We look again" not in page
            assert "We ask again" not in page
        assert "It costs nothing" in shown(client, f"{of(row)}cancel/")
        assert client.post(f"{of(row)}cancel/").status_code == 302
        assert "You cancelled it" in shown(client, of(row))
        assert "It is too late to cancel" in client.post(f"{of(row)}cancel/", follow=True).content.decode()
        other = drawn.signed(at)
        drawn.card_refused(at, other.drawdown_id)
        row = Drawdown.objects.get(pk=other.drawdown_id)
        page = shown(visit(row.user_id), of(row))
        assert "Your bank returned the payment" in page
        assert "/card/" in page
        fix = shown(visit(row.user_id), f"{of(row)}card/")
        assert "did not take the payment" in fix
        assert "/cards/new/" in fix

    def test_says_when_a_shut_lender_pays_out(self, at: datetime, clock: Clock) -> None:
        allocation = drawn.signed(at)
        row = Drawdown.objects.get(pk=allocation.drawdown_id)
        client, waits = visit(row.user_id), "The lender pays out again from 3 Mar 2026 00:30."
        assert waits not in shown(client, of(row))
        clock.at = at.replace(hour=23, minute=10)
        assert waits in shown(client, of(row))
        funding.services.start_payout(drawdown_id=row.pk, at=clock.at)
        assert waits in shown(client, of(row))
        assert "出借人将于2026年3月3日 00:30恢复放款。" in shown(visit(row.user_id, **CHINESE), of(row))
        clock.at += timedelta(hours=2)
        assert waits not in shown(client, of(row))

    def test_another_card_leads_to_signing_the_change(self, db: None, clock: Clock) -> None:
        bootstrap()
        at = clock.at
        pk = drawn.signing(at).drawdown_id
        contracts.services.issue(drawdown_id=pk, at=at)
        drawdowns.signed(drawdown_id=pk, contract_set_sha256=drawn.SET_SHA256, at=at)
        drawn.card_refused(at, pk)
        row = Drawdown.objects.get(pk=pk)
        client, path = visit(row.user_id), f"{of(row)}card/"
        assert "/cards/new/" in shown(client, path)
        other = BankCard.objects.get(pk=drawn.card(row.user_id, at))
        theirs = BankCard.objects.get(pk=drawn.card(borrower(at), at))
        refused = BankCard.objects.get(pk=row.card_id)
        for wrong in (theirs, refused):
            assert client.post(path, {"card": str(wrong.public_id)}).status_code == 422
        assert client.post(path, {"card": str(other.public_id)}).headers["Location"] == f"{of(row)}sign/"
        row.refresh_from_db()
        assert row.card_id == other.pk
        again = shown(client, path)  # whoever goes back finds the card named, and the refused one as such
        assert re.search(rf'value="{other.public_id}"[^>]*checked', again)
        assert str(refused.public_id) not in again
        assert client.post(path, {"card": str(refused.public_id)}).status_code == 422
        assert "Your contracts are being written" in shown(client, f"{of(row)}sign/")

    def test_of_a_loan(self, at: datetime, clock: Clock) -> None:
        who = factory.taker(at)
        loan = factory.paid_out(at, who, factory.granted(at, who))
        page = shown(visit(who.user_id), of(loan))
        assert "Due on 2 Apr 2026" in page
        assert "Give the money back" in page
        clock.move(days=37)
        day_close.close(at=clock.at)
        page = shown(visit(who.user_id), of(loan))
        assert "5 days late." in page
        assert "Give the money back" not in page
        assert visit(who.user_id).get(f"{of(loan)}return/").headers["Location"] == of(loan)

    def test_of_an_expired_limit(self, at: datetime, clock: Clock) -> None:
        who = factory.taker(at)
        grant_id = factory.granted(at, who)
        grants.expire(grant_id=grant_id, reason="B02", by="system", at=at)
        page = shown(visit(who.user_id), of(Application.objects.get().grant))
        assert "The offer has run out" in page
        assert 'name="amount"' not in page

    def test_nothing_yet(self, at: datetime) -> None:
        client = visit(accounts.ensure_user(phone="13900001234", at=at))
        assert "Nothing here yet." in shown(client, "/home/")
        assert "No bank card yet." in shown(client, "/me/")
        assert "Nobody has been asked about you." in shown(client, "/me/data/")
        assert "You have given none." in shown(client, "/me/consents/")


class TestMoney:
    @pytest.fixture
    def who(self, at: datetime) -> Taker:
        return factory.taker(at)

    @pytest.fixture
    def loan(self, at: datetime, who: Taker) -> Loan:
        return factory.paid_out(at, who, factory.granted(at, who))

    def card(self, client: Client, path: str) -> dict[str, str]:
        found = re.search(r'name="card" value="([0-9a-f-]{36})"', shown(client, path))
        assert found
        return {"card": found.group(1)}

    def test_repaying_twice_with_one_button_collects_once(self, at: datetime, who: Taker, loan: Loan) -> None:
        client, path = visit(who.user_id), f"{of(loan)}repay/"
        form = self.card(client, path) | {"key": str(uuid4()), "amount": "100"}
        for _ in range(2):
            assert client.post(path, form).headers["Location"] == of(loan)
        page = shown(client, of(loan))
        assert page.count("¥100.00 is being collected from your card") == 1
        other = client.post(path, form | {"key": str(uuid4())})
        assert "A payment of this loan is already under way" in other.content.decode()

    @pytest.mark.parametrize("amount", ["", "0", "-1", "999999", "x", "1.005"])
    def test_an_amount_that_is_not_owed(self, at: datetime, who: Taker, loan: Loan, amount: str) -> None:
        client, path = visit(who.user_id), f"{of(loan)}repay/"
        form = self.card(client, path) | {"key": str(uuid4()), "amount": amount}
        answer = client.post(path, form)
        assert answer.status_code == 422
        assert "errorlist" in answer.content.decode() or 'role="alert"' in answer.content.decode()

    def test_settling_and_giving_back_ask_once_more(self, at: datetime, who: Taker, loan: Loan) -> None:
        client = visit(who.user_id)
        assert "¥10,000.00" in shown(client, f"{of(loan)}settle/")
        assert "give back what you got and pay nothing" in shown(client, f"{of(loan)}return/")
        assert client.post(f"{of(loan)}return/", {"key": str(uuid4())}).headers["Location"] == of(loan)
        assert "is being collected" in shown(client, of(loan))

    def test_drawing_needs_card_consents_and_a_possible_amount(self, at: datetime, who: Taker) -> None:
        grant = Application.objects.get(grant__pk=factory.granted(at, who)).grant
        client = visit(who.user_id)
        asked = "amount=5000&months=12&method=equal_instalment&purpose=education"
        path = f"{of(grant)}draw/?{asked}"
        page = shown(client, path)
        assert "和悦消费金融" not in page
        assert "Heyue Consumer Finance" in page
        for wrong in ("amount=5001", "amount=99999", "months=5", "purpose=property"):
            answer = client.get(f"{of(grant)}draw/?{asked}&{wrong}")
            assert answer.status_code == 422, wrong
        form = self.card(client, path) | {"key": str(uuid4())}
        first = client.post(path, form)
        assert first.status_code == 302
        assert client.post(path, form).headers["Location"] == first.headers["Location"]
        assert Drawdown.objects.count() == 1

    def test_drawing_without_the_consents_is_told(self, at: datetime) -> None:
        user_id = borrower(at)
        pk = judged(at, "approve", grade="B", reasons=(), user_id=user_id)
        grants.open(application_id=pk, at=at)
        drawn.card(user_id, at)
        grant = Application.objects.get(pk=pk).grant
        client = visit(user_id)
        path = f"{of(grant)}draw/?amount=5000&months=12&method=equal_instalment&purpose=education"
        answer = client.post(path, self.card(client, path) | {"key": str(uuid4())})
        assert answer.status_code == 422
        assert "A consent is missing, withdrawn, or does not name these lenders" in answer.content.decode()
        assert not Drawdown.objects.exists()

    def test_a_consent_is_withdrawn_with_one_press(self, at: datetime, who: Taker) -> None:
        client = visit(who.user_id)
        listed = re.findall(r'href="(/me/consents/[0-9a-f-]+/)"', shown(client, "/me/consents/"))
        one = next(path for path in listed if "lender gets your data" in shown(client, path))
        found = re.search(r'action="(/me/consents/[0-9a-f-]+/withdraw/)"', shown(client, one))
        assert found
        assert "Nothing more is sent under it." in client.post(found.group(1), follow=True).content.decode()
        assert "already withdrawn" in client.post(found.group(1), follow=True).content.decode()
        assert "You withdrew it on" in shown(client, one)

    def test_data_used_names_the_lender_and_the_version_that_was_read(self, at: datetime) -> None:
        user_id = drawn.signing(at).user_id
        document = Document.objects.get(code="funder_share")
        document.pk, document.version, document.valid_from, document.body_en = None, "2", at, "Other words."
        document.save()
        client = visit(user_id)
        page = shown(client, "/me/data/")
        assert "Heyue Consumer Finance" in page
        assert "The lender said yes" in page
        assert "Name and ID number" in page
        share = Consent.objects.get(code="funder_share")
        assert f'href="/me/consents/{share.public_id}/"' in page
        read = shown(client, f"/me/consents/{share.public_id}/")
        assert "Other words." not in read
        assert "A newer version is in force" in read
        assert "Heyue Consumer Finance" in read

    def test_data_used_tells_what_came_from_the_phone_and_links_to_its_consent(self, at: datetime, who: Taker) -> None:
        consent(who.user_id, "contacts", at)
        consent(who.user_id, "device", at)
        device = {"fingerprint": "a" * 32, "platform": "ios"}
        collected.receive(user_id=who.user_id, contacts=["0" * 64], device=device, ip="10.9.8.7", at=at)
        page = shown(visit(who.user_id), "/me/data/")
        assert "Counted when it came; the data itself was not kept" in page
        assert "Your devices" in page
        given = Consent.objects.get(user_id=who.user_id, code="contacts")
        assert f'href="/me/consents/{given.public_id}/"' in page
        assert "withdraw/" in shown(visit(who.user_id), f"/me/consents/{given.public_id}/")


class TestApp:
    def test_can_be_installed(self) -> None:
        client = Client(headers=ENGLISH)
        manifest = client.get("/manifest.webmanifest").json()
        assert {icon["sizes"] for icon in manifest["icons"]} == {"192x192", "512x512"}
        worker = client.get("/sw.js")
        assert worker.headers["Content-Type"].startswith("text/javascript")
        assert "/offline/" in worker.content.decode()
        assert "No connection" in shown(client, "/offline/")

    def test_an_address_that_is_none_has_a_page(self, at: datetime) -> None:
        assert "There is nothing of yours at this address" in shown(Client(headers=ENGLISH), "/nothing/", 404)
