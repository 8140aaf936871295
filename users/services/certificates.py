"""Certificates: documents that a borrower keeps with us, under a consent of their own."""

import hashlib
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import Q

from lending.common import documents, vault
from lending.common.errors import Conflict, Invalid, NotFound, TooManyRequests
from users.models import (
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
from users.models.certificates import ID_CARD, PICTURES
from users.services import checks, consents

CONSENT, RECIPIENT = "certificates", "platform"
AT_MOST = 20  # kept at one time
A_DAY = 30


class NoSuchKind(Invalid):
    code, title = "no_such_kind", "Choose what it is from the list"


class AlreadyKept(Conflict):
    code, title = "already_kept", "We have this very file already"


class TooManyCertificates(Conflict):
    code, title = "too_many_certificates", "Remove a document before adding another"


class CardBeingRead(Conflict):
    code, title = "card_being_read", "Your ID card is being read right now"


class CertificateInUse(Conflict):
    code, title = "certificate_in_use", "A check stands on this picture: it is kept. You may add a newer one"


class TooManyUploads(TooManyRequests):
    code, title = "too_many_uploads", "No more uploads today"


def add(*, user_id: int, kind: str, content: bytes, version: str = "", ip: str = "", at: datetime) -> int:
    """Keep a document; its id. PICTURES are never a PDF; a side of the ID card takes the place of the one before, and
    once both are there they are read.

    `version`: of the consent "certificates", where it is given with the upload. Raises NoSuchKind, UnreadableFile,
    AlreadyKept, CardBeingRead, TooManyCertificates, TooManyUploads, and what `consents.give` and `checks.request`
    raise.
    """
    if kind not in CertificateKind.values:
        raise NoSuchKind(fields={"kind": "Not one of the choices."})
    file = documents.cleaned({"file": content})["file"]
    if kind in PICTURES and file.size is None:
        raise documents.UnreadableFile(fields={"file": "a picture, not a PDF"})
    User.objects.select_for_update().get(pk=user_id)
    if version:
        consents.give(user_id=user_id, code=CONSENT, version=version, recipients=(), ip=ip, at=at)
    require = consents.require_latest if kind == CertificateKind.FACE_PHOTO else consents.require
    consent_id = require(user_id=user_id, code=CONSENT, recipient=RECIPIENT, at=at)
    digest = hashlib.sha256(file.content).hexdigest()
    _check_room(user_id, kind, digest, at)
    if kind in ID_CARD:
        _check_not_being_read(user_id)
        for former in Certificate.objects.filter(user_id=user_id, kind=kind, state=CertificateState.KEPT):
            _end(former, "replaced", at)
    public_id = uuid.uuid4()
    certificate = Certificate.objects.create(
        public_id=public_id,
        user_id=user_id,
        kind=kind,
        file=vault.save(f"certificates/{public_id}.{file.ending}.enc", file.content),
        sha256=digest,
        size=len(file.content),
        consent_id=consent_id,
        uploaded_at=at,
    )
    if kind in ID_CARD and _both_sides(user_id):
        checks.request(user_id=user_id, kind=CheckKind.OCR, at=at)
    return certificate.pk


def remove(*, user_id: int, public_id: uuid.UUID, at: datetime) -> None:
    """The file is deleted for good. Raises NotFound (another's, or ended already), CardBeingRead, CertificateInUse."""
    User.objects.select_for_update().get(pk=user_id)
    kept = Certificate.objects.filter(user_id=user_id, state=CertificateState.KEPT)
    certificate = kept.filter(public_id=public_id).first()
    if certificate is None:
        raise NotFound("There is no such document.")
    if certificate.kind in ID_CARD:
        _check_not_being_read(user_id)
    if _is_stood_on(certificate):
        raise CertificateInUse()
    _end(certificate, "removed", at)


def file_names() -> Iterator[str]:
    """Of every file that is still there."""
    return Certificate.objects.exclude(file="").order_by("pk").values_list("file", flat=True).iterator()


def _check_room(user_id: int, kind: str, digest: str, at: datetime) -> None:
    own = Certificate.objects.filter(user_id=user_id)
    if own.filter(uploaded_at__gt=at - timedelta(days=1)).count() >= A_DAY:
        raise TooManyUploads(retry_after=3600)
    kept = own.filter(state=CertificateState.KEPT)
    if kept.filter(kind=kind, sha256=digest).exists():
        raise AlreadyKept()
    if kept.exclude(kind__in=ID_CARD).count() >= AT_MOST and kind not in ID_CARD:
        raise TooManyCertificates(at_most=AT_MOST)


def _both_sides(user_id: int) -> bool:
    return Certificate.objects.filter(user_id=user_id, kind__in=ID_CARD, state=CertificateState.KEPT).count() == 2


def _check_not_being_read(user_id: int) -> None:
    if Check.objects.filter(user_id=user_id, kind=CheckKind.OCR, state=CheckState.PENDING).exists():
        raise CardBeingRead()


def _is_stood_on(certificate: Certificate) -> bool:
    """Whether a reading or a comparison that passed was of this picture."""
    passed, compared = (
        Check.objects.filter(state=CheckState.PASSED),
        FaceReview.objects.filter(state=FaceReviewState.PASSED),
    )
    return (
        passed.filter(Q(front=certificate) | Q(back=certificate)).exists()
        or compared.filter(Q(front=certificate) | Q(portrait=certificate)).exists()
    )


def _end(certificate: Certificate, transition_name: str, at: datetime) -> None:
    """The file goes once the transaction has been committed: a rollback leaves it where the row still expects it."""
    getattr(certificate, transition_name)()
    certificate.ended_at = at
    if not _is_stood_on(certificate):
        transaction.on_commit(partial(vault.forget, certificate.file))
        certificate.file = ""
    certificate.save(update_fields=["state", "file", "ended_at"])
