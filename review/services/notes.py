"""Notes and files that staff add to a case. Anybody who reviews may add one, unless they must not see the borrower."""

import hashlib
from collections.abc import Iterator
from datetime import datetime

from lending.common import documents, vault
from lending.common import text as words
from lending.common.errors import Conflict, Invalid
from review.models import Attachment, AttachmentKind, Case, CaseNote
from review.models.notes import seal
from review.services import gate

MAX_NOTE = 4000
MAX_ATTACHMENTS = 30  # a case


class EmptyNote(Invalid):
    code, title = "empty_note", "Write something, at most 4,000 characters"


class AlreadyAttached(Conflict):
    code, title = "already_attached", "This very file is attached already"


class TooManyAttachments(Conflict):
    code, title = "too_many_attachments", "A case takes at most 30 files"


def add(*, case_id: int, by_id: int, text: str, at: datetime) -> int:
    """Write a note, for good. Raises NotFound, NotAReviewer, ConflictOfInterest, EmptyNote, UnusableText."""
    case = _open_to(case_id, by_id)
    text = text.replace("\r\n", "\n").strip()
    if not 0 < len(text) <= MAX_NOTE:
        raise EmptyNote(fields={"text": f"{len(text)} characters"})
    words.check_words({"text": text})
    row = CaseNote.objects.create(case=case, by=gate.actor(by_id), at=at, text=text, seal=seal(text))
    return row.pk


def attach(*, case_id: int, by_id: int, kind: str, title: str, content: bytes, at: datetime) -> int:
    """Keep a JPEG, PNG or PDF of at most 8 MB, encrypted; what it is tells its content, not its name.

    Raises NotFound, NotAReviewer, ConflictOfInterest, Invalid, UnusableText, UnreadableFile, AlreadyAttached,
    TooManyAttachments.
    """
    case = _open_to(case_id, by_id)
    title = title.strip()
    if kind not in AttachmentKind.values or not 0 < len(title) <= 120:
        raise Invalid("Choose what it is and name it.", fields={"kind": "one of the list", "title": "1 to 120"})
    words.check_words({"title": title})
    file = documents.cleaned({"file": content})["file"]
    digest = hashlib.sha256(file.content).hexdigest()
    if Attachment.objects.filter(case=case, sha256=digest).exists():
        raise AlreadyAttached()
    if Attachment.objects.filter(case=case).count() >= MAX_ATTACHMENTS:
        raise TooManyAttachments()
    name, size = vault.save(f"cases/{digest}.{file.ending}.enc", file.content), len(file.content)
    row = Attachment.objects.create(
        case=case, kind=kind, title=title, file=name, sha256=digest, size=size, by=gate.actor(by_id), at=at
    )
    return row.pk


def _open_to(case_id: int, by_id: int) -> Case:
    """The case, locked, for a reviewer without an interest in its borrower; open or closed."""
    case = gate.lock(case_id)
    gate.reviewer(by_id)
    gate.check_no_interest(borrower_id=case.borrower_id, by_id=by_id)
    return case


def file_names() -> Iterator[str]:
    """Of every file that was attached."""
    return Attachment.objects.order_by("pk").values_list("file", flat=True).iterator()
