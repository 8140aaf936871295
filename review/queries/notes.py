"""Notes and files on the cases of an application."""

from dataclasses import dataclass, field
from datetime import datetime

from review.models import Attachment, CaseNote
from review.models.notes import seal


@dataclass(frozen=True, slots=True)
class NoteView:
    """`intact`: the text is the one that was written."""

    id: int
    case_id: int
    by: str
    at: datetime
    text: str = field(repr=False)
    intact: bool


@dataclass(frozen=True, slots=True)
class AttachmentView:
    id: int
    case_id: int
    kind: str
    kind_name: str
    title: str
    file: str
    sha256: str
    size: int
    by: str
    at: datetime


def notes_of(application_id: int) -> tuple[NoteView, ...]:
    """Of every round, oldest first."""
    rows = CaseNote.objects.filter(case__application_id=application_id).order_by("id")
    return tuple(NoteView(row.pk, row.case_id, row.by, row.at, row.text, seal(row.text) == row.seal) for row in rows)


def attachments_of(application_id: int) -> tuple[AttachmentView, ...]:
    """Of every round, oldest first."""
    rows = Attachment.objects.filter(case__application_id=application_id).order_by("id")
    return tuple(
        AttachmentView(
            id=row.pk,
            case_id=row.case_id,
            kind=row.kind,
            kind_name=row.get_kind_display(),
            title=row.title,
            file=row.file,
            sha256=row.sha256,
            size=row.size,
            by=row.by,
            at=row.at,
        )
        for row in rows
    )
