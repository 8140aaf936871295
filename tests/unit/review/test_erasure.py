"""A borrower is erased from a review: what was done stays, words about them and numbers do not."""

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from lending.common import vault
from review import services
from review.models import Attachment, CaseAction, CaseNote, PhoneAnswer, PhoneAttempt
from tests.factories.pictures import picture
from tests.unit.review.conftest import Desk


def test_notes_answers_numbers_and_files_go(
    desk: Desk, settings: Any, tmp_path: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.MEDIA_ROOT = tmp_path
    desk.prepares = False
    case_id = desk.open(grade="B", amount_cents=3_000_000)
    assert desk.claim("chen", "CALL") == case_id
    desk.act("add_note", case_id, "chen", text="说他叫王建国")
    desk.act("attach", case_id, "chen", kind="other", title="Page", content=picture())
    attempt_id = desk.act("phone.dial", case_id, "chen", callee="borrower", reason="to verify")
    check_id = desk.act("phone.log_call", case_id, "chen", attempt_id=attempt_id, result="answered")
    desk.act("phone.answer", case_id, "chen", check_id=check_id, key="applied", answer="yes")
    attempt = PhoneAttempt.objects.get()
    assert attempt.number
    attempt.number_index = "0" * 64  # another one: what was called stays what it was
    with pytest.raises(IntegrityError), transaction.atomic():
        attempt.save(update_fields=["number_index"])
    done = CaseAction.objects.count()
    with django_capture_on_commit_callbacks(execute=True):
        services.erase(user_id=desk.row(case_id).borrower_id)
    attempt.refresh_from_db()
    assert (attempt.number, attempt.number_index, attempt.number_masked) == ("", "", "")
    assert [row.text for row in CaseNote.objects.all()] == [""]
    assert [row.answer for row in PhoneAnswer.objects.all()] == [""]
    assert CaseAction.objects.count() == done
    with pytest.raises(FileNotFoundError):
        vault.load(Attachment.objects.get().file)
    assert Attachment.objects.get().title == ""
