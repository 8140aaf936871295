"""What is uploaded: judged by its content, refused by name, and then nothing is kept of it."""

import io
import struct
import zipfile
import zlib
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from lending import queries
from lending.models import Application, SupplementItem
from lending.services import supplements
from tests.conftest import Clock
from tests.doors.test_borrower_api import nothing_changes, problem
from tests.factories.applications import judged
from tests.factories.borrowers import borrower
from tests.factories.configuration import configure
from tests.factories.pictures import chunk, photo
from tests.factories.tokens import access_token

MEGABYTE = 1024 * 1024


PIXELS = zlib.compress(b"\0\xff\xff\xff")
PNG = (
    b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    + chunk(b"IDAT", PIXELS)
    + chunk(b"IEND", b"")
)
JPEG = photo(exif=b"Exif\0\0\xff\xd8\xff\xd9")  # with a preview inside its notes: that one's end is not the end
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def archive() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as zipped:
        zipped.writestr("Main.class", "x")
    return made.getvalue()


REFUSED = {
    "empty": b"",
    "a program": b"MZ\x90\0" + bytes(100),
    "a page": b"<html><script>alert(1)</script>",
    "a drawing with a script": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "an archive": archive(),
    "an animation": b"GIF89a" + bytes(20),
    "a PDF that begins later": b"\n" + PDF,
    "a PDF cut off": PDF[:-8],
    "a PNG cut off": PNG[:-6],
    "a PNG that is damaged": PNG.replace(PIXELS, PIXELS[::-1]),
    "only the beginning of a PNG": PNG[:8],
    "a JPEG cut off": JPEG[:-2],
    "only the beginning of a JPEG": JPEG[:3],
    "a JPEG and an archive": JPEG + archive(),
    "a PNG and a page": PNG + b"<html>",
    "a PDF and an archive": PDF + archive(),
    "more than 8 MB": PNG[:-12] + chunk(b"zzZz", bytes(8 * MEGABYTE)) + PNG[-12:],
}


@pytest.fixture
def media(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


class Sender:
    """Brings files by kind (name and content) and words, as an app would."""

    def __init__(self, client: Client, token: str, application: Application) -> None:
        self.client, self.headers = client, {"Authorization": f"Bearer {token}"}
        self.path = f"/api/v1/applications/{application.public_id}/supplements"

    def __call__(self, files: dict[str, tuple[str, bytes]], **fields: Any) -> Any:
        parts: dict[str, Any] = {
            name: SimpleUploadedFile(file, content, "image/png") for name, (file, content) in files.items()
        }
        return self.client.post(self.path, parts | fields, headers=self.headers)

    def raw(self, body: bytes) -> Any:
        kind = "multipart/form-data; boundary=x"
        return self.client.post(self.path, data=body, content_type=kind, headers=self.headers)


@pytest.fixture
def send(clock: Clock, db: None, client: Client, media: Path) -> Sender:
    at: datetime = clock.at
    configure(at, ("lending", "users", "funding", "traffic"))
    user_id = borrower(at)
    pk = judged(at, "refer", user_id=user_id)
    supplements.request(
        application_id=pk, items=[("income_proof", "流水"), ("id_photo", "身份证")], by="staff:1", at=at
    )
    return Sender(client, access_token(user_id, at), Application.objects.get())


def both(first: tuple[str, bytes], second: tuple[str, bytes] = ("id.png", PNG)) -> dict[str, tuple[str, bytes]]:
    return {"file.income_proof": first, "file.id_photo": second}


def kept(media: Path) -> list[Path]:
    return [path for path in media.rglob("*") if path.is_file()]


class TestAccepted:
    @pytest.mark.parametrize(
        ("content", "ending"),
        [
            (PNG, "jpg"),
            (JPEG, "jpg"),
            (PDF, "pdf"),
            (JPEG + b"SEFH notes of the camera", "jpg"),
            (PDF + PDF, "pdf"),
        ],
    )
    @pytest.mark.parametrize(
        "name", ["slip.exe", "../../../etc/passwd", "a" * 300 + ".html", "收入\u202egnp.exe", "x\0y"]
    )
    def test_by_content_whatever_it_is_called(
        self, send: Sender, media: Path, content: bytes, ending: str, name: str
    ) -> None:
        answer = send(both((name, content)))
        assert (answer.status_code, answer.json()["status"]) == (200, "REFERRED"), answer.content
        item = SupplementItem.objects.get(kind="income_proof")
        assert item.file.name == f"supplements/{item.file_sha256}.{ending}.enc"
        assert content not in (media / item.file.name).read_bytes()
        kept_file = queries.brought_file(item.file.name)
        assert kept_file == content if ending == "pdf" else kept_file.startswith(b"\xff\xd8\xff\xe0")
        assert b"notes of the camera" not in kept_file
        assert b"Exif" not in kept_file
        assert {path.parent for path in kept(media)} == {media / "supplements"}


class TestRefused:
    @pytest.mark.parametrize("what", REFUSED)
    def test_by_name_and_nothing_is_kept(self, send: Sender, media: Path, what: str) -> None:
        with nothing_changes():
            answer = send(both(("id.png", PNG), ("slip.png", REFUSED[what])))
            assert problem(answer) == (422, "unreadable_file"), what
            assert set(answer.json()["fields"]) == {"id_photo"}
        assert kept(media) == []

    def test_every_wrong_file_is_named_at_once(self, send: Sender) -> None:
        answer = send(both(("a.png", b""), ("b.png", b"MZ")))
        assert answer.json()["fields"] == {"income_proof": "empty", "id_photo": "not a JPEG, PNG or PDF"}

    def test_what_nobody_asked_for(self, send: Sender, media: Path) -> None:
        more = {f"file.more{number}": ("x.png", PNG) for number in range(20)}
        for extra in (more, {"file.../../x": ("x.png", PNG)}, {"file.": ("x.png", PNG)}):
            with nothing_changes():
                answer = send(both(("a.png", PNG)) | extra)
                assert problem(answer) == (422, "invalid")
                assert set(answer.json()["fields"].values()) == {"not asked for"}
        assert kept(media) == []

    def test_more_parts_than_a_body_may_have(self, send: Sender) -> None:
        with nothing_changes():
            files = {f"file.k{number}": ("x.png", b"x") for number in range(101)}
            assert problem(send(files)) == (400, "malformed")
            assert problem(send({}, **{f"text.k{number}": "x" for number in range(10_001)})) == (400, "malformed")

    def test_a_body_that_is_too_large(self, send: Sender) -> None:
        with nothing_changes():
            answer = send(both(("a.png", PNG), ("b.png", PNG + bytes(10 * MEGABYTE))))
            assert problem(answer) == (413, "too_large")

    def test_a_body_that_is_cut_off(self, send: Sender) -> None:
        part = b'--x\r\nContent-Disposition: form-data; name="file.id_photo"; filename="a"\r\n\r\n'
        for body in (b"", b"--x", part, part + PNG):
            with nothing_changes():
                status, code = problem(send.raw(body))
                assert (status, code) in {(400, "malformed"), (422, "invalid"), (422, "unreadable_file")}

    def test_files_are_taken_here_alone(self, send: Sender) -> None:
        file = SimpleUploadedFile("a.png", PNG, "image/png")
        answer = send.client.post("/api/v1/applications", {"product": file}, headers=send.headers)
        assert problem(answer) == (415, "unsupported_media_type")
