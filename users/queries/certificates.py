"""Certificates, as their owner sees them and as reviewers may."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from cryptography.exceptions import InvalidTag

from lending.common import crypto, links, vault
from lending.common.errors import NotFound
from users.models import Certificate, CertificateKind, CertificateState

MIME = {"jpg": "image/jpeg", "pdf": "application/pdf"}


@dataclass(frozen=True)
class CertificateView:
    """`ending`: jpg or pdf; `file`: its name in the vault; `size` in bytes."""

    id: int
    public_id: UUID
    kind: str
    title: str
    size: int
    ending: str
    file: str = field(repr=False)
    sha256: str
    uploaded_at: datetime


@dataclass(frozen=True)
class OpenedFile:
    content: bytes = field(repr=False)
    name: str
    mime: str


def certificates(user_id: int) -> tuple[CertificateView, ...]:
    """What a borrower keeps with us, newest first."""
    rows = Certificate.objects.filter(user_id=user_id, state=CertificateState.KEPT).order_by("-pk")
    return tuple(_view(row) for row in rows)


def certificates_in_use(user_id: int) -> tuple[CertificateView, ...]:
    """What may be looked at for a decision: kept, under a consent that is not withdrawn."""
    rows = Certificate.objects.filter(user_id=user_id, state=CertificateState.KEPT, consent__withdrawn_at=None)
    return tuple(_view(row) for row in rows.order_by("-pk"))


def certificate(user_id: int, certificate_id: int) -> CertificateView:
    """The gate to one of the user's own. Raises NotFound."""
    row = Certificate.objects.filter(user_id=user_id, pk=certificate_id, state=CertificateState.KEPT).first()
    if row is None:
        raise NotFound("There is no such document.")
    return _view(row)


def certificate_token(view: CertificateView, *, user_id: int, at: datetime) -> str:
    """For a link that only the owner may follow, for five minutes."""
    return links.token(thing=f"certificate:{view.id}", reader=f"user:{user_id}", at=at)


def opened_certificate(token: str, *, user_id: int, at: datetime) -> OpenedFile:
    """What such a link leads to. Raises LinkDead; NotFound where it is removed meanwhile."""
    _, _, ident = links.opened(token, reader=f"user:{user_id}", at=at).partition(":")
    view = certificate(user_id, int(ident))
    return OpenedFile(stored(view.file), f"{view.kind}.{view.ending}", MIME[view.ending])


def stored(name: str) -> bytes:
    """The bytes of a certificate. Raises NotFound where it is gone or was not written by us."""
    try:
        return vault.load(name)
    except (FileNotFoundError, InvalidTag, crypto.UnknownKey) as error:
        raise NotFound("The file is not there.") from error


def _view(row: Certificate) -> CertificateView:
    return CertificateView(
        id=row.pk,
        public_id=row.public_id,
        kind=row.kind,
        title=str(CertificateKind(row.kind).label),
        size=row.size,
        ending=row.file.removesuffix(".enc").rpartition(".")[2],
        file=row.file,
        sha256=row.sha256,
        uploaded_at=row.uploaded_at,
    )
