"""Erasing a borrower from reviews: what was done and decided stays; words about them, files and numbers go."""

from django.db import transaction

from lending.common import vault
from review.models import Attachment, CaseNote, PhoneAnswer, PhoneAttempt


def erase(*, user_id: int) -> None:
    """Empty notes, titles, answers on the telephone and the numbers called; files go once this is committed."""
    for note in CaseNote.objects.filter(case__borrower_id=user_id).order_by("pk"):
        note.text = ""
        note.save(update_fields=["text"])
    for attempt in PhoneAttempt.objects.filter(case__borrower_id=user_id).order_by("pk"):
        attempt.number = attempt.number_index = attempt.number_masked = ""
        attempt.save(update_fields=["number", "number_index", "number_masked"])
    for answer in PhoneAnswer.objects.filter(check_of__case__borrower_id=user_id).order_by("pk"):
        answer.answer = ""
        answer.save(update_fields=["answer"])
    files = Attachment.objects.filter(case__borrower_id=user_id)
    files.update(title="")
    for name in files.values_list("file", flat=True):
        transaction.on_commit(lambda name=name: vault.forget(name))  # type: ignore[misc]
