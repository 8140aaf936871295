"""Notes and files on a case: by whom, kept as they were, encrypted."""

from pathlib import Path

import pytest
from django.db import IntegrityError, connection, transaction

from lending.common import documents, vault
from lending.common.documents import UnreadableFile
from lending.common.errors import Invalid
from review import queries, services
from review.models import Attachment, CaseNote
from review.services import gate, notes
from tests.factories.pictures import picture
from tests.unit.review.conftest import Desk


def attach(desk: Desk, case_id: int, who: str, content: bytes, kind: str = "id_front", title: str = "front") -> int:
    return int(desk.act("attach", case_id, who, kind=kind, title=title, content=content))


class TestNote:
    def test_is_kept_with_author_and_time_for_every_round_and_also_after_the_verdict(self, desk: Desk) -> None:
        case_id = desk.open()
        desk.act("add_note", case_id, "chen", text="  Called the firm.\r\nThey know him.  ")
        assert desk.claim("chen") == case_id
        desk.act("recommend", case_id, "chen", outcome="decline", reasons=["F04"])
        assert desk.row(case_id).status == "CLOSED"
        desk.act("add_note", case_id, "sun", text="Seen.")
        first, second = queries.notes_of(desk.row(case_id).application_id)
        assert (first.text, first.by, first.at) == (
            "Called the firm.\nThey know him.",
            f"staff:{desk.staff['chen']}",
            desk.clock.at,
        )
        assert (second.by, first.intact, second.intact) == (f"staff:{desk.staff['sun']}", True, True)
        with connection.cursor() as cursor:
            cursor.execute("SELECT text FROM review_casenote")
            assert not any(b"firm" in bytes(row[0]) for row in cursor.fetchall())

    def test_is_refused_without_words_and_to_whoever_must_not_see_the_borrower(self, desk: Desk) -> None:
        case_id = desk.open()
        for text in ("  ", "x" * 4001):
            with pytest.raises(notes.EmptyNote):
                desk.act("add_note", case_id, "chen", text=text)
        with pytest.raises(Invalid):
            desk.act("add_note", case_id, "chen", text="hidden \u202e here")
        with pytest.raises(gate.NotAReviewer):
            desk.act("add_note", case_id, "lin", text="Not mine")
        desk.claim("chen")
        desk.act("recuse", case_id, "chen", reasons=["K01"])
        with pytest.raises(gate.ConflictOfInterest):
            desk.act("add_note", case_id, "chen", text="My cousin")
        assert CaseNote.objects.count() == 0

    def test_is_never_edited_and_shows_a_text_changed_under_it(self, desk: Desk) -> None:
        case_id = desk.open()
        desk.act("add_note", case_id, "chen", text="As it was")
        for attack in ({"by": "staff:1"}, {"seal": "0"}):
            with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
                CaseNote.objects.update(**attack)
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            CaseNote.objects.all().delete()
        CaseNote.objects.update(text="As it is told now")  # past the trigger, as renewing the encryption goes
        assert [row.intact for row in queries.notes_of(desk.row(case_id).application_id)] == [False]


class TestAttachment:
    def test_is_kept_encrypted_with_its_digest(self, desk: Desk) -> None:
        case_id, content = desk.open(), documents.clean(picture()).content
        attach(desk, case_id, "chen", picture())
        row = Attachment.objects.get()
        assert (row.size, row.by) == (len(content), f"staff:{desk.staff['chen']}")
        assert row.file.startswith(f"cases/{row.sha256}")
        assert vault.load(row.file) == content
        assert b"JFIF" not in Path(vault.default_storage.path(row.file)).read_bytes()
        assert list(notes.file_names()) == [row.file]

    @pytest.mark.parametrize(
        ("content", "kind", "title", "error"),
        [
            (b"MZ\x90", "other", "a program", UnreadableFile),
            (picture()[:-6], "other", "cut off", UnreadableFile),
            (b"", "other", "empty", UnreadableFile),
            (picture() + bytes(8 * 1024 * 1024), "other", "too large", UnreadableFile),
            (picture(), "passport", "no such kind", Invalid),
            (picture(), "other", "   ", Invalid),
        ],
    )
    def test_is_refused_by_what_it_is(
        self, desk: Desk, content: bytes, kind: str, title: str, error: type[Exception]
    ) -> None:
        case_id = desk.open()
        with pytest.raises(error):
            attach(desk, case_id, "chen", content, kind, title)
        assert Attachment.objects.count() == 0

    def test_is_taken_once_and_only_from_reviewers(self, desk: Desk) -> None:
        case_id = desk.open()
        attach(desk, case_id, "chen", picture())
        with pytest.raises(notes.AlreadyAttached):
            attach(desk, case_id, "wu", picture())
        with pytest.raises(gate.NotAReviewer):
            attach(desk, case_id, "lin", picture(9))
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            Attachment.objects.update(title="another")
        assert services.attach is notes.attach
