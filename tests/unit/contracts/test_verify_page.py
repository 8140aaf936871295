"""Anybody brings a PDF and is told whether it is ours; nothing of it stays, and no file costs more than its bytes."""

import io
import re
import zlib
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from contracts import services
from contracts.models import Kind
from contracts.providers import sealing
from contracts.services import files
from lending.common import vault
from tests.conftest import Clock
from tests.factories.staff import officer
from tests.unit.contracts.conftest import Desk
from users.models import User

ENGLISH, CHINESE = {"Accept-Language": "en"}, {"Accept-Language": "zh-hans"}
OURS, NOT_OURS = "a document of ours, unchanged", "no document of ours as it stands"


@pytest.fixture
def anybody(db: None) -> Client:
    return Client(headers=ENGLISH, enforce_csrf_checks=True)


def bring(client: Client, content: bytes, status: int = 200) -> str:
    answer = client.post("/verify/", {"file": SimpleUploadedFile("a.pdf", content, "application/pdf")})
    assert answer.status_code == status, answer.content.decode()
    assert answer["Cache-Control"] == "no-store"
    return answer.content.decode()


class TestWhatIsOurs:
    def test_says_what_it_is_and_that_it_is_unchanged(self, desk: Desk, anybody: Client) -> None:
        drawdown_id = desk.signed()
        shown = desk.pdf(drawdown_id, Kind.LOAN_AGREEMENT)
        agreement = desk.contract(drawdown_id, Kind.LOAN_AGREEMENT)
        assert "without our seal" not in bring(anybody, shown)  # as long as it is the file there is
        desk.work()
        sealed = desk.pdf(drawdown_id, Kind.LOAN_AGREEMENT)
        said = bring(anybody, sealed)
        assert OURS in said
        for part in (agreement.number, "借款合同 Loan agreement"):
            assert part in said
        assert re.search(r"<dt>Sealed</dt><dd>[^<]*2026", said)
        assert "voided" not in said
        assert agreement.values["borrower_name"] not in said
        assert "without our seal" in bring(anybody, shown)
        assert OURS in bring(anybody, desk.pdf(drawdown_id, Kind.COST_SHEET))
        assert "是我方出具的文件" in bring(Client(headers=CHINESE), sealed)

        services.void(drawdown_id=drawdown_id, at=desk.clock.at)
        for copy in (sealed, shown):
            assert "was voided and does not count" in bring(anybody, copy)

    def test_one_changed_byte_makes_it_a_stranger(self, desk: Desk, anybody: Client) -> None:
        drawdown_id = desk.sealed()
        sealed = desk.pdf(drawdown_id, Kind.LOAN_AGREEMENT)
        number = desk.contract(drawdown_id, Kind.LOAN_AGREEMENT).number
        forged = sealing.seal(desk.pdf(drawdown_id, Kind.COST_SHEET), reason=number, at=desk.clock.at)
        for other in (sealed + b"\n", sealed[:-1], sealed.replace(b"%PDF-1.7", b"%PDF-1.6"), forged):
            said = bring(anybody, other)
            assert NOT_OURS in said
            assert number not in said


class TestWhatIsNot:
    @pytest.mark.parametrize(
        "content",
        [b"", b"PK\x03\x04 a zip", b"<html>", b"\xff\xd8\xff a picture", b"\x00" * 1000, b" %PDF-1.7"],
        ids=["empty", "zip", "page", "picture", "zeros", "late"],
    )
    def test_is_no_pdf(self, anybody: Client, content: bytes) -> None:
        assert "This is not a PDF file of at most 10 MB" in bring(anybody, content, status=422)

    def test_a_file_that_unpacks_to_a_gigabyte_or_is_broken_is_not_parsed(
        self, anybody: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sealing, "check", lambda pdf: pytest.fail("a stranger's file was parsed"))
        bomb = b"%PDF-1.7\n1 0 obj<</Filter/FlateDecode>>stream\n" + zlib.compress(b"\0" * 50_000_000, 9)
        for content in (bomb, b"%PDF-1.7", b"%PDF-1.7 /Encrypt" + b"\xff" * 1000):
            assert NOT_OURS in bring(anybody, content)

    def test_too_large_is_refused_and_never_reaches_the_disk(
        self, anybody: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("tempfile.NamedTemporaryFile", lambda *a, **k: pytest.fail("written to disk"))
        largest = b"%PDF-" + b"a" * (services.LARGEST_TO_VERIFY - 5)
        assert NOT_OURS in bring(anybody, largest)
        assert "Choose a PDF of at most 10 MB" in bring(anybody, largest + b"a", status=422)
        answer = anybody.post("/verify/", {"file": io.BytesIO(largest * 2)})
        assert answer.status_code == 413

    def test_without_a_file(self, anybody: Client) -> None:
        for body in ({}, {"file": "text"}):
            assert anybody.post("/verify/", body).status_code == 422
        assert anybody.post("/verify/", b"{", content_type="application/json").status_code == 422
        assert anybody.get("/verify/").status_code == 200

    def test_only_so_many_a_minute(self, anybody: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        cache.clear()
        monkeypatch.setattr("lending.common.throttle.ByScope.THROTTLE_RATES", {"verify": "2/min"})
        for _ in range(2):
            bring(anybody, b"%PDF-1.7")
        said = bring(anybody, b"%PDF-1.7", status=429)
        assert NOT_OURS not in said
        cache.clear()


class TestNothingIsKept:
    def test_no_row_and_no_file(
        self, anybody: Client, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
    ) -> None:
        monkeypatch.setattr(vault, "save", lambda *a: pytest.fail("a file was kept"))
        with django_assert_num_queries(2) as asked:
            bring(anybody, b"%PDF-1.7 of a stranger")
        assert all(query["sql"].startswith("SELECT") for query in asked.captured_queries)
        assert not list(files.names())
        assert not anybody.cookies.get("sessionid")


def test_the_back_office_leads_there(clock: Clock, db: None) -> None:
    admin_client = Client()
    admin_client.force_login(User.objects.get(pk=officer(clock.at).removeprefix("staff:")))
    page = admin_client.get(reverse("admin:contracts_contract_changelist")).content.decode()
    assert reverse("admin:contracts_contract_verify") in page
    assert admin_client.get(reverse("admin:contracts_contract_verify"))["Location"] == "/verify/"
