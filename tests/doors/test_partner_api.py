"""The partner API as a partner meets it: signed, once, within limits; what is wrong is named and changes nothing."""

import csv
import re
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta
from io import BytesIO, StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test import Client
from django.test.client import encode_multipart
from drf_spectacular.generators import SchemaGenerator
from openapi_spec_validator import validate

from lending.api.urls import partner_urlpatterns
from lending.models import Application, Drawdown, Event
from lending.services import applications, grants, supplements
from tests.conftest import Clock
from tests.factories import drawdowns as drawn
from tests.factories.applications import judged
from tests.factories.borrowers import borrower, id_number
from tests.factories.configuration import configure
from tests.factories.partners import Partner, cardmate, loanhub, pocket
from tests.factories.pictures import picture
from tests.factories.staff import officer
from traffic import services
from traffic.models import (
    Attribution,
    Channel,
    ChannelDay,
    ChannelKey,
    ChannelOrder,
    JoinLink,
    PartnerCall,
    Precheck,
    PrecheckSubject,
    SettlementLine,
    StatusPush,
    Touch,
)
from traffic.rules import precheck as rules
from traffic.urls import api_urlpatterns
from users.models import Contact, Message, Notice, Profile, User
from users.services import codes, lists

CONFIGURED = ("lending", "users", "funding", "traffic")


@pytest.fixture
def at(clock: Clock, db: None) -> datetime:
    configure(clock.at, CONFIGURED)
    return clock.at


def problem(answer: Any) -> tuple[int, str]:
    assert answer.headers["Content-Type"] == "application/problem+json", answer.content
    assert answer.json()["status"] == answer.status_code
    return answer.status_code, answer.json()["code"]


def told(at: datetime, channel: str = "LOANHUB", count: int = 1) -> None:
    """`count` borrowers of the channel begin."""
    for _ in range(count):
        user_id = borrower(at)
        applications.start(user_id=user_id, product_code="LINE", channel_code=channel, by=f"user:{user_id}", at=at)
        services.push_status(event_id=Event.objects.latest("pk").pk, at=at)


class TestTheDoor:
    def test_lets_a_signed_request_in_once(self, at: datetime) -> None:
        partner = loanhub()
        headers = partner.headers("GET", "/partner/v1/events", "", b"")
        first, second = (partner.call("GET", "events", headers=headers) for _ in range(2))
        assert first.status_code == 200
        assert first.headers["Cache-Control"] == "no-store"
        assert problem(second) == (401, "nonce_used")
        assert second.headers["WWW-Authenticate"] == "CASHLOAN-HMAC-SHA256"
        [call] = PartnerCall.objects.all()
        assert (call.channel_id, call.operation, call.status, call.code) == ("LOANHUB", "events", 200, "")

    def test_names_what_is_wrong_and_keeps_nothing(self, at: datetime) -> None:
        partner, stranger = loanhub(), Partner("nobody", "sandbox-LOANHUB")
        late = str(int(time.time()) - 301)
        signed_late = partner.headers("GET", "/partner/v1/events", "", b"", **{"X-Timestamp": late})
        other_query = partner.headers("GET", "/partner/v1/events", "after=1", b"")
        found = {
            "unsigned": problem(partner.client.get("/partner/v1/events")),
            "late": problem(partner.call("GET", "events", headers=signed_late)),
            "nobody": problem(stranger.call("GET", "events")),
            "another's secret": problem(Partner("loanhub", "sandbox-POCKET").call("GET", "events")),
            "another query": problem(partner.call("GET", "events", query="after=2", headers=other_query)),
            "nothing there": problem(partner.call("GET", "nothing")),
        }
        assert found == {
            "unsigned": (401, "signature_missing"),
            "late": (401, "timestamp_outside_window"),
            "nobody": (401, "unknown_app"),
            "another's secret": (401, "signature_mismatch"),
            "another query": (401, "signature_mismatch"),
            "nothing there": (404, "not_found"),
        }
        assert not PartnerCall.objects.exists()

    def test_takes_both_keys_while_they_change_and_neither_after_its_end(self, at: datetime, clock: Clock) -> None:
        secret = services.issue_key(channel_code="LOANHUB", reason="a rotation", by=officer(at), at=at)
        partners = (loanhub(), Partner("loanhub", secret))
        assert [partner.call("GET", "events").status_code for partner in partners] == [200, 200]
        assert not ChannelKey.objects.filter(channel="LOANHUB", last_used_at=None).exists()
        clock.move(days=14)
        assert [partner.call("GET", "events").status_code for partner in partners] == [401, 200]
        key = ChannelKey.objects.get(channel="LOANHUB", valid_to=None)
        services.end_key(key_id=key.pk, reason="it leaked", by=officer(at), at=clock.at)
        assert problem(partners[1].call("GET", "events")) == (401, "unknown_app")

    def test_only_from_listed_addresses(self, at: datetime) -> None:
        Channel.objects.filter(pk="LOANHUB").update(ip_allow=["203.0.113.0/24"])
        assert problem(loanhub().call("GET", "events")) == (403, "address_not_allowed")
        assert loanhub().call("GET", "events", REMOTE_ADDR="203.0.113.9").status_code == 200

    def test_so_often_a_minute_and_no_more(self, at: datetime) -> None:
        Channel.objects.filter(pk="LOANHUB").update(rate_per_minute=2)
        answers = [loanhub().call("GET", "events") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 200, 429]
        assert problem(answers[2]) == (429, "rate_limited")
        assert 1 <= int(answers[2].headers["Retry-After"]) <= 60
        assert cardmate().call("GET", "events").status_code == 200  # each channel has its own
        PartnerCall.objects.update(at=PartnerCall.objects.latest("pk").at - timedelta(minutes=1))
        assert loanhub().call("GET", "events").status_code == 200


class TestEvents:
    def test_go_on_where_the_reader_stopped(self, at: datetime) -> None:
        told(at, count=5)
        told(at, "CARDMATE")
        first = loanhub().call("GET", "events", query="limit=2").json()
        rest = loanhub().call("GET", "events", query=f"limit=100&after={first['last_seq']}").json()
        assert [event["seq"] for event in first["events"] + rest["events"]] == [1, 2, 3, 4, 5]
        assert (first["has_more"], rest["has_more"], rest["last_seq"]) == (True, False, 5)
        nothing = loanhub().call("GET", "events", query="after=5").json()
        assert nothing == {"events": [], "last_seq": 5, "has_more": False}

    @pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=0", "limit=501", f"after={2**63}"])
    def test_refuse_what_is_no_number(self, at: datetime, query: str) -> None:
        answer = loanhub().call("GET", "events", query=query)
        assert problem(answer) == (422, "invalid")
        assert list(answer.json()["fields"]) == [query.split("=")[0]]


def order(number: int = 1, **change: Any) -> dict[str, Any]:
    """As LOANHUB sends it."""
    return {
        "order_id": f"LH-{number}",
        "phone": f"1390000{number:04d}",
        "product": "ONCE",
        "amount_cents": 1_000_000,
        "months": 12,
        "name": "王建国",
        "id_number": id_number(number),
        "province": "ZJ",
        "employment": "4_7y",
        "net_income_cents": 1_200_000,
        "contacts": [{"relation": "spouse", "name": "李梅", "phone": "13800000002"}],
    } | change


def kept() -> tuple[int, ...]:
    """How many rows an intake would leave."""
    models = (Application, ChannelOrder, Touch, ChannelDay, Event, Profile, Contact, User)
    return tuple(model._default_manager.count() for model in models)


class TestIntake:
    def test_opens_a_draft_with_what_the_channel_knows(self, at: datetime) -> None:
        answer = loanhub().call("POST", "applications", order())
        assert answer.status_code == 201, answer.content
        told = answer.json()
        assert (told["order_id"], told["status"], told["details_taken"]) == ("LH-1", "RECEIVED", True)
        application = Application.objects.get()
        assert (str(application.public_id), application.channel_code) == (told["application_id"], "LOANHUB")
        assert (application.status, application.asked_cents, application.asked_months) == ("DRAFT", 1_000_000, 12)
        profile = Profile.objects.get()
        assert (profile.name, profile.updated_by) == ("王建国", "channel:LOANHUB")
        assert [(row.kind, row.channel_id) for row in Touch.objects.all()] == [("intake", "LOANHUB")]
        services.push_status(event_id=Event.objects.get().pk, at=at)
        assert StatusPush.objects.get().payload["order_id"] == "LH-1"

    def test_reads_each_channel_s_own_words(self, at: datetime) -> None:
        body = {"outOrderNo": "1", "mobile": "13900000001", "productType": "cash", "loanAmount": 8000, "loanTerm": 6}
        assert pocket().call("POST", "applications", body).json()["amount_cents"] == 800_000
        answer = pocket().call("POST", "applications", body | {"outOrderNo": "2", "loanAmount": 1, "order_id": "3"})
        assert answer.json()["fields"] == {"order_id": "unknown field"}
        answer = pocket().call(
            "POST", "applications", body | {"outOrderNo": "2", "mobile": "13900000002", "loanAmount": 1}
        )
        assert problem(answer) == (422, "invalid")
        assert list(answer.json()["fields"]) == ["loanAmount"]

    def test_the_same_order_again_is_the_same(self, at: datetime) -> None:
        first, second = (loanhub().call("POST", "applications", order()) for _ in range(2))
        assert (first.status_code, second.status_code) == (201, 200)
        assert first.json() == second.json()
        assert problem(loanhub().call("POST", "applications", order(months=6))) == (409, "order_id_used")
        assert ChannelDay.objects.get().used == 1
        body = {"outOrderNo": "LH-1", "mobile": "13900000009", "productType": "cash", "loanAmount": 8000, "loanTerm": 6}
        assert pocket().call("POST", "applications", body).status_code == 201  # another channel's ids are its own

    def test_changes_nothing_that_a_borrower_told_us(self, at: datetime) -> None:
        known = Profile.objects.get(user_id=borrower(at, phone="13900000001"))
        answer = loanhub().call("POST", "applications", order(name="别人", net_income_cents=1))
        assert (answer.status_code, answer.json()["details_taken"]) == (201, False)
        before = (known.name, known.id_number, known.net_income_cents, known.updated_by)
        known.refresh_from_db()
        assert (known.name, known.id_number, known.net_income_cents, known.updated_by) == before

    def test_does_not_tell_whose_an_id_number_is(self, at: datetime) -> None:
        number = Profile.objects.get(user_id=borrower(at)).id_number
        answer = loanhub().call("POST", "applications", order(id_number=number))
        assert (answer.status_code, answer.json()["details_taken"]) == (201, False)

    @pytest.mark.parametrize(
        ("body", "status", "code", "fields"),
        [
            (order(hat="red", months=None), 422, "invalid", {"hat", "months"}),
            (order(product="BIZ"), 422, "invalid", {"product"}),
            (order(amount_cents=1_000_001), 422, "invalid", {"amount_cents"}),
            (order(months=7), 422, "invalid", {"months"}),
            (order(purpose="a yacht"), 422, "invalid", {"purpose"}),
            (order(phone="12345"), 422, "invalid_phone", {"phone"}),
            (order(id_number="11010519900615123X"), 422, "invalid_id_number", {"id_number"}),
            (order(province="XX"), 422, "invalid", {"province"}),
            (order(name="王\u202e国"), 422, "unusable_text", {"name"}),
            (order(order_id="\x00"), 422, "invalid", {"order_id"}),
            (
                order(contacts=[{"relation": "spouse", "name": "x", "phone": "1"}]),
                422,
                "invalid_phone",
                {"contacts.0.phone"},
            ),
            ([order()], 422, "invalid", {""}),
            (b"{", 400, "malformed", None),
            (b"\xff", 400, "malformed", None),
            (b"[" * 100_000, 400, "malformed", None),
        ],
    )
    def test_bad_input_is_named_and_changes_nothing(
        self, at: datetime, body: Any, status: int, code: str, fields: set[str] | None
    ) -> None:
        before = kept()
        answer = loanhub().call("POST", "applications", body)
        assert problem(answer) == (status, code), answer.content
        assert fields is None or set(answer.json()["fields"]) == fields
        assert kept() == before

    def test_an_open_application_elsewhere_is_said_without_whose(self, at: datetime) -> None:
        user_id = borrower(at, phone="13900000001")
        applications.start(user_id=user_id, product_code="LINE", channel_code="CARDMATE", by="user:1", at=at)
        answer = loanhub().call("POST", "applications", order())
        assert problem(answer) == (409, "open_application_exists")
        assert "application_id" not in answer.json()

    def test_so_many_a_day_and_no_more(self, at: datetime, clock: Clock) -> None:
        Channel.objects.filter(pk="LOANHUB").update(day_quota=1)
        assert loanhub().call("POST", "applications", order(1)).status_code == 201
        before = kept()
        refused = loanhub().call("POST", "applications", order(2))
        assert (problem(refused), refused.headers["Retry-After"]) == ((429, "day_quota_used"), str(14 * 3600))
        assert kept() == before
        assert loanhub().call("POST", "applications", order(1)).status_code == 200  # what is known costs nothing
        clock.move(hours=14)  # midnight in the market
        assert loanhub().call("POST", "applications", order(2)).status_code == 201


def hashed(channel: str, phone: str) -> str:
    return rules.digest(f"sandbox-precheck-{channel}", phone)


class TestPrecheck:
    """LOANHUB asks by eight digits, POCKET by the whole hash; who is known is hashed by the sweep."""

    def by_hash(self, phone: str) -> dict[str, Any]:
        answer = pocket().call("POST", "precheck", {"phone_hash": hashed("POCKET", phone)})
        assert answer.status_code == 200, answer.content
        return dict(answer.json())

    def test_answers_a_class_by_what_we_know(self, at: datetime) -> None:
        phones = [f"1390001{number:04d}" for number in range(6)]
        _new, _stranger, asking, refused, customer, barred = phones
        for phone in phones[1:]:
            borrower(at, phone=phone)
        ids = {user.phone: user.pk for user in User.objects.all()}
        applications.start(user_id=ids[asking], product_code="LINE", channel_code="OWN", by="user:1", at=at)
        judged(at, "decline", user_id=ids[refused], reasons=("S01",))
        grants.open(application_id=judged(at, "approve", user_id=ids[customer], reasons=()), at=at)
        lists.add(kind="black", subject="phone", value=barred, reason="fraud", by="system", at=at)
        services.fill_subjects()
        found = {phone: self.by_hash(phone) for phone in phones}
        assert [found[phone]["answer"] for phone in phones] == [
            "eligible", "eligible", "open_application", "cooling_off", "existing_customer", "not_eligible",
        ]  # fmt: skip
        assert found[refused]["until"] == "2026-04-01T02:00:00Z"
        assert list(Precheck.objects.order_by("pk").values_list("hit", flat=True)) == [False, *[True] * 5]
        assert PartnerCall.objects.filter(operation="precheck", status=200).count() == 6

    def test_of_eight_digits_answers_a_bucket_that_is_never_empty(self, at: datetime) -> None:
        phone = "13900010001"
        grants.open(application_id=judged(at, "approve", user_id=borrower(at, phone=phone), reasons=()), at=at)
        services.fill_subjects()
        digest = hashed("LOANHUB", phone)
        known, unknown, again = (
            loanhub().call("POST", "precheck", {"phone_hash_prefix": prefix}).json()
            for prefix in (digest[:8], "0" * 8, "0" * 8)
        )
        assert {row["hash"]: row["answer"] for row in known["matches"]}[digest] == "existing_customer"
        assert len(known["matches"]) == len(unknown["matches"]) == 4  # how many there are tells nothing
        assert unknown == again
        assert {row["hash"][:8] for row in unknown["matches"]} == {"0" * 8}
        assert (known["otherwise"], unknown["otherwise"]) == ("eligible", "eligible")

    def test_one_channel_s_hash_finds_nobody_for_another(self, at: datetime) -> None:
        phone = "13900010001"
        grants.open(application_id=judged(at, "approve", user_id=borrower(at, phone=phone), reasons=()), at=at)
        services.fill_subjects()
        answer = pocket().call("POST", "precheck", {"phone_hash": hashed("LOANHUB", phone)})
        assert answer.json() == {"answer": "eligible", "until": None}

    @pytest.mark.parametrize(
        ("body", "status", "code", "fields"),
        [
            ({"phone_hash": "0" * 63}, 422, "invalid", {"phone_hash"}),
            ({"phone_hash": "A" * 64}, 422, "invalid", {"phone_hash"}),
            ({"phone_hash": "0" * 64, "phone": "1"}, 422, "invalid", {"phone"}),
            ({"phone_hash_prefix": "0" * 8}, 422, "invalid", {"phone_hash", "phone_hash_prefix"}),
            ([], 422, "invalid", {""}),
            (b"{", 400, "malformed", None),
            (b"[" * 100_000, 400, "malformed", None),
        ],
    )
    def test_bad_input_is_named_and_asks_nothing(
        self, at: datetime, body: Any, status: int, code: str, fields: set[str] | None
    ) -> None:
        answer = pocket().call("POST", "precheck", body)
        assert problem(answer) == (status, code)
        assert fields is None or set(answer.json()["fields"]) == fields
        assert not Precheck.objects.exists()
        assert PartnerCall.objects.get().code == code

    def test_is_a_signed_post_of_json(self, at: datetime) -> None:
        assert problem(pocket().call("GET", "precheck")) == (405, "method_not_allowed")
        assert problem(pocket().client.post("/partner/v1/precheck")) == (401, "signature_missing")
        answer = pocket().call("POST", "precheck", b"phone_hash=1", content_type="application/x-www-form-urlencoded")
        assert problem(answer) == (415, "unsupported_media_type")

    def test_sixty_a_minute(self, at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rules, "A_MINUTE", 2)
        body = {"phone_hash": "0" * 64}
        answers = [pocket().call("POST", "precheck", body) for _ in range(3)]
        assert problem(answers[2]) == (429, "precheck_rate")
        assert (answers[1].status_code, answers[2].headers["Retry-After"]) == (200, "60")
        assert pocket().call("GET", "events").status_code == 200

    def test_who_fishes_is_stopped_until_people_resume_it(self, at: datetime, clock: Clock) -> None:
        asked = {"channel_id": "POCKET", "digest": "1" * 64, "answer": "eligible", "at": at - timedelta(minutes=1)}
        Precheck.objects.bulk_create(Precheck(**asked, hit=number < 351) for number in range(999))
        assert self.by_hash("13900010001")["answer"] == "eligible"  # the thousandth: 351 were known
        assert self.by_hash("13900010001") == {"answer": "try_later", "until": None}
        assert Notice.objects.get().kind == "precheck_stopped"
        services.resume_prechecks(channel_code="POCKET", reason="they had a campaign", by=officer(at), at=clock.at)
        clock.move(seconds=1)
        assert self.by_hash("13900010001")["answer"] == "eligible"

    def test_holds_the_borrower_for_a_day(self, at: datetime, clock: Clock) -> None:
        phone = "13900010001"
        user_id = borrower(at, phone=phone)
        services.fill_subjects()
        self.by_hash(phone)
        clock.move(hours=23)
        held = judged(clock.at, "approve", user_id=user_id, reasons=())
        services.freeze_attribution(application_id=held, at=clock.at)
        clock.move(hours=2)
        late = judged(clock.at, "approve", user_id=user_id, product_code="BIZ", purpose="business", reasons=())
        services.freeze_attribution(application_id=late, at=clock.at)
        credited = {row.pk: row.channel_id for row in Attribution.objects.all()}
        assert credited == {held: "POCKET", late: "OWN"}

    def test_an_erased_borrower_is_nobody(self, at: datetime) -> None:
        user_id = borrower(at)
        services.fill_subjects()
        services.erase(user_id=user_id)
        assert not PrecheckSubject.objects.exists()
        assert services.fill_subjects() == 3  # while the phone is there; what an erasure leaves has none


PHONE = "13900020001"


class TestJointLogin:
    """CARDMATE's borrowers apply on our pages."""

    def link(self, phone: str = PHONE, partner: Partner | None = None) -> str:
        answer = (partner or cardmate()).call("POST", "sessions", {"phone": phone, "product": "LINE"})
        assert answer.status_code == 201, answer.content
        assert answer.json()["expires_at"] == "2026-03-02T02:10:00Z"
        return "/join/" + str(answer.json()["url"]).split("/join/")[1]

    def test_lets_a_newcomer_in_once_and_begins_the_channel_s_application(self, at: datetime) -> None:
        place, browser = self.link(), Client()
        for _ in range(2):  # what looks at links before people do uses nothing up
            page = browser.get(place)
        assert (page.status_code, page.headers["Cache-Control"]) == (200, "no-store")
        # "no-referrer" would make browsers post the form with `Origin: null`, which is refused.
        assert page.headers["Referrer-Policy"] == "same-origin"
        assert "139****0001" in page.content.decode()
        assert browser.post(place).status_code == 422  # not without the agreements
        entered = browser.post(place, {"accept": "on"})
        assert (entered.status_code, entered.headers["Location"]) == (302, "/apply/?product=LINE")
        asked = {"amount": "10000", "months": 12, "method": "equal_instalment", "purpose": "education"}
        begun = browser.post("/apply/?product=LINE", asked | {"key": str(uuid4())})
        assert begun.status_code == 302, begun.content
        application = Application.objects.get()
        assert (application.channel_code, application.user.phone) == ("CARDMATE", PHONE)
        own = cardmate().call("GET", f"applications/{application.public_id}").json()
        assert (own["order_id"], own["status"]) == ("", "RECEIVED")
        over = [Client().post(place, {"accept": "on"}), Client().get(place)]
        assert ["链接已失效" in page.content.decode() for page in over] == [True, True]
        assert [page.status_code for page in over] == [409, 409]
        assert [(row.channel_id, row.kind) for row in Touch.objects.all()] == [("CARDMATE", "session")]

    def test_a_product_that_is_not_the_channel_s_is_our_own(self, at: datetime) -> None:
        browser = Client()
        browser.post(self.link(), {"accept": "on"})
        asked = {"amount": "10000", "months": 12, "method": "equal_instalment", "purpose": "education"}
        assert browser.post("/apply/?product=ONCE", asked | {"key": str(uuid4())}).status_code == 302
        assert Application.objects.get().channel_code == "OWN"

    def test_opens_no_account_that_somebody_has_signed_in_to(self, at: datetime) -> None:
        user_id = borrower(at, phone=PHONE)
        codes.request_code(phone=PHONE, purpose="login", ip="127.0.0.1", notice_accepted=True, at=at)
        sent = Message.objects.latest("pk").text or ""
        code = next(word for word in re.findall(r"[0-9]+", sent) if len(word) == 6)
        codes.verify_code(phone=PHONE, purpose="login", subject="", code=code, at=at)
        browser = Client()
        entered = browser.post(self.link(), {"accept": "on"})
        assert entered.headers["Location"] == "/sign-in/?next=%2Fapply%2F%3Fproduct%3DLINE"
        assert "_auth_user_id" not in browser.session
        assert (JoinLink.objects.get().signed_in, Touch.objects.get().user_id) == (False, user_id)

    def test_a_second_channel_does_not_open_what_the_first_one_opened(self, at: datetime) -> None:
        Client().post(self.link(), {"accept": "on"})
        body = {"phone": PHONE}
        url = loanhub().call("POST", "sessions", body).json()["url"]
        entered = Client().post("/join/" + url.split("/join/")[1], {"accept": "on"})
        assert entered.headers["Location"].startswith("/sign-in/")
        assert Client().post(self.link(), {"accept": "on"}).headers["Location"] == "/apply/?product=LINE"

    def test_is_over_after_ten_minutes(self, at: datetime, clock: Clock) -> None:
        place = self.link()
        clock.move(minutes=10)
        assert Client().get(place).status_code == 409
        assert "_auth_user_id" not in Client().session
        Client().post(place, {"accept": "on"})
        assert not Touch.objects.exists()
        assert Client().get("/join/made-up/").status_code == 404

    def test_goes_on_with_the_draft_that_the_channel_brought(self, at: datetime) -> None:
        brought = loanhub().call("POST", "applications", order(phone=PHONE)).json()["application_id"]
        url = loanhub().call("POST", "sessions", {"phone": PHONE}).json()["url"]
        entered = Client().post("/join/" + url.split("/join/")[1], {"accept": "on"})
        assert entered.headers["Location"] == f"/applications/{brought}/"

    def test_counts_a_borrower_once_a_day(self, at: datetime) -> None:
        Channel.objects.filter(pk="CARDMATE").update(day_quota=1)
        self.link()
        self.link()
        refused = cardmate().call("POST", "sessions", {"phone": "13900020002"})
        assert problem(refused) == (429, "day_quota_used")
        assert (ChannelDay.objects.get().used, JoinLink.objects.count(), User.objects.count()) == (1, 2, 1)

    @pytest.mark.parametrize(
        ("body", "code", "fields"),
        [
            ({}, "invalid", {"phone"}),
            ({"phone": 1, "hat": 2}, "invalid", {"phone", "hat"}),
            ({"phone": PHONE, "product": "BIZ"}, "invalid", {"product"}),
            ({"phone": PHONE, "product": {}}, "invalid", {"product"}),
            ({"phone": "12345678"}, "invalid_phone", {"phone"}),
            ([], "invalid", {""}),
        ],
    )
    def test_bad_input_is_named_and_makes_nothing(self, at: datetime, body: Any, code: str, fields: set[str]) -> None:
        answer = cardmate().call("POST", "sessions", body)
        assert problem(answer) == (422, code)
        assert set(answer.json()["fields"]) == fields
        assert not JoinLink.objects.exists()
        assert not User.objects.exists()

    def test_the_secret_of_a_link_is_not_kept(self, at: datetime) -> None:
        token = self.link().split("/")[2]
        assert JoinLink.objects.get().token_hash != token


class TestItsApplications:
    @pytest.fixture
    def mine(self, at: datetime) -> str:
        return str(loanhub().call("POST", "applications", order()).json()["application_id"])

    def test_are_found_by_either_id_and_by_nobody_else(self, mine: str) -> None:
        by_id, by_order = (
            loanhub().call("GET", f"applications/{mine}"),
            loanhub().call("GET", "applications", query="order_id=LH-1"),
        )
        assert by_id.json() == by_order.json()
        assert by_id.json()["drawdowns"] == []
        others = [
            pocket().call("GET", f"applications/{mine}"),
            pocket().call("GET", "applications", query="order_id=LH-1"),
            pocket().call("POST", f"applications/{mine}/cancel"),
            pocket().call("GET", f"applications/{mine}/supplements"),
            pocket().call("POST", f"applications/{mine}/supplements", {"texts": {"a": "b"}}),
            loanhub().call("GET", f"applications/{uuid4()}"),
            loanhub().call("GET", "applications", query="order_id=LH-2"),
        ]
        assert {problem(answer) for answer in others} == {(404, "not_found")}
        assert Application.objects.get().status == "DRAFT"
        assert problem(loanhub().call("GET", "applications")) == (422, "invalid")

    def test_are_cancelled_once(self, mine: str) -> None:
        assert loanhub().call("POST", f"applications/{mine}/cancel").json()["status"] == "CANCELLED"
        assert Event.objects.latest("pk").actor == "channel:LOANHUB"
        assert problem(loanhub().call("POST", f"applications/{mine}/cancel")) == (409, "wrong_state")

    def test_tell_of_drawdowns_in_words(self, at: datetime) -> None:
        drawdown_id = drawn.routing(at)
        Application.objects.update(channel_code="LOANHUB")
        application = Application.objects.get()
        told = loanhub().call("GET", f"applications/{application.public_id}").json()
        assert (told["status"], told["limit_cents"], told["annual_rate"]) == ("GRANTED", 1_000_000, "0.1440")
        [row] = told["drawdowns"]
        assert (row["status"], row["loan_id"]) == ("DRAWDOWN_REVIEWING", None)
        assert row["drawdown_id"] == str(Drawdown.objects.get(pk=drawdown_id).public_id)

    def test_are_supplemented_with_words_and_files(self, at: datetime, tmp_path: Any, settings: Any) -> None:
        settings.MEDIA_ROOT = tmp_path
        asked = judged(at, "refer")
        Application.objects.update(channel_code="LOANHUB")
        place = f"applications/{Application.objects.get().public_id}/supplements"
        assert loanhub().call("GET", place).json() == {"expires_at": None, "items": []}
        items = [("payslip", "工资单"), ("why", "What for?")]
        supplements.request(application_id=asked, items=items, by="staff:1", at=at)
        assert [row["kind"] for row in loanhub().call("GET", place).json()["items"]] == ["payslip", "why"]
        for body in ({"texts": {"why": "a roof"}}, {"texts": {"why": 7, "hat": "red"}}, {}, {"texts": []}):
            assert problem(loanhub().call("POST", place, body)) == (422, "invalid")
        content = encode_multipart("edge", {"text.why": "a roof", "file.payslip": BytesIO(picture())})
        kind = "multipart/form-data; boundary=edge"
        answer = loanhub().call("POST", place, content, content_type=kind)
        assert answer.status_code == 200, answer.content
        assert answer.json()["status"] == "REVIEWING"
        assert problem(loanhub().call("POST", place, content, content_type=kind)) == (409, "supplement_answered")
        forged = loanhub().headers("POST", f"/partner/v1/{place}", "", content)
        changed = loanhub().call("POST", place, content.replace(b"roof", b"door"), content_type=kind, headers=forged)
        assert problem(changed) == (401, "signature_mismatch")

    def test_of_a_joint_login_channel_are_not_brought(self, at: datetime) -> None:
        assert problem(cardmate().call("POST", "applications", order())) == (403, "not_in_your_flow")
        assert problem(cardmate().call("POST", f"applications/{uuid4()}/cancel")) == (403, "not_in_your_flow")


@pytest.mark.django_db(transaction=True)
class TestAtTheSameMoment:
    @pytest.fixture
    def at(self, clock: Clock) -> datetime:
        with transaction.atomic():
            configure(clock.at, CONFIGURED)
        return clock.at

    def test_one_nonce_is_let_in_once(self, at: datetime) -> None:
        headers = loanhub().headers("GET", "/partner/v1/events", "", b"")

        def one(_: int) -> int:
            try:
                return int(loanhub().call("GET", "events", headers=headers).status_code)
            finally:
                connection.close()

        with ThreadPoolExecutor(8) as pool:
            codes = sorted(pool.map(one, range(16)))
        assert codes == [200, *[401] * 15]

    def test_so_many_prechecks_a_minute_also_at_once(self, at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rules, "A_MINUTE", 5)

        def one(_: int) -> int:
            try:
                return int(pocket().call("POST", "precheck", {"phone_hash": "0" * 64}).status_code)
            finally:
                connection.close()

        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(one, range(16))) == [*[200] * 5, *[429] * 11]
        assert Precheck.objects.count() == 5
        assert sorted(PartnerCall.objects.values_list("code", flat=True)) == [*[""] * 5, *["precheck_rate"] * 11]

    def test_a_storm_of_one_order_is_one_application(self, at: datetime) -> None:
        def one(number: int) -> tuple[int, str]:
            try:
                answer = loanhub().call("POST", "applications", order(number % 2))
                return answer.status_code, answer.json().get("application_id", answer.json().get("code"))
            finally:
                connection.close()

        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(one, range(48)))
        assert {code for code, _ in answers} == {200, 201}
        assert len({found for _, found in answers}) == 2
        assert [code for code, _ in answers].count(201) == 2
        assert (Application.objects.count(), ChannelOrder.objects.count(), Event.objects.count()) == (2, 2, 2)
        assert ChannelDay.objects.get().used == 2

    def test_a_link_lets_in_once(self, at: datetime) -> None:
        url = cardmate().call("POST", "sessions", {"phone": PHONE}).json()["url"]

        def one(_: int) -> int:
            try:
                return int(Client().post("/join/" + url.split("/join/")[1], {"accept": "on"}).status_code)
            finally:
                connection.close()

        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(one, range(8))) == [302, *[409] * 7]

    def test_a_reader_beside_writers_misses_nothing(self, at: datetime) -> None:
        with transaction.atomic():
            for _ in range(12):
                user_id = borrower(at)
                applications.start(user_id=user_id, product_code="LINE", channel_code="LOANHUB", by="user:1", at=at)
        events = list(Event.objects.order_by("pk").values_list("pk", flat=True))

        def write(event_id: int) -> None:
            try:
                with transaction.atomic():
                    services.push_status(event_id=event_id, at=at)
                    time.sleep(0.01)  # others must not overtake while it is not committed
            finally:
                connection.close()

        seen: list[int] = []
        with ThreadPoolExecutor(4) as pool:
            work = [pool.submit(write, event_id) for event_id in events]
            while len(seen) < len(events) and time.monotonic() > 0:
                done = all(one.done() for one in work)
                page = loanhub().call("GET", "events", query=f"after={seen[-1] if seen else 0}").json()
                seen += [event["seq"] for event in page["events"]]
                if done and not page["events"]:
                    break
        assert seen == list(range(1, 13))


def test_the_document_is_the_partners_own_and_the_borrowers_has_none_of_it(at: datetime) -> None:
    made = loanhub().client.get("/partner/schema/", headers={"Accept": "application/vnd.oai.openapi+json"}).json()
    validate(made)
    assert made["info"]["title"] == "Cash loan partner API"
    assert all(path.startswith("/partner/v1/") for path in made["paths"])
    assert len(made["paths"]) == len(api_urlpatterns) + len(partner_urlpatterns)
    [needed] = made["paths"]["/partner/v1/events"]["get"]["security"]
    assert set(needed) == {"X-App-Id", "X-Timestamp", "X-Nonce", "X-Signature"}
    borrowers: Any = SchemaGenerator().get_schema(request=None, public=True)
    assert not [path for path in borrowers["paths"] if path.startswith("/partner/")]


class TestTheFileOfADay:
    def test_has_what_the_stream_has_and_only_the_caller_s(self, at: datetime, clock: Clock) -> None:
        told(at, "LOANHUB", count=2)
        told(at, "POCKET")
        clock.move(days=1)
        answer = loanhub().call("GET", "reconciliation", query="day=2026-03-02")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
        lines = list(csv.DictReader(StringIO(answer.content.decode())))
        events = loanhub().call("GET", "events").json()["events"]
        named = ("seq", "application_id", "status", "occurred_at")
        assert [[line[name] for name in named] for line in lines] == [[str(e[name]) for name in named] for e in events]
        assert len(lines) == 2

    @pytest.mark.parametrize(
        ("query", "refused"),
        [
            ("day=2026-03-02", (409, "day_not_over")),
            ("day=2999-01-01", (409, "day_not_over")),
            ("day=0001-01-01", (422, "invalid")),
            ("day=9999-12-31", (422, "invalid")),
            ("day=soon", (422, "invalid")),
            ("", (422, "invalid")),
        ],
    )
    def test_is_refused_by_name(self, at: datetime, query: str, refused: tuple[int, str]) -> None:
        assert problem(loanhub().call("GET", "reconciliation", query=query)) == refused


class TestTheStatementOfAMonth:
    def test_is_a_file_of_the_caller_s_own_once_it_is_approved(self, at: datetime) -> None:
        application_id = judged(at, "decline", grade="E", reasons=("S01",), with_offer=False)
        ids = {}
        for channel in ("LOANHUB", "POCKET"):
            SettlementLine.objects.create(
                channel_id=channel, kind="fee", reason="lead", source=channel, application_id=application_id,
                amount_cents=1800, currency="CNY", earned_at=at, on_date="2026-02-10",
            )  # fmt: skip
            said: dict[str, Any] = {"month": date(2026, 2, 1), "reason": "as a test", "at": at}
            ids[channel] = services.draft_statement(channel_code=channel, by=officer(at), **said)
        asked = ("GET", "statement")
        assert problem(loanhub().call(*asked, query="month=2026-02")) == (404, "no_statement")
        of: dict[str, Any] = {"statement_id": ids["LOANHUB"], "at": at}
        services.adjust_statement(amount_cents=-300, reason="between us", by=officer(at), **of)
        services.approve_statement(reason="compared", by="system", **of)
        answer = loanhub().call(*asked, query="month=2026-02")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
        lines = list(csv.DictReader(StringIO(answer.content.decode())))
        assert [(line["reason"], line["amount_cents"]) for line in lines] == [("lead", "1800"), ("adjustment", "-300")]
        assert "between us" not in answer.content.decode()
        assert problem(cardmate().call(*asked, query="month=2026-02")) == (404, "no_statement")
        for query in ("month=2026-13", "month=soon", "month=2026-02-01", ""):
            assert problem(loanhub().call(*asked, query=query)) == (422, "invalid")


class TestTheJournalOfCalls:
    def test_keeps_what_each_came_to(self, at: datetime) -> None:
        partner = loanhub()
        told(at)
        application_id = Application.objects.latest("pk").public_id
        cardmate().call("POST", "precheck", {"phone_hash": "0" * 64})
        partner.call("POST", "precheck", {"phone_hash_prefix": "0" * 8})
        partner.call("POST", "precheck", {"phone_hash_prefix": "short"})
        partner.call("GET", f"applications/{application_id}")
        partner.call("GET", f"applications/{uuid4()}")
        kept = PartnerCall.objects.order_by("pk").values_list("operation", "status", "verdict", "code")
        assert list(kept) == [
            ("precheck", 200, "eligible", ""),
            ("precheck", 200, "bucket", ""),
            ("precheck", 422, "", "invalid"),
            ("applications", 200, "RECEIVED", ""),
            ("applications", 404, "", "not_found"),
        ]
