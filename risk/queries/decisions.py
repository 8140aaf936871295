"""What was decided, on which data, at what price."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count, Sum

from lending.common.errors import NotFound
from risk.models import Assessment, DataPull, Decision, PullState
from users import queries as users

# As pulls write them. Never asked: no consent, no authorisation; withdrawn since; the vendor's word on a token.
NO_CONSENT, NOT_AUTHORISED, CONSENT_NOT_LIVE = "no_consent", "not_authorised", "consent_not_live"
NEVER_ASKED = {NO_CONSENT: "not_asked", NOT_AUTHORISED: "not_authorised"}
TOKEN_REFUSED = ("token_expired", "token_unknown")


@dataclass(frozen=True, slots=True)
class DecisionView:
    """`inputs` and `output` as they were; `lost` are the points lost per reason, where a score was made."""

    id: int
    public_id: UUID
    application_id: int
    drawdown_id: int | None
    scenario: str
    step: str
    release: str
    release_sha256: str
    engine: str
    as_of: date
    inputs: Mapping[str, Any] = field(repr=False)
    output: Mapping[str, Any] = field(repr=False)
    outcome: str
    grade: str
    score: int | None
    limit_cents: int | None
    annual_rate: Decimal | None
    reasons: tuple[str, ...]
    tags: tuple[str, ...]
    hits: tuple[Mapping[str, Any], ...]
    lost: Mapping[str, int]
    spend_cents: int
    latency_us: int
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class DataUsed:
    """One source that was asked about a person, or was to be: for the person.

    `state`: answered, reused (`reused_from_at`: when that answer came), dead, pending, not_asked for want of a live
    consent, or not_authorised for want of what the source needs beside it. `asked_for`: application or drawdown.
    `consent_id`: None where nothing was to be sent under any.
    """

    source: str
    name_en: str
    name_zh: str
    vendor: str
    asked_for: str
    pulled_at: datetime
    state: str
    reused_from_at: datetime | None
    consent_id: int | None
    consent_code: str


@dataclass(frozen=True, slots=True)
class PullView:
    """One question to one source. `state`: answered, reused, dead or pending; `consent`: the one it stood on."""

    source: str
    answers_for: str
    stage: int
    state: str
    price_cents: int
    latency_ms: int | None
    failure: str
    recipient: str
    asked_at: datetime
    settled_at: datetime | None
    consent_code: str
    consent_version: str
    consent_given_at: datetime
    consent_withdrawn_at: datetime | None


def pulls_of(application_id: int) -> tuple[PullView, ...]:
    """Every source asked for an application and its drawdowns, in the order of asking."""
    rows = DataPull.objects.filter(assessment__application_id=application_id).select_related("consent").order_by("pk")
    return tuple(
        PullView(
            source=row.source_code,
            answers_for=row.answers_for,
            stage=row.stage,
            state="reused" if row.reused_from_id else str(row.state),
            price_cents=row.price_cents,
            latency_ms=row.latency_ms,
            failure=row.failure,
            recipient=row.recipient,
            asked_at=row.created_at,
            settled_at=row.settled_at,
            consent_code=row.consent.code,
            consent_version=row.consent.version,
            consent_given_at=row.consent.given_at,
            consent_withdrawn_at=row.consent.withdrawn_at,
        )
        for row in rows.defer("payload")
    )


def silent_on(day: date) -> Mapping[str, int]:
    """How often each source gave no answer on that business day."""
    dead = DataPull.objects.filter(assessment__as_of_date=day, state=PullState.DEAD).order_by()
    return {row["source_code"]: row["n"] for row in dead.values("source_code").annotate(n=Count("pk"))}


def decision(decision_id: int) -> DecisionView:
    """Raises NotFound."""
    return _view(_decision(decision_id))


def decisions_of(application_id: int) -> tuple[DecisionView, ...]:
    """In the order in which they were made, those of its drawdowns included."""
    rows = Decision.objects.select_related("release", "scenario", "assessment")
    return tuple(map(_view, rows.filter(assessment__application_id=application_id).order_by("pk")))


def decision_number(text: str) -> int:
    """The number behind a public id or a number. Raises NotFound."""
    if text.isdecimal() and text.isascii():
        return _decision(int(text)).pk
    try:
        row = Decision.objects.filter(public_id=UUID(text)).first()
    except ValueError:
        row = None
    if row is None:
        raise NotFound("There is no such decision.")
    return row.pk


def spend_cents(application_id: int) -> int:
    """Spent on data for the application and its drawdowns, identity and card checks included, up to now."""
    rows = Assessment.objects.filter(application_id=application_id)
    finished = rows.exclude(state="pending").aggregate(sum=Sum("spend_cents"))["sum"] or 0
    running = DataPull.objects.filter(assessment__in=rows.filter(state="pending")).aggregate(sum=Sum("price_cents"))
    return finished + (running["sum"] or 0)


def data_used(user_id: int) -> tuple[DataUsed, ...]:
    """Every source asked about this person or left out for want of a consent, newest first."""
    pulls = DataPull.objects.filter(user_id=user_id).select_related("source", "consent", "assessment", "reused_from")
    asked = [
        DataUsed(
            source=row.source_code,
            name_en=row.source.name_en,
            name_zh=row.source.name_zh,
            vendor=row.recipient,
            asked_for=row.assessment.kind,
            pulled_at=row.settled_at or row.created_at,
            state=_state_for_the_person(row),
            reused_from_at=row.reused_from.settled_at if row.reused_from else None,
            consent_id=row.consent_id,
            consent_code=row.consent.code,
        )
        for row in pulls.defer("payload", "reused_from__payload", "source__credentials").order_by("-pk")
    ]
    return tuple(sorted([*asked, *_not_asked(user_id)], key=lambda use: use.pulled_at, reverse=True))


def _state_for_the_person(row: DataPull) -> str:
    if row.reused_from_id:
        return "reused"
    if row.state == PullState.DEAD and row.failure.startswith(TOKEN_REFUSED):
        return "not_authorised"
    return "not_asked" if row.failure == CONSENT_NOT_LIVE else str(row.state)


def _not_asked(user_id: int) -> Iterator[DataUsed]:
    rows = Assessment.objects.filter(user_id=user_id).exclude(skipped={})
    register = users.source_facts() if rows else {}
    for row in rows:
        for code, why in row.skipped.items():
            if why in NEVER_ASKED and (source := register.get(code)):
                yield DataUsed(
                    source=code,
                    name_en=source.name_en,
                    name_zh=source.name_zh,
                    vendor=source.recipient,
                    asked_for=row.kind,
                    pulled_at=row.finished_at or row.created_at,
                    state=NEVER_ASKED[why],
                    reused_from_at=None,
                    consent_id=None,
                    consent_code=source.consent_code,
                )


def is_asking(user_id: int, at: datetime) -> bool:
    """Whether a question about this person is out now: its answer is still to be written."""
    return DataPull.objects.filter(user_id=user_id, state=PullState.PENDING, leased_until__gt=at).exists()


def has_decided(user_id: int) -> bool:
    """Whether there is any decision about this person."""
    return Decision.objects.filter(assessment__user_id=user_id).exists()


def sources_silent(application_id: int) -> Mapping[str, str]:
    """Sources without an answer and why: the failure, no_consent, not_authorised, no_device or switched_off."""
    silent: dict[str, str] = {}
    for row in Assessment.objects.filter(application_id=application_id):
        silent |= row.skipped
        silent |= dict(row.pulls.filter(state=PullState.DEAD).values_list("source_code", "failure"))
    return silent


def _decision(decision_id: int) -> Decision:
    row = Decision.objects.select_related("release", "scenario", "assessment").filter(pk=decision_id).first()
    if row is None:
        raise NotFound("There is no such decision.")
    return row


def _view(row: Decision) -> DecisionView:
    output = json.loads(row.output)
    return DecisionView(
        id=row.pk,
        public_id=row.public_id,
        application_id=row.assessment.application_id,
        drawdown_id=row.assessment.drawdown_id,
        scenario=row.scenario.code,
        step=row.step,
        release=str(row.release),
        release_sha256=row.release.sha256,
        engine=row.engine,
        as_of=row.as_of_date,
        inputs=json.loads(row.inputs),
        output=output,
        outcome=row.outcome,
        grade=row.grade,
        score=row.score,
        limit_cents=row.limit_cents,
        annual_rate=row.annual_rate,
        reasons=tuple(row.reasons),
        tags=tuple(row.tags),
        hits=tuple(row.hits),
        lost=output.get("lost") or {},
        spend_cents=row.spend_cents,
        latency_us=row.latency_us,
        decided_at=row.decided_at,
    )
