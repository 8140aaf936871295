"""Both sides of the ID card: read once they are there, compared with what was declared, their expiry kept."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from tests.conftest import Clock
from tests.factories.pictures import photo
from tests.sandbox_server import SandboxClient
from tests.unit.users.conftest import ID_NUMBER, Borrower
from tests.unit.users.test_certificates import bring
from users import queries
from users.models import Certificate, Check, Consent, Notice, Profile
from users.services import checks

TYPED = "2029-01-01"


@pytest.fixture
def sides(declared: Borrower, sandbox: SandboxClient, settings: Any, tmp_path: Path) -> Borrower:
    """Both sides brought; the expiry typed otherwise than the card says."""
    settings.MEDIA_ROOT = tmp_path
    declared.call("put", "me/profile", {"id_expires_on": TYPED})
    declared.consent("certificates")
    assert bring(declared, "id_front").status_code == 201
    assert not Check.objects.exists()
    assert bring(declared, "id_back").status_code == 201
    return declared


def run(clock: Clock) -> Check:
    check = Check.objects.filter(kind="ocr").latest("pk")
    checks.run_check(check_id=check.pk, now=clock.at)
    check.refresh_from_db()
    return check


def expiry() -> date | None:
    return Profile.objects.get().id_expires_on


class TestReading:
    def test_passes_and_what_the_card_says_stands_in_place_of_what_was_typed(
        self, sides: Borrower, clock: Clock, sandbox: SandboxClient
    ) -> None:
        check = run(clock)
        assert (check.state, check.price_cents, check.consent.code) == ("passed", 30, "certificates")
        assert (expiry(), Profile.objects.get().expiry_check) == (date(2040, 6, 30), check)
        assert sides.call("get", "me/checks").json()[0] | {"id": 0} == {
            "id": 0,
            "kind": "ocr",
            "state": "passed",
            "reason": "",
            "created_at": "2026-03-02T02:00:00Z",
            "checked_at": "2026-03-02T02:00:00Z",
        }
        sent = sandbox.calls("ocr")[0]["body"]
        assert sent["holder"]["id_number"] == ID_NUMBER
        answer = sides.call("put", "me/profile", {"id_expires_on": TYPED})
        assert (answer.status_code, answer.json()["code"]) == (409, "expiry_read")
        same = sides.call("put", "me/profile", {"id_expires_on": "2040-06-30", "city": "宁波"})
        assert same.status_code == 200

    @pytest.mark.parametrize(
        ("word", "reason", "until"),
        [
            ("mismatch", "mismatch", TYPED),
            ("blurred", "unreadable", TYPED),
            ("screen", "unreadable", TYPED),
            ("expired", "expired", "2024-06-30"),
            ("long_term", "", None),
        ],
    )
    def test_fails_with_a_reason_and_only_an_own_card_tells_the_expiry(
        self, sides: Borrower, sandbox: SandboxClient, clock: Clock, word: str, reason: str, until: str | None
    ) -> None:
        sandbox.control("ocr", force={ID_NUMBER: word})
        check = run(clock)
        assert (check.state, check.failure) == ("failed" if reason else "passed", reason)
        told = expiry()
        assert (told and told.isoformat()) == until
        assert sides.call("get", "me/checks").json()[0]["reason"] == reason

    def test_another_name_declared_later_is_typed_again(self, sides: Borrower, clock: Clock) -> None:
        run(clock)
        assert sides.call("put", "me/profile", {"name": "李四", "id_expires_on": TYPED}).status_code == 200
        assert (expiry(), Profile.objects.get().expiry_check) == (date(2029, 1, 1), None)

    def test_nobody_answering_is_told_and_changes_nothing(
        self, sides: Borrower, sandbox: SandboxClient, clock: Clock
    ) -> None:
        sandbox.control("ocr", error_rate=1)
        for _ in range(3):
            run(clock)
            clock.move(minutes=1)
        assert (Check.objects.get().state, Notice.objects.get().kind) == ("dead", "source_dead")
        assert expiry() == date(2029, 1, 1)
        sandbox.reset()
        sides.sign_in()
        assert sides.call("post", "me/checks", {"kind": "ocr"}).status_code == 202
        assert run(clock).state == "passed"

    def test_withdrawing_the_consent_stops_what_waits(
        self, sides: Borrower, sandbox: SandboxClient, clock: Clock
    ) -> None:
        consent = Consent.objects.get(code="certificates")
        sides.call("post", f"me/consents/{consent.public_id}/withdraw")
        assert (run(clock).state, sandbox.calls("ocr")) == ("dead", [])


class TestPictures:
    def test_stand_still_while_they_are_read(self, sides: Borrower) -> None:
        assert bring(sides, "id_front", photo(9)).json()["code"] == "card_being_read"
        ident = Certificate.objects.get(kind="id_back").public_id
        assert sides.call("delete", f"me/certificates/{ident}").json()["code"] == "card_being_read"
        assert bring(sides, "income_proof").status_code == 201

    def test_are_kept_once_a_check_stands_on_them(
        self, sides: Borrower, clock: Clock, django_capture_on_commit_callbacks: Any
    ) -> None:
        run(clock)
        first = Certificate.objects.get(kind="id_front")
        assert sides.call("delete", f"me/certificates/{first.public_id}").json()["code"] == "certificate_in_use"
        with django_capture_on_commit_callbacks(execute=True):
            assert bring(sides, "id_front", photo(9)).status_code == 201
        first.refresh_from_db()
        assert (first.state, queries.stored(first.file)[:2]) == ("replaced", b"\xff\xd8")
        assert Check.objects.count() == 2  # the new pair is read

    def test_of_one_side_alone_are_not_read(self, declared: Borrower, settings: Any, tmp_path: Path) -> None:
        settings.MEDIA_ROOT = tmp_path
        declared.consent("certificates")
        bring(declared, "id_front")
        answer = declared.call("post", "me/checks", {"kind": "ocr"})
        assert (answer.status_code, answer.json()["missing"]) == (409, ["id_back"])

    def test_are_not_taken_from_nobody(self, borrower: Borrower, settings: Any, tmp_path: Path) -> None:
        settings.MEDIA_ROOT = tmp_path
        borrower.consent("certificates")
        assert bring(borrower, "id_front").status_code == 201
        answer = bring(borrower, "id_back")
        assert (answer.status_code, answer.json()["code"]) == (409, "profile_incomplete")
        assert Certificate.objects.count() == 1

    def test_a_reading_without_pictures_cannot_be_written(self, sides: Borrower) -> None:
        with pytest.raises(IntegrityError, match="users_check_pictures"), transaction.atomic():
            Check.objects.update(back=None)
