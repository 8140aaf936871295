"""A person compares the face: asked for by the borrower, answered by staff who have looked."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from lending.common.errors import Conflict, Invalid, NotFound
from users import queries
from users.models import (
    AccessLog,
    Certificate,
    CertificateKind,
    CertificateState,
    Check,
    CheckKind,
    CheckState,
    FaceReview,
    FaceReviewState,
    User,
)
from users.services import access, acts, certificates, checks, consents, messages

MAY_COMPARE = "users.compare_face"
A_DAY = 5
PICTURES = {"front": CertificateKind.ID_FRONT, "portrait": CertificateKind.FACE_PHOTO}
SHOWN = ("ID_card", "portrait")  # as the log of accesses names them


class NoFaceNeeded(Conflict):
    code, title = "face_not_needed", "Nobody needs to see your face now"


class PhotosMissing(Conflict):
    code, title = "face_photos_missing", "Photos of your ID card and of yourself are needed first"


class BeingCompared(Conflict):
    code, title = "face_being_compared", "Your face is being compared right now"


class AlreadyDecided(Conflict):
    code, title = "already_decided", "Somebody has said so already, or the borrower has asked anew"


class PicturesGone(Conflict):
    code, title = "pictures_gone", "The borrower has taken a picture or the consent back"


class NotLookedAt(Conflict):
    code, title = "not_looked_at", "Look at both pictures first"


class StaffOnly(Invalid):
    code, title = "staff_only", "Only a person of staff compares faces"


def ask(*, user_id: int, at: datetime) -> int:
    """The id of the review that waits for a person, of the ID card's front and the photo kept last; the one that waits
    for the very same two is returned again, another is replaced.

    Raises NoFaceNeeded, PhotosMissing, BeingCompared, TooManyChecks, ConsentMissing.
    """
    User.objects.select_for_update().get(pk=user_id)
    index = queries.face_index(user_id)
    if index is None or not queries.face_needed(user_id, at):
        raise NoFaceNeeded()
    found = _pictures(user_id)
    consents.require(user_id=user_id, code=certificates.CONSENT, recipient=certificates.RECIPIENT, at=at)
    if Check.objects.filter(user_id=user_id, kind=CheckKind.FACE, state=CheckState.PENDING).exists():
        raise BeingCompared()
    waiting = FaceReview.objects.filter(user_id=user_id, state=FaceReviewState.WAITING).first()
    if waiting is not None:
        same = (waiting.front_id, waiting.portrait_id, waiting.subject_index)
        if same == (found["front"].pk, found["portrait"].pk, index):
            return waiting.pk
    if FaceReview.objects.filter(user_id=user_id, asked_at__gt=at - timedelta(days=1)).count() >= A_DAY:
        raise checks.TooManyChecks(retry_after=3600)
    if waiting is not None:
        waiting.replaced()
        waiting.save(update_fields=["state"])
    return FaceReview.objects.create(user_id=user_id, **found, subject_index=index, asked_at=at).pk


def record_look(
    *, by: str, subject: str, fields: Sequence[str], reason: str, at: datetime, whose: int | None = None
) -> None:
    """Before the pictures are shown. Raises NotAllowed, and what `access.record` raises."""
    acts.require(by=by, permission=MAY_COMPARE)
    access.record(by=by, subject=subject, fields=fields, reason=reason, at=at, whose=whose)


def decide(*, review_id: int, same: bool, by: str, reason: str, at: datetime) -> None:
    """What somebody who has looked at both pictures says; the borrower is told.

    Raises NotFound, StaffOnly, NotAllowed, ReasonRequired, AlreadyDecided, PicturesGone, NotLookedAt.
    """
    if not by.startswith("staff:"):
        raise StaffOnly()
    user_id = FaceReview.objects.filter(pk=review_id).values_list("user_id", flat=True).first()
    if user_id is None:
        raise NotFound("There is no such comparison.")
    User.objects.select_for_update().get(pk=user_id)
    review = FaceReview.objects.select_for_update(of=("self",)).select_related("front", "portrait").get(pk=review_id)
    acts.record(
        by=by,
        act="same_face" if same else "another_face",
        subject=f"user:{user_id}",
        reason=reason,
        at=at,
        permission=MAY_COMPARE,
    )
    if review.state != FaceReviewState.WAITING:
        raise AlreadyDecided()
    if {review.front.state, review.portrait.state} != {CertificateState.KEPT} or not _is_consented(user_id, at):
        raise PicturesGone()
    looks = AccessLog.objects.filter(by=by, subject=f"user:{user_id}", at__gte=review.asked_at)
    if not looks.filter(fields__contains=list(SHOWN)).exists():
        raise NotLookedAt()
    if same:
        review.passed()
    else:
        review.refused()
    review.decided_at, review.decided_by = at, by
    review.save(update_fields=["state", "decided_at", "decided_by"])
    template = "face_passed" if same else "face_refused"
    messages.queue(user_id=user_id, template=template, params={}, key=f"face-review-{review.pk}", at=at)


def forget(*, user_id: int) -> None:
    """What an erased account leaves: that a person was asked, and what they said."""
    for review in FaceReview.objects.select_for_update().filter(user_id=user_id).order_by("pk"):
        if review.state == FaceReviewState.WAITING:
            review.replaced()
        review.subject_index = ""
        review.save(update_fields=["state", "subject_index"])


def _pictures(user_id: int) -> dict[str, Certificate]:
    """The latest of each that is kept. Raises PhotosMissing."""
    kept = Certificate.objects.filter(user_id=user_id, state=CertificateState.KEPT).order_by("pk")
    latest = {row.kind: row for row in kept.filter(kind__in=PICTURES.values())}
    if missing := [str(kind) for kind in PICTURES.values() if kind not in latest]:
        raise PhotosMissing(missing=missing)
    return {name: latest[kind] for name, kind in PICTURES.items()}


def _is_consented(user_id: int, at: datetime) -> bool:
    return queries.live_consent(user_id, certificates.CONSENT, certificates.RECIPIENT, at) is not None
