"""Documents in force, and the consents given to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet

from lending.common.compiled import compiled
from lending.common.errors import NotFound
from lending.common.remembered import remembered
from users.models import CollectedKind, CollectionRule, Consent, Document
from users.rules import withdrawal


@dataclass(frozen=True)
class DocumentView:
    id: int
    code: str
    version: str
    moment: str
    accepted_by: str
    is_optional: bool
    is_separate: bool
    is_consent: bool
    recipients: tuple[str, ...]
    named_recipients: bool
    blocks: tuple[str, ...]
    title_en: str
    title_zh: str
    body_en: str
    body_zh: str


@dataclass(frozen=True)
class ConsentView:
    id: int
    public_id: UUID
    user_id: int
    code: str
    version: str
    recipients: tuple[str, ...]
    context: str
    given_at: datetime
    withdrawn_at: datetime | None


@dataclass(frozen=True)
class GivenConsent:
    """A consent beside the very text it was given to, whatever is in force now. `is_newest`: that text still is.

    `stops`: what withdrawing it would stop.
    """

    consent: ConsentView
    document: DocumentView
    is_newest: bool
    stops_en: str
    stops_zh: str


def document(code: str, at: datetime) -> DocumentView | None:
    """The version in force."""
    rows = (row for row in _documents() if row.code == code and row.valid_from <= at)
    row = max(rows, key=lambda row: (row.valid_from, row.pk), default=None)
    return _document_view(row) if row else None


@remembered
def _documents() -> tuple[Document, ...]:
    return tuple(Document.objects.all())


def documents(at: datetime, moment: str | None = None) -> tuple[DocumentView, ...]:
    """What is in force, in the order of showing; one version of each. At a `moment`: without what the market does not
    let be collected."""
    off = not_collected() if moment else frozenset()
    rows = Document.objects.filter(valid_from__lte=at).order_by("code", "-valid_from", "-pk").distinct("code")
    found = sorted(
        (row for row in rows if moment in (None, row.moment) and row.code not in off),
        key=lambda row: (row.position, row.code),
    )
    return tuple(_document_view(row) for row in found)


def not_collected() -> frozenset[str]:
    """Kinds of data from borrowers' phones, and consents, that the market has no use for."""
    return frozenset(CollectedKind.values) - {row.kind for row in collection_rules() if row.is_allowed}


def collection_rules() -> tuple[CollectionRule, ...]:
    """Those of the market."""
    return tuple(row for row in _collection_rules() if row.market == settings.MARKET)


@remembered
def _collection_rules() -> tuple[CollectionRule, ...]:
    return tuple(CollectionRule.objects.all())


def live_consent(user_id: int, code: str, recipient: str, at: datetime) -> ConsentView | None:
    """The latest consent of this kind that names the recipient and is not withdrawn."""
    return live_consent_naming(user_id, code, (recipient,), at)


def live_consent_naming(
    user_id: int, code: str, recipients: Sequence[str], at: datetime, *, context: str | None = None
) -> ConsentView | None:
    """The latest consent of this kind that names all of the recipients and is not withdrawn; where there is a
    `context`, given for that."""
    given_for = {} if context is None else {"context": context}
    row = (
        Consent.objects.filter(
            Q(withdrawn_at=None) | Q(withdrawn_at__gt=at),
            **given_for,
            user_id=user_id,
            code=code,
            recipients__contains=list(recipients),
            given_at__lte=at,
        )
        .order_by("-given_at", "-pk")
        .first()
    )
    return _consent_view(row) if row else None


def live_consents(user_id: int, at: datetime) -> tuple[ConsentView, ...]:
    """Those not withdrawn, the latest first."""
    return tuple(map(_consent_view, _live(user_id=user_id, at=at)))


@compiled
def _live(user_id: int, at: datetime) -> QuerySet[Consent]:
    rows = Consent.objects.filter(Q(withdrawn_at=None) | Q(withdrawn_at__gt=at), user_id=user_id, given_at__lte=at)
    return rows.order_by("-given_at", "-pk")


def consent(consent_id: int) -> ConsentView:
    """Raises NotFound."""
    row = Consent.objects.filter(pk=consent_id).first()
    if row is None:
        raise NotFound("There is no such consent.")
    return _consent_view(row)


def consents(user_id: int) -> tuple[ConsentView, ...]:
    """All that were ever given, newest first."""
    return tuple(_consent_view(row) for row in Consent.objects.filter(user_id=user_id).order_by("-given_at", "-pk"))


def consents_as_given(user_id: int, at: datetime) -> tuple[GivenConsent, ...]:
    """All that were ever given, newest first, each with its text as it was read."""
    newest = {row.id for row in documents(at)}
    rows = Consent.objects.filter(user_id=user_id).select_related("document").order_by("-given_at", "-pk")
    return tuple(_given(row, newest) for row in rows)


def consent_as_given(user_id: int, public_id: UUID, at: datetime) -> GivenConsent:
    """The gate to one of the user's consents. Raises NotFound."""
    row = Consent.objects.filter(user_id=user_id, public_id=public_id).select_related("document").first()
    if row is None:
        raise NotFound("There is no such consent.")
    return _given(row, {found.id for found in documents(at)})


def _given(row: Consent, newest: set[int]) -> GivenConsent:
    return GivenConsent(
        _consent_view(row), _document_view(row.document), row.document_id in newest, *withdrawal.stops(row.code)
    )


def _document_view(row: Document) -> DocumentView:
    return DocumentView(
        id=row.pk,
        code=row.code,
        version=row.version,
        moment=row.moment,
        accepted_by=row.accepted_by,
        is_optional=row.is_optional,
        is_separate=row.is_separate,
        is_consent=row.is_consent,
        recipients=tuple(row.recipients),
        named_recipients=row.named_recipients,
        blocks=tuple(row.blocks),
        title_en=row.title_en,
        title_zh=row.title_zh,
        body_en=row.body_en,
        body_zh=row.body_zh,
    )


def _consent_view(row: Consent) -> ConsentView:
    return ConsentView(
        row.pk,
        row.public_id,
        row.user_id,
        row.code,
        row.version,
        tuple(row.recipients),
        row.context,
        row.given_at,
        row.withdrawn_at,
    )
