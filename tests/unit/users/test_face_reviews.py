"""A person compares the face: asked for by the borrower, answered by staff who have looked."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django_fsm import TransitionNotAllowed

from lending.common.errors import DomainError
from tests.conftest import Clock
from tests.factories.borrowers import borrower
from tests.factories.faces import photographed, waiting
from tests.factories.pictures import photo
from tests.factories.staff import officer
from users import queries
from users.models import AccessLog, Certificate, Check, Consent, Document, FaceReview, Message, Source, StaffAct
from users.services import accounts, acts, certificates, checks, consents, face_reviews, profiles

WHY = "the same nose and ears"


@pytest.fixture
def asked(tables: None, at: datetime) -> FaceReview:
    return waiting(at)


@pytest.fixture
def at(clock: Clock) -> datetime:
    return clock.at


def look(review: FaceReview, by: str, at: datetime, fields: tuple[str, ...] = face_reviews.SHOWN) -> None:
    face_reviews.record_look(by=by, subject=f"user:{review.user_id}", fields=fields, reason="to compare", at=at)


def decide(review: FaceReview, by: str, at: datetime, *, same: bool = True, reason: str = WHY) -> FaceReview:
    face_reviews.decide(review_id=review.pk, same=same, by=by, reason=reason, at=at)
    return FaceReview.objects.get(pk=review.pk)


class TestAsk:
    def test_the_same_pictures_wait_once_and_others_take_their_place(self, asked: FaceReview, at: datetime) -> None:
        assert face_reviews.ask(user_id=asked.user_id, at=at) == asked.pk
        certificates.add(user_id=asked.user_id, kind="face_photo", content=photo(9), at=at)
        later = face_reviews.ask(user_id=asked.user_id, at=at)
        assert dict(FaceReview.objects.values_list("pk", "state")) == {asked.pk: "replaced", later: "waiting"}
        Check.objects.filter(kind="id2").delete()  # so that the name may still change
        for name in ("王一", "王二", "王三"):
            profiles.save(user_id=asked.user_id, name=name, by="system", at=at)
            face_reviews.ask(user_id=asked.user_id, at=at)
        profiles.save(user_id=asked.user_id, name="王五", by="system", at=at)
        with pytest.raises(checks.TooManyChecks):
            face_reviews.ask(user_id=asked.user_id, at=at)

    @pytest.mark.parametrize(
        ("kinds", "enabled", "error"),
        [
            (("id_front", "face_photo"), False, face_reviews.NoFaceNeeded),
            (("id_front",), True, face_reviews.PhotosMissing),
            (("face_photo",), True, face_reviews.PhotosMissing),
            ((), True, face_reviews.PhotosMissing),
        ],
    )
    def test_is_refused(
        self, tables: None, at: datetime, kinds: tuple[str, ...], enabled: bool, error: type[DomainError]
    ) -> None:
        user_id = borrower(at)
        Source.objects.filter(code="face").update(enabled=enabled)
        photographed(user_id, at, kinds)
        with pytest.raises(error):
            face_reviews.ask(user_id=user_id, at=at)
        assert not FaceReview.objects.exists()

    def test_a_photo_of_oneself_needs_the_text_that_speaks_of_it(self, tables: None, at: datetime) -> None:
        user_id = borrower(at)
        photographed(user_id, at, ("id_front",))
        newer = Document.objects.get(code="certificates")
        newer.pk, newer.version, newer.valid_from = None, "3", at
        newer.save(force_insert=True)
        with pytest.raises(consents.DocumentOutdated):
            certificates.add(user_id=user_id, kind="face_photo", content=photo(), at=at)
        assert certificates.add(user_id=user_id, kind="income_proof", content=photo(), at=at)

    def test_is_refused_without_the_consent_to_look(self, asked: FaceReview, at: datetime) -> None:
        _withdraw(asked, at)
        with pytest.raises(consents.ConsentMissing):
            face_reviews.ask(user_id=asked.user_id, at=at)


class TestDecide:
    @pytest.mark.parametrize("same", [True, False])
    def test_by_whoever_has_looked(self, asked: FaceReview, at: datetime, same: bool) -> None:
        by = officer(at)
        look(asked, by, at)
        row = decide(asked, by, at, same=same)
        assert (row.state, row.decided_by, row.decided_at) == ("passed" if same else "refused", by, at)
        assert queries.face_needed(asked.user_id, at) is not same
        act = StaffAct.objects.get()
        assert (act.act, act.subject, act.reason) == (
            "same_face" if same else "another_face", f"user:{asked.user_id}", WHY,
        )  # fmt: skip
        assert Message.objects.latest("pk").template == ("face_passed" if same else "face_refused")
        with pytest.raises(face_reviews.AlreadyDecided):
            decide(asked, by, at)

    def test_holds_a_day_for_the_name_it_was_about(self, asked: FaceReview, clock: Clock) -> None:
        by = officer(clock.at)
        look(asked, by, clock.at)
        decide(asked, by, clock.at)
        assert not queries.face_needed(asked.user_id, clock.move(hours=23, minutes=59))
        Check.objects.filter(kind="id2").delete()  # so that the name may still change
        with transaction.atomic():
            profiles.save(user_id=asked.user_id, name="李四", by="system", at=clock.at)
            assert queries.face_needed(asked.user_id, clock.at)
            transaction.set_rollback(True)
        assert not queries.face_needed(asked.user_id, clock.at)
        assert queries.face_needed(asked.user_id, clock.move(minutes=1))

    @pytest.mark.parametrize(
        ("change", "error"),
        [
            (lambda review, by, at: AccessLog.objects.none(), face_reviews.NotLookedAt),
            (lambda review, by, at: look(review, by, at, ("portrait",)), face_reviews.NotLookedAt),
            (lambda review, by, at: _take_back(review, at), face_reviews.PicturesGone),
            (lambda review, by, at: _withdraw(review, at), face_reviews.PicturesGone),
        ],
        ids=("unseen", "half seen", "picture removed", "consent withdrawn"),
    )
    def test_is_refused_and_changes_nothing(
        self, asked: FaceReview, at: datetime, change: Callable[..., Any], error: type[DomainError]
    ) -> None:
        by = officer(at)
        if error is face_reviews.PicturesGone:
            look(asked, by, at)
        change(asked, by, at)
        with pytest.raises(error), transaction.atomic():
            decide(asked, by, at)
        assert FaceReview.objects.get().state == "waiting"
        assert not StaffAct.objects.exists()

    def test_another_colleagues_look_is_not_ones_own(self, asked: FaceReview, at: datetime) -> None:
        look(asked, officer(at), at)
        other = accounts.make_staff(username="other", password="long enough for all", is_superuser=True, at=at)
        with pytest.raises(face_reviews.NotLookedAt), transaction.atomic():
            decide(asked, f"staff:{other}", at)

    @pytest.mark.parametrize(
        ("by", "reason", "error"),
        [
            ("user:1", WHY, face_reviews.StaffOnly),
            ("system", WHY, face_reviews.StaffOnly),
            ("staff:0", WHY, acts.NotAllowed),
            ("officer", "", acts.ReasonRequired),
        ],
    )
    def test_is_for_staff_with_the_permission_and_a_reason(
        self, asked: FaceReview, at: datetime, by: str, reason: str, error: type[DomainError]
    ) -> None:
        with pytest.raises(error), transaction.atomic():
            decide(asked, officer(at) if by == "officer" else by, at, reason=reason)
        with pytest.raises(acts.NotAllowed):
            look(asked, "staff:0", at)
        assert not AccessLog.objects.exists()

    def test_the_database_wants_who_and_when(self, asked: FaceReview, at: datetime) -> None:
        for wrong in (
            {"state": "passed"},
            {"decided_at": at},
            {"state": "passed", "decided_at": at, "decided_by": "x"},
        ):
            with pytest.raises(IntegrityError, match="users_facereview_decided"), transaction.atomic():
                FaceReview.objects.update(**wrong)
        asked.refused()
        with pytest.raises(TransitionNotAllowed):
            asked.passed()

    def test_a_picture_that_a_pass_stands_on_is_kept(self, asked: FaceReview, at: datetime) -> None:
        by = officer(at)
        look(asked, by, at)
        decide(asked, by, at)
        with pytest.raises(certificates.CertificateInUse):
            certificates.remove(user_id=asked.user_id, public_id=asked.portrait.public_id, at=at)


def _take_back(review: FaceReview, at: datetime) -> None:
    certificates.remove(user_id=review.user_id, public_id=review.portrait.public_id, at=at)
    assert Certificate.objects.get(pk=review.portrait_id).file == ""


def _withdraw(review: FaceReview, at: datetime) -> None:
    given = Consent.objects.get(user_id=review.user_id, code="certificates")
    consents.withdraw(user_id=review.user_id, consent_id=given.pk, by=f"user:{review.user_id}", at=at)


def test_an_erased_account_leaves_no_index_and_nothing_that_waits(asked: FaceReview) -> None:
    face_reviews.forget(user_id=asked.user_id)
    assert FaceReview.objects.values_list("state", "subject_index").get() == ("replaced", "")
