"""Documents that borrowers keep with us: brought under a consent, made anew, read by their owner, removed for good."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction

from tests.conftest import Clock
from tests.factories.pictures import photo, picture
from tests.unit.users.conftest import Borrower
from users import queries
from users.models import Certificate, Consent
from users.services import certificates

PDF = b"%PDF-1.4\ntrailer<</Root 1 0 R>>\n%%EOF\n"


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def agreed(declared: Borrower) -> Borrower:
    assert declared.consent("certificates").status_code == 201
    return declared


def bring(who: Borrower, kind: str = "id_front", content: bytes | None = None, name: str = "me.jpg") -> Any:
    file = SimpleUploadedFile(name, photo() if content is None else content, "text/html")
    headers = {"Authorization": f"Bearer {who.tokens['access']}"}
    return who.client.post("/api/v1/me/certificates", {"kind": kind, "file": file}, headers=headers)


def look(who: Borrower, link: str) -> Any:
    return who.client.get(link, headers={"Authorization": f"Bearer {who.tokens['access']}"})


def files(media: Path) -> list[Path]:
    return [path for path in media.rglob("*") if path.is_file()]


class TestBring:
    def test_needs_a_consent_of_its_own(self, declared: Borrower, media: Path) -> None:
        answer = bring(declared)
        assert (answer.status_code, answer.json()["missing"]) == (409, ["certificates"])
        assert files(media) == []

    @pytest.mark.parametrize("name", ["a.exe", "../../etc/passwd", "x" * 300, "收入\u202egpj.html"])
    def test_keeps_pixels_alone_encrypted_under_a_name_of_ours(self, agreed: Borrower, media: Path, name: str) -> None:
        answer = bring(agreed, content=photo(comment=b"taken at home"), name=name)
        assert (answer.status_code, answer.json()["kind"], answer.json()["type"]) == (201, "id_front", "jpg")
        row = Certificate.objects.get()
        assert [path.relative_to(media) for path in files(media)] == [Path(f"certificates/{row.public_id}.jpg.enc")]
        assert b"JFIF" not in files(media)[0].read_bytes()
        shown = look(agreed, answer.json()["link"])
        assert (shown.status_code, shown["Content-Type"], len(shown.content)) == (200, "image/jpeg", row.size)
        assert b"taken at home" not in shown.content
        assert shown["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert (shown["X-Content-Type-Options"], shown["Cache-Control"]) == ("nosniff", "no-store")

    @pytest.mark.parametrize(
        ("kind", "content", "code"),
        [
            ("id_front", b"", "unreadable_file"),
            ("id_front", b"GIF89a" + bytes(20), "unreadable_file"),
            ("id_back", PDF, "unreadable_file"),
            ("income_proof", b"<svg onload='alert(1)'/>", "unreadable_file"),
            ("income_proof", photo() + b"PK\x05\x06" + bytes(18), "unreadable_file"),
            ("income_proof", photo() + bytes(8 * 1024 * 1024), "unreadable_file"),
            ("passport", photo(), "invalid"),
        ],
    )
    def test_refuses_by_content_and_keeps_nothing(
        self, agreed: Borrower, media: Path, kind: str, content: bytes, code: str
    ) -> None:
        answer = bring(agreed, kind, content)
        assert (answer.status_code, answer.json()["code"]) == (422, code)
        assert (files(media), Certificate.objects.count()) == ([], 0)

    def test_fifty_megabytes_are_not_even_read(self, agreed: Borrower) -> None:
        headers = {"Authorization": f"Bearer {agreed.tokens['access']}", "Content-Length": str(50 * 1024 * 1024)}
        kind = "multipart/form-data; boundary=x"
        answer = agreed.client.post("/api/v1/me/certificates", data=b"", content_type=kind, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")

    def test_without_a_file_says_so(self, agreed: Borrower) -> None:
        headers = {"Authorization": f"Bearer {agreed.tokens['access']}"}
        answer = agreed.client.post("/api/v1/me/certificates", {"kind": "id_back", "file": "me.jpg"}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
        assert agreed.call("post", "me/certificates", {"kind": "id_back"}).status_code == 415

    def test_a_side_of_the_card_takes_the_place_of_the_one_before(
        self, agreed: Borrower, media: Path, django_capture_on_commit_callbacks: Any
    ) -> None:
        bring(agreed)
        assert bring(agreed).json()["code"] == "already_kept"
        with django_capture_on_commit_callbacks(execute=True):
            assert bring(agreed, content=photo(9)).status_code == 201
        states = list(Certificate.objects.order_by("pk").values_list("state", flat=True))
        assert (states, len(files(media))) == (["replaced", "kept"], 1)

    def test_has_limits(self, agreed: Borrower, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
        monkeypatch.setattr(certificates, "AT_MOST", 1)
        monkeypatch.setattr(certificates, "A_DAY", 2)
        assert bring(agreed, "income_proof", PDF).status_code == 201
        assert bring(agreed, "income_proof").json()["code"] == "too_many_certificates"
        assert bring(agreed, "id_front").status_code == 201
        assert bring(agreed, "id_back").json()["code"] == "too_many_uploads"
        clock.move(days=1)
        agreed.sign_in()
        assert bring(agreed, "id_back").status_code == 201


class TestLink:
    def test_is_its_owners_and_dies(self, agreed: Borrower, another: Callable[[str], Borrower], clock: Clock) -> None:
        link = bring(agreed).json()["link"]
        stranger = another("13700000001")
        for answer in (look(stranger, link), look(agreed, link[:-2]), look(agreed, "/api/v1/me/files/1:x")):
            assert (answer.status_code, answer.json()["code"]) == (404, "link_dead")
        assert stranger.client.get(link).status_code == 401
        clock.move(minutes=4, seconds=59)
        assert look(agreed, link).status_code == 200
        clock.move(seconds=1)
        assert look(agreed, link).json()["code"] == "link_dead"

    def test_a_pdf_is_handed_over_not_opened(self, agreed: Borrower) -> None:
        shown = look(agreed, bring(agreed, "income_proof", PDF).json()["link"])
        assert (shown.content, shown["Content-Disposition"]) == (PDF, 'attachment; filename="income_proof.pdf"')


class TestRemove:
    def test_deletes_the_file_once_it_is_certain(
        self, agreed: Borrower, media: Path, django_capture_on_commit_callbacks: Any
    ) -> None:
        made = bring(agreed, content=picture()).json()
        with django_capture_on_commit_callbacks(execute=True):
            assert agreed.call("delete", f"me/certificates/{made['id']}").status_code == 204
        row = Certificate.objects.get()
        assert (row.state, row.file, files(media)) == ("removed", "", [])
        assert agreed.call("get", "me/certificates").json() == []
        assert look(agreed, made["link"]).status_code == 404
        assert agreed.call("delete", f"me/certificates/{made['id']}").status_code == 404

    def test_is_not_for_strangers(self, agreed: Borrower, another: Callable[[str], Borrower]) -> None:
        made = bring(agreed).json()
        stranger = another("13700000001")
        for ident in (made["id"], uuid4()):
            assert stranger.call("delete", f"me/certificates/{ident}").status_code == 404
        assert Certificate.objects.get().state == "kept"


class TestConsent:
    def test_withdrawn_stops_uploads_and_looks_but_not_the_owners(self, agreed: Borrower) -> None:
        link = bring(agreed).json()["link"]
        user_id = Certificate.objects.get().user_id
        assert len(queries.certificates_in_use(user_id)) == 1
        consent = Consent.objects.get(code="certificates")
        assert agreed.call("post", f"me/consents/{consent.public_id}/withdraw").status_code == 200
        assert queries.certificates_in_use(user_id) == ()
        assert (look(agreed, link).status_code, bring(agreed, "id_back").status_code) == (200, 409)

    @pytest.mark.parametrize("case", ["withdrawn", "of another document", "of another person"])
    def test_is_asked_for_by_the_database_too(
        self, agreed: Borrower, another: Callable[[str], Borrower], clock: Clock, case: str
    ) -> None:
        user_id = Consent.objects.get(code="certificates").user_id
        consent = Consent.objects.get(code="certificates")
        match case:
            case "withdrawn":
                Consent.objects.filter(pk=consent.pk).update(withdrawn_at=clock.at, withdrawn_by="user:1")
            case "of another document":
                row = Consent.objects.get(pk=consent.pk)
                row.pk, row.public_id, row.recipients = None, uuid4(), ["face_vendor"]
                row.save()
                consent = row
            case _:
                another("13700000001").consent("certificates")
                consent = Consent.objects.filter(code="certificates").latest("pk")
        with pytest.raises(IntegrityError, match="consent_not_live"), transaction.atomic():
            Certificate.objects.create(
                user_id=user_id,
                kind="income_proof",
                file="x",
                sha256="0" * 64,
                size=1,
                consent=consent,
                uploaded_at=clock.at,
            )
