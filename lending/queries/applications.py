"""Reads of applications, their timeline and supplements. A stranger's row is NotFound."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from django.db.models import Max, QuerySet

from lending.common import crypto, vault
from lending.common.compiled import compiled
from lending.common.errors import NotFound
from lending.models import (
    Application,
    ApplicationStatus,
    Event,
    Supplement,
)
from lending.queries.gate import one, only
from lending.rules.terms import Terms
from lending.services.gates import purpose_category

LOOKED_AT_AGAIN = (ApplicationStatus.REFERRED, ApplicationStatus.SUPPLEMENT)


@dataclass(frozen=True, slots=True)
class ApplicationView:
    id: int
    public_id: UUID
    user_id: int
    product_code: str
    product_family: str
    kind: str
    amount_cents: int | None
    months: int | None
    method: str
    purpose: str
    purpose_category: str
    channel_code: str
    status: str
    grade: str
    offered_cents: int | None
    terms: Terms | None
    reasons: tuple[str, ...]
    decision_id: int | None
    reapply_at: datetime | None
    created_at: datetime
    submitted_at: datetime | None
    decided_at: datetime | None
    round: int


@dataclass(frozen=True, slots=True)
class EventView:
    id: int
    subject: str
    source: str
    target: str
    actor: str
    reason: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class SupplementItemView:
    """`file`: its name in the vault, "" where a text or nothing was brought."""

    id: int
    kind: str
    request_text: str
    answered: bool
    file: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SupplementView:
    public_id: UUID
    requested_at: datetime
    expires_at: datetime
    answered_at: datetime | None
    closed_at: datetime | None
    items: tuple[SupplementItemView, ...]


def application(application_id: int) -> ApplicationView:
    return _application(only(_by_id(application_id=application_id)))


@compiled
def _by_id(application_id: int) -> QuerySet[Application]:
    return Application.objects.filter(pk=application_id).select_related("product")


def application_for(user_id: int, public_id: UUID) -> ApplicationView:
    return _application(one(Application.objects.select_related("product"), user_id=user_id, public_id=public_id))


def applications_of(user_id: int) -> tuple[ApplicationView, ...]:
    return tuple(map(_application, Application.objects.select_related("product").filter(user_id=user_id)))


def applicants_since(user_ids: Collection[int], since: datetime, until: datetime) -> dict[int, datetime]:
    """Those who submitted an application after `since` and up to `until`, with when they last did."""
    if not user_ids:
        return {}
    return dict(_latest("user_id", since, until, user_id__in=user_ids))


def partners_since(user_id: int, since: datetime, until: datetime) -> dict[str, datetime]:
    """The channels through which one borrower applied in that time, our own among them, with when they last did."""
    return dict(_partners(user_id=user_id, since=since, until=until))


@compiled
def _partners(user_id: int, since: datetime, until: datetime) -> QuerySet[Application, tuple[str, datetime]]:
    return _latest("channel_code", since, until, user_id=user_id)


def _latest(column: str, since: datetime, until: datetime, **whose: Any) -> QuerySet[Application, tuple[Any, datetime]]:
    rows = Application.objects.filter(submitted_at__gt=since, submitted_at__lte=until, **whose).order_by()
    return rows.values(column).annotate(latest=Max("submitted_at")).values_list(column, "latest")


def _application(found: Application) -> ApplicationView:
    terms = None
    if found.decided_cents and found.decided_months and found.decided_rate is not None:
        terms = Terms(found.decided_cents, found.decided_months, found.decided_rate, found.method)
    return ApplicationView(
        id=found.pk,
        public_id=found.public_id,
        user_id=found.user_id,
        product_code=found.product.code,
        product_family=found.product_family,
        kind=found.product.kind,
        amount_cents=found.asked_cents,
        months=found.asked_months,
        method=found.method,
        purpose=found.purpose,
        purpose_category=purpose_category(found.purpose),
        channel_code=found.channel_code,
        status=found.status,
        grade=found.grade,
        offered_cents=found.offered_cents,
        terms=terms,
        reasons=tuple(found.reasons),
        decision_id=found.decision_id,
        reapply_at=found.reapply_at,
        created_at=found.created_at,
        submitted_at=found.submitted_at,
        decided_at=found.decided_at,
        round=found.appeals + 1,
    )


def appeal_open(user_id: int) -> bool:
    """Whether a person is asked to look again at a refusal of this borrower's, be it of the machine or of people."""
    return Application.objects.filter(user_id=user_id, appeals__gt=0, status__in=LOOKED_AT_AGAIN).exists()


def timeline(application_id: int, *, drawdown_id: int | None = None) -> tuple[EventView, ...]:
    """Everything that happened to an application and what hangs off it (or off one drawdown), oldest first."""
    rows = Event.objects.filter(application_id=application_id)
    if drawdown_id is not None:
        rows = rows.filter(drawdown_id=drawdown_id)
    return tuple(
        EventView(
            id=row.pk,
            subject=row.subject,
            source=row.source,
            target=row.target,
            actor=row.actor,
            reason=row.reason,
            occurred_at=row.occurred_at,
        )
        for row in rows.order_by("id")
    )


def brought_file(name: str) -> bytes:
    """The bytes of a supplement's file. Raises NotFound where it is gone or was not written by us."""
    try:
        return vault.load(name)
    except (FileNotFoundError, InvalidTag, crypto.UnknownKey) as error:
        raise NotFound("The file is not there.") from error


def supplements_of(application_id: int) -> tuple[SupplementView, ...]:
    rows = Supplement.objects.filter(application_id=application_id).prefetch_related("items")
    return tuple(
        SupplementView(
            public_id=row.public_id,
            requested_at=row.requested_at,
            expires_at=row.expires_at,
            answered_at=row.answered_at,
            closed_at=row.closed_at,
            items=tuple(
                SupplementItemView(
                    item.pk, item.kind, item.request_text, bool(item.answer_text or item.file), item.file.name or ""
                )
                for item in row.items.all()
            ),
        )
        for row in rows
    )
