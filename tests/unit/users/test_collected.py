"""me/device-data: counted on arrival, never kept, each part under its own consent and where the market allows it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.apps import apps
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from tests.conftest import Clock
from tests.unit.users.conftest import Borrower
from users import queries
from users.models import (
    CollectedFeatures,
    CollectionRule,
    CollectorList,
    CollectorNumber,
    Consent,
    Device,
    StaffAct,
    User,
)
from users.rules import collected as rules
from users.rules.collected import MessageKind, MessageSeen, scrambled
from users.services import collectors, configuration, consents, retention

COLLECTOR = "17000000001"  # of collectors.csv
SPOUSE, FRIEND, STRANGER = (scrambled(number) for number in ("13700000001", "13700000002", "13700000003"))
DEVICE = {"fingerprint": "a" * 32, "platform": "android", "is_rooted": True}
CONTACTS = [
    {"relation": "spouse", "name": "李梅", "phone": "13700000001"},
    {"relation": "friend", "name": "张伟", "phone": "+86 137 0000 0002"},
]
SMS = {"sender": SPOUSE, "at": "2026-09-01T00:00:00Z", "kind": "bank"}
BOOK = [SPOUSE, SPOUSE, STRANGER, scrambled(COLLECTOR)]
NOON = datetime(2026, 9, 7, 4, 0, tzinfo=UTC)  # twelve in Shanghai


def message(at: datetime, kind: str = "other", sender: str = STRANGER) -> MessageSeen:
    return MessageSeen(sender, at, MessageKind(kind))


class TestContacts:
    @pytest.mark.parametrize(
        ("entries", "named", "found"),
        [
            ([], ["a"], {"numbers": 0, "named_found": 0, "named_missing": 1, "collectors": 0}),
            (["a", "a", "b"], ["a"], {"numbers": 2, "named_found": 1, "repeated_percent": 33, "collectors": 0}),
            (["a", "c"], ["b", "d"], {"named_found": 0, "named_missing": 2, "collectors": 1, "repeated_percent": 0}),
            (["c", "c"], [], {"numbers": 1, "named_missing": 0, "collectors": 1, "repeated_percent": 50}),
        ],
    )
    def test_counts(self, entries: list[str], named: list[str], found: dict[str, int]) -> None:
        counted = rules.of_contacts(entries, named, ["c"])
        assert counted == counted | found
        assert ("repeated_percent" in counted) == bool(entries)


class TestMessages:
    @pytest.mark.parametrize(
        ("seen", "found"),
        [
            ([], {"messages_90d": 0, "collection_90d": 0}),
            ([message(NOON - timedelta(days=90))], {"messages_90d": 0}),
            ([message(NOON - timedelta(days=89))], {"messages_90d": 1, "night_percent": 0}),
            ([message(NOON + timedelta(minutes=10))], {"messages_90d": 1}),
            ([message(NOON + timedelta(minutes=11))], {"messages_90d": 0}),
            ([message(NOON - timedelta(days=30), "lender")], {"lender_90d": 1, "lender_30d": 0}),
            ([message(NOON - timedelta(days=29), "lender")], {"lender_90d": 1, "lender_30d": 1}),
            ([message(NOON, sender="c"), message(NOON, "collection")], {"collection_90d": 2, "collectors_90d": 1}),
            ([message(NOON, "collection", "c")] * 2, {"collection_90d": 2, "collectors_90d": 1}),
            ([message(NOON - timedelta(hours=14)), message(NOON)], {"night_percent": 50}),  # ten at night
            ([message(NOON - timedelta(hours=6)), message(NOON)], {"night_percent": 0}),  # six in the morning
        ],
    )
    def test_counts(self, seen: list[MessageSeen], found: dict[str, int]) -> None:
        counted = rules.of_messages(seen, ["c"], NOON, ZoneInfo("Asia/Shanghai"))
        assert counted == counted | found
        assert ("night_percent" in counted) == bool(counted["messages_90d"])


def body(at: datetime) -> dict[str, Any]:
    sms = [{"sender": scrambled(COLLECTOR), "at": (at - timedelta(days=1)).isoformat(), "kind": "lender"}]
    return {"device": DEVICE, "sms": sms, "contacts": BOOK}


@pytest.fixture
def willing(borrower: Borrower) -> Borrower:
    """All three consents given, to the texts in force; two contacts named."""
    borrower.call("put", "me/contacts", CONTACTS)
    for code, version in (("device", "1"), ("sms", "2"), ("contacts", "2")):
        assert borrower.consent(code, version=version).status_code == 201
    return borrower


def features(who: Borrower) -> dict[str, Any]:
    return {row["kind"]: row["features"] for row in who.call("get", "me/device-data").json()}


class TestReceiving:
    def test_counts_and_keeps_nothing_else(self, willing: Borrower, at: datetime, caplog: Any) -> None:
        answer = willing.call("post", "me/device-data", body(at))
        assert answer.status_code == 200, answer.json()
        found = features(willing)
        assert found["device"] == {"devices": 1, "emulator": False, "rooted": True}
        assert (found["sms"]["lender_90d"], found["sms"]["collection_90d"]) == (1, 1)
        assert found["contacts"] == {
            "numbers": 3, "named_found": 1, "named_missing": 1, "collectors": 1, "repeated_percent": 25,
        }  # fmt: skip
        kept = everything() + caplog.text
        assert not [number for number in BOOK if number in kept]
        with connection.cursor() as cursor:
            cursor.execute("SELECT d::text FROM users_device d")
            assert DEVICE["fingerprint"] not in cursor.fetchone()[0]

    def test_the_next_delivery_replaces_it(self, willing: Borrower, at: datetime) -> None:
        willing.call("post", "me/device-data", {"contacts": BOOK})
        willing.call("post", "me/device-data", {"contacts": []})
        assert features(willing)["contacts"]["numbers"] == 0
        assert CollectedFeatures.objects.count() == 1

    @pytest.mark.parametrize(
        ("change", "status", "code"),
        [
            ({}, 422, "nothing_sent"),
            ({"sms": None}, 422, "nothing_sent"),
            ([], 422, "invalid"),
            ({"photos": []}, 422, "invalid"),
            ({"contacts": ["13700000001"]}, 422, "invalid"),
            ({"contacts": [{"name": "李梅", "number": SPOUSE}]}, 422, "invalid"),
            ({"contacts": [SPOUSE] * 5001}, 422, "invalid"),
            ({"contacts": "x"}, 422, "invalid"),
            ({"sms": [SMS | {"text": "您的验证码"}]}, 422, "invalid"),
            ({"sms": [SMS | {"sender": "95588"}]}, 422, "invalid"),
            ({"sms": [SMS | {"at": "now"}]}, 422, "invalid"),
            ({"sms": [SMS | {"kind": "love"}]}, 422, "invalid"),
            ({"sms": [SMS, "x"]}, 422, "invalid"),
            ({"device": {"fingerprint": "short", "platform": "web"}}, 422, "invalid"),
            ({"contacts": [], "device": {}}, 422, "invalid"),
            ({"contacts": ["0" * 64 for _ in range(4000)], "device": {"model": "x" * 900_000}}, 413, "too_large"),
        ],
    )  # fmt: skip
    def test_refuses_the_whole_of_what_cannot_be(self, willing: Borrower, change: Any, status: int, code: str) -> None:
        answer = willing.call("post", "me/device-data", change)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert not CollectedFeatures.objects.exists()
        assert not Device.objects.exists()


class TestConsent:
    @pytest.mark.parametrize("kind", ["device", "sms", "contacts"])
    def test_without_one_nothing_at_all_is_taken(self, willing: Borrower, at: datetime, kind: str) -> None:
        withdraw(kind, at)
        answer = willing.call("post", "me/device-data", body(at))
        assert (answer.status_code, answer.json()["code"], answer.json()["missing"]) == (409, "consent_missing", [kind])
        assert not CollectedFeatures.objects.exists()
        assert not Device.objects.exists()

    def test_to_an_older_text_is_not_enough(self, willing: Borrower, at: datetime) -> None:
        document = Consent.objects.get(code="sms").document
        document.pk, document.version, document.valid_from = None, "3", at
        document.save(force_insert=True)
        answer = willing.call("post", "me/device-data", {"sms": []})
        assert (answer.status_code, answer.json()["code"], answer.json()["version"]) == (409, "consent_outdated", "3")

    def test_withdrawn_what_was_counted_is_gone(self, willing: Borrower, at: datetime) -> None:
        willing.call("post", "me/device-data", body(at))
        withdraw("contacts", at)
        assert list(CollectedFeatures.objects.values_list("kind", flat=True)) == ["sms"]
        assert features(willing)["contacts"] == {}

    def test_the_database_itself_refuses(self, willing: Borrower, at: datetime) -> None:
        consent = {code: Consent.objects.get(code=code) for code in ("sms", "contacts")}
        row = {"user": consent["sms"].user, "features": {}, "received_at": at, "market": "CN"}
        for wrong, said in (
            ({"kind": "sms", "consent": consent["contacts"]}, "is not for sms"),
            ({"kind": "sms", "consent": consent["sms"], "market": "EU"}, "not_collected_here"),
            ({"kind": "device", "consent": Consent.objects.get(code="device")}, "users_collected_kind"),
        ):
            with pytest.raises(IntegrityError, match=said), transaction.atomic():
                CollectedFeatures.objects.create(**(row | wrong))
        withdraw("sms", at)
        with pytest.raises(IntegrityError, match="is withdrawn"), transaction.atomic():
            CollectedFeatures.objects.create(**row, kind="sms", consent=consent["sms"])


class TestMarket:
    def test_what_is_off_is_neither_asked_for_nor_taken(self, willing: Borrower, at: datetime, settings: Any) -> None:
        willing.call("post", "me/device-data", body(at))
        settings.MARKET = "EU"
        for kind in ("sms", "contacts"):
            answer = willing.call("post", "me/device-data", {"device": DEVICE, kind: []})
            assert (answer.status_code, answer.json()["code"]) == (403, "not_collected_here")
            assert willing.consent(kind, version="2").json()["code"] == "unknown_document"
        assert willing.call("post", "me/device-data", {"device": DEVICE}).status_code == 200
        assert features(willing)["sms"] == features(willing)["contacts"] == {}
        shown = {document.code for document in queries.documents(at, "apply")}
        assert (shown & {"sms", "contacts", "device"}) == {"device"}

    def test_without_a_row_nothing_is_taken(self, willing: Borrower) -> None:
        CollectionRule.objects.all().delete()
        assert willing.call("post", "me/devices", DEVICE).json()["code"] == "not_collected_here"

    def test_what_is_old_is_unknown(self, willing: Borrower, clock: Clock) -> None:
        willing.call("post", "me/device-data", body(clock.at))
        user_id = CollectedFeatures.objects.latest("pk").user_id
        later = clock.at + timedelta(days=30)
        assert queries.collection(user_id, later - timedelta(seconds=1))["sms"].features
        assert not queries.collection(user_id, later)["sms"].features


def withdraw(code: str, at: datetime) -> None:
    consent = Consent.objects.get(code=code)
    consents.withdraw(user_id=consent.user_id, consent_id=consent.pk, by="user:1", at=at)


def everything() -> str:
    """All that there is in any table, decrypted."""
    rows = [row for model in apps.get_models() for row in model._default_manager.all()]
    assert {CollectedFeatures, CollectorNumber} <= {type(row) for row in rows}
    return "\n".join(str(getattr(row, field.attname)) for row in rows for field in row._meta.concrete_fields)


class TestRetention:
    def test_counts_go_when_they_are_too_old_or_no_more_allowed(self, willing: Borrower, clock: Clock) -> None:
        assert willing.call("post", "me/device-data", body(clock.at)).status_code == 200
        days = dict(CollectionRule.objects.filter(market="CN").values_list("kind", "fresh_days"))
        assert retention.run_retention(now=clock.at + timedelta(days=min(days["sms"], days["contacts"]))) == 0
        CollectionRule.objects.filter(kind="sms").update(is_allowed=False)
        assert retention.run_retention(now=clock.at) == 1
        assert retention.run_retention(now=clock.at + timedelta(days=days["contacts"], seconds=1)) == 1
        assert not CollectedFeatures.objects.exists()


FILE = "number,sha256,source\n138 0013 8000,,vendor\n400-820-1234,,vendor\n,%s,exchange\n"


class TestCollectors:
    def test_a_file_replaces_the_whole_list_and_no_number_is_kept(self, willing: Borrower, at: datetime) -> None:
        content = (FILE % STRANGER.upper()).encode("utf-8-sig")
        assert collectors.replace(content=content, by="system", reason="the list of May", at=at) == 1
        assert CollectorNumber.objects.count() == 3
        willing.call("post", "me/device-data", {"contacts": [*BOOK, scrambled("13800138000"), scrambled("4008201234")]})
        assert features(willing)["contacts"]["collectors"] == 3  # the shipped one is none any more
        assert "13800138000" not in everything()
        assert collectors.replace(content=b"number,source\n95519,x", by="system", reason="the list of June", at=at) == 2
        row = CollectorList.objects.get(version=2)
        assert (row.numbers, row.before, row.reason, CollectorNumber.objects.count()) == (1, 3, "the list of June", 1)
        configuration.load_collection(at=at)
        assert CollectorNumber.objects.count() == 1

    @pytest.mark.parametrize(
        ("content", "lines"),
        [
            (b"", [1]),
            (b"number,source", [0]),
            (b"source\nx", [1]),
            (b"number,number,source\n1,2,x", [1]),
            (b"number,colour,source\n95519,red,x", [1]),
            (b"\xff\xfe", [0]),
            (b"number,source\n\0", [0]),
            (b"number,source\nletters,x\n95519,\n95519,x\n95519,x\n1,2,3", [2, 3, 5, 6]),
            (b"sha256,source\n12ab,x\n,x", [2, 3]),
            (b"number,sha256,source\n95519," + b"a" * 64 + b",x", [2]),
            (b'number,source\n"95519,x', [2]),
        ],
        ids=lambda value: str(value)[:30],
    )
    def test_bad_lines_are_named_and_the_list_stays(
        self, tables: None, at: datetime, content: bytes, lines: list[int]
    ) -> None:
        before = set(CollectorNumber.objects.values_list("number_index", flat=True))
        with pytest.raises(collectors.BadCollectorFile) as caught, transaction.atomic():
            collectors.replace(content=content, by="system", reason="the list of May", at=at)
        assert [line for line, _ in caught.value.data["lines"]] == lines
        assert set(CollectorNumber.objects.values_list("number_index", flat=True)) == before
        assert not CollectorList.objects.exists()

    def test_on_a_page_for_who_may(self, tables: None, at: datetime) -> None:
        configuration.load_groups()
        configuration.load_staff(at=at, password="demo-only-2026")
        address, client = reverse("admin:users_collectorlist_replace"), Client()
        client.force_login(User.objects.get(username="analyst.lin"))
        assert client.get(address).status_code == 403
        client.force_login(User.objects.get(username="admin"))
        wrong = {"file": SimpleUploadedFile("l.csv", b"number,source\nx,y"), "reason": "the list of May"}
        assert "Not a telephone number." in client.post(address, wrong).content.decode()
        right = {"file": SimpleUploadedFile("l.csv", b"number,source\n95519,y"), "reason": "the list of May"}
        assert client.post(address, right).status_code == 302
        assert StaffAct.objects.get(act="replace_collectors").subject == "collectorlist:1"
