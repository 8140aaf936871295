"""Exactly what was asked for comes back, in time, as something that can be read."""

import hashlib
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from lending import queries
from lending.common.documents import UnreadableFile
from lending.common.errors import Invalid, NotFound
from lending.models import Application, Supplement, SupplementItem
from lending.services import applications, supplements
from lending.services.applications import WrongState
from lending.services.supplements import SupplementClosed
from tests.factories.applications import judged
from users.models import Consent
from users.services import consents
from users.services.consents import ConsentMissing

ITEMS = [("income_proof", "近三个月工资流水"), ("job_note", "在职说明")]
PDF = b"%PDF-1.4 slip %%EOF"
WORDS = {"job_note": "在杭州木器厂工作六年"}


@pytest.fixture
def asked(at: datetime, settings: Any, tmp_path: Path) -> int:
    """An application in SUPPLEMENT; files go to a place of the test's own."""
    settings.MEDIA_ROOT = tmp_path
    application_id = judged(at, "refer")
    supplements.request(application_id=application_id, items=ITEMS, by="staff:1", at=at)
    return application_id


def answer(application_id: int, at: datetime, texts: dict[str, str], files: dict[str, bytes]) -> None:
    supplements.answer(application_id=application_id, texts=texts, files=files, by="user:1", at=at)


def status(application_id: int) -> str:
    return Application.objects.get(pk=application_id).status


class TestRequest:
    def test_names_each_thing_once(self, at: datetime) -> None:
        application_id = judged(at, "refer")
        for items in ([], [ITEMS[0], ITEMS[0]]):
            with pytest.raises(Invalid):
                supplements.request(application_id=application_id, items=items, by="staff:1", at=at)
        assert status(application_id) == "REFERRED"

    def test_gives_seventy_two_hours(self, at: datetime, asked: int) -> None:
        found = queries.supplements_of(asked)[0]
        assert (found.expires_at, [item.kind for item in found.items]) == (
            at + timedelta(hours=72),
            ["income_proof", "job_note"],
        )
        with pytest.raises(WrongState):
            supplements.request(application_id=asked, items=ITEMS, by="staff:1", at=at)


class TestAnswer:
    def test_keeps_words_encrypted_and_files_with_their_hash(self, at: datetime, asked: int) -> None:
        answer(asked, at, WORDS, {"income_proof": PDF})
        assert status(asked) == "REFERRED"
        proof, note = Supplement.objects.get().items.order_by("id")
        assert (proof.file_sha256, proof.file_size) == (hashlib.sha256(PDF).hexdigest(), len(PDF))
        assert queries.brought_file(proof.file.name) == PDF
        assert note.answer_text == WORDS["job_note"]
        assert [item.answered for item in queries.supplements_of(asked)[0].items] == [True, True]

    @pytest.mark.parametrize(
        ("texts", "files", "fields"),
        [
            (WORDS, {}, {"income_proof": "missing"}),
            ({"job_note": "   "}, {"income_proof": PDF}, {"job_note": "missing"}),
            (WORDS | {"diary": "x"}, {"income_proof": PDF}, {"diary": "not asked for"}),
            (WORDS, {"income_proof": b"MZ\x90"}, {"income_proof": "not a JPEG, PNG or PDF"}),
            (WORDS, {"income_proof": PDF + b"\0" * 8 * 1024 * 1024}, {"income_proof": "larger than 8 MB"}),
        ],
    )
    def test_anything_else_is_refused_by_item(
        self, at: datetime, asked: int, texts: dict[str, str], files: dict[str, bytes], fields: dict[str, str]
    ) -> None:
        with pytest.raises((Invalid, UnreadableFile)) as refused:
            answer(asked, at, texts, files)
        assert refused.value.data["fields"] == fields
        assert status(asked) == "SUPPLEMENT"
        assert Supplement.objects.get().answered_at is None

    def test_in_time(self, at: datetime, asked: int) -> None:
        with pytest.raises(SupplementClosed):
            answer(asked, at + timedelta(hours=72, seconds=1), WORDS, {"income_proof": PDF})
        answer(asked, at + timedelta(hours=72), WORDS, {"income_proof": PDF})
        assert status(asked) == "REFERRED"

    def test_no_file_is_kept_without_the_agreement_of_the_account(self, at: datetime, asked: int) -> None:
        user_id = Application.objects.get(pk=asked).user_id
        given = Consent.objects.get(user_id=user_id, code="service")
        consents.withdraw(user_id=user_id, consent_id=given.pk, by=f"user:{user_id}", at=at)
        with pytest.raises(ConsentMissing):
            answer(asked, at, WORDS, {"income_proof": PDF})
        assert status(asked) == "SUPPLEMENT"
        item = SupplementItem.objects.get(kind="income_proof")
        item.file.name = "supplements/past-the-service.pdf.enc"
        with pytest.raises(IntegrityError, match="consent_not_live"), transaction.atomic():
            item.save(update_fields=["file"])

    def test_nothing_where_nothing_is_asked(self, at: datetime, asked: int) -> None:
        with pytest.raises(NotFound):
            answer(0, at, WORDS, {"income_proof": PDF})
        applications.withdraw(application_id=asked, by="user:1", at=at)
        with pytest.raises(WrongState):
            answer(asked, at, WORDS, {"income_proof": PDF})
