"""The borrower's page of documents, and the back office's view of them."""

import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from tests.conftest import Clock
from tests.doors.test_pages import shown, visit
from tests.factories.borrowers import borrower
from tests.factories.configuration import configure
from tests.factories.pictures import photo
from users.models import AccessLog, Certificate, Consent, User

PLACE = "/me/documents/"


@pytest.fixture
def at(db: None, clock: Clock, settings: Any, tmp_path: Path) -> datetime:
    settings.MEDIA_ROOT = tmp_path
    configure(clock.at, apps=("lending", "users"))
    return clock.at


def sent(content: bytes | None = None, **fields: str) -> dict[str, Any]:
    file = SimpleUploadedFile("a.png", photo() if content is None else content)
    return {"kind": "income_proof", "file": file, **fields}


class TestPage:
    def test_asks_for_the_consent_once_with_its_text_and_gives_it_with_the_upload(self, at: datetime) -> None:
        client = visit(borrower(at))
        assert "keeps no copy" in shown(client, PLACE)
        assert client.post(PLACE, sent()).status_code == 422
        assert Consent.objects.filter(code="certificates").count() == 0
        assert client.post(PLACE, sent(accept="on")).headers["Location"] == PLACE
        page = shown(client, PLACE)
        assert "Proof of income" in page
        assert "keeps no copy" not in page
        assert Consent.objects.get(code="certificates").ip == "127.0.0.1"

    def test_says_what_is_wrong_with_a_file_and_keeps_neither_it_nor_the_consent(self, at: datetime) -> None:
        client = visit(borrower(at))
        answer = client.post(PLACE, sent(b"MZ", accept="on"))
        assert (answer.status_code, "not a JPEG, PNG or PDF" in answer.content.decode()) == (422, True)
        assert (Certificate.objects.count(), Consent.objects.filter(code="certificates").count()) == (0, 0)

    @pytest.mark.parametrize(("language", "says"), [("en", "At most 10 MB go"), ("zh-CN", "一次最多发送 10 MB")])
    def test_a_photo_that_no_request_may_carry_gets_a_page(self, at: datetime, language: str, says: str) -> None:
        client = visit(borrower(at))
        answer = client.post(PLACE, sent(bytes(11 * 1024 * 1024)), headers={"Accept-Language": language})
        page = answer.content.decode()
        assert (answer.status_code, says in page, f'href="{PLACE}"' in page) == (413, True, True)
        assert Certificate.objects.count() == 0

    def test_shows_and_removes(self, at: datetime) -> None:
        client = visit(borrower(at))
        client.post(PLACE, sent(accept="on"))
        found = re.search(r'href="(/me/files/[^"]+)"', shown(client, PLACE))
        assert found
        assert client.get(found[1])["Content-Type"] == "image/jpeg"
        other = visit(borrower(at))
        assert other.get(found[1]).status_code == 404
        address = f"{PLACE}{Certificate.objects.get().public_id}/remove/"
        assert other.post(address).status_code in (302, 404)
        assert Certificate.objects.get().state == "kept"
        assert client.post(address).headers["Location"] == PLACE
        assert client.get(found[1]).status_code == 404


def desk(at: datetime, *may: str) -> Any:
    """Somebody on the staff who may do just that."""
    user = User.objects.create_user(f"staff.{len(may)}", "long enough for anybody", created_at=at)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="users", codename__in=may))
    return visit(user.pk)


class TestBackOffice:
    def test_shows_the_file_for_a_reason_that_is_logged(self, at: datetime) -> None:
        user_id = borrower(at)
        visit(user_id).post(PLACE, sent(accept="on"))
        row = Certificate.objects.get()
        reviewer = desk(at, "reveal_personal_data", "view_certificate")
        page = reverse("admin:users_certificate_revealed", args=[row.pk])
        assert "base64" not in reviewer.post(page, {"reason": "no"}).content.decode()
        assert "data:image/jpeg;base64" in reviewer.post(page, {"reason": "income in doubt"}).content.decode()
        log = AccessLog.objects.get()
        assert (log.subject, log.fields, log.reason) == (f"user:{user_id}", ["file"], "income in doubt")
        reader = desk(at, "view_certificate")
        assert reader.post(page, {"reason": "let me see"}).status_code == 403
