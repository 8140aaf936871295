"""What was decided, on which data, at what price."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, Sum

from lending.common.errors import NotFound
from risk.models import Assessment, DataPull, Decision, PullState
from risk.rules import budget


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
    """One source that was asked about a person: for the person. `state`: answered, reused, dead or pending."""

    source: str
    name_en: str
    name_zh: str
    vendor: str
    pulled_at: datetime
    state: str
    consent_id: UUID
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


@dataclass(frozen=True, slots=True)
class SourceSpend:
    source: str
    pulls: int
    spent_cents: int


@dataclass(frozen=True, slots=True)
class Spend:
    """Of one business day, by source, the dearest first. The alarm is raised at `alarm_cents`."""

    spent_cents: int
    budget_cents: int
    alarm_cents: int
    sources: tuple[SourceSpend, ...]


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


def spend_on(day: date) -> Spend:
    """What pulls of that business day cost against its budget."""
    rows = DataPull.objects.filter(assessment__as_of_date=day).order_by().values("source_code")
    counted = rows.annotate(n=Count("pk", filter=Q(reused_from=None)), cents=Sum("price_cents"))
    sources = [SourceSpend(row["source_code"], row["n"], row["cents"] or 0) for row in counted]
    sources.sort(key=lambda row: (-row.spent_cents, row.source))
    spent = sum(row.spent_cents for row in sources)
    return Spend(spent, budget.DAY_BUDGET_CENTS, budget.ALARM_CENTS, tuple(sources))


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
    """Every source asked about this person, newest first."""
    rows = DataPull.objects.filter(user_id=user_id).select_related("source", "consent").order_by("-pk")
    return tuple(
        DataUsed(
            source=row.source_code,
            name_en=row.source.name_en,
            name_zh=row.source.name_zh,
            vendor=row.recipient,
            pulled_at=row.settled_at or row.created_at,
            state="reused" if row.reused_from_id else str(row.state),
            consent_id=row.consent.public_id,
            consent_code=row.consent.code,
        )
        for row in rows
    )


def sources_silent(application_id: int) -> Mapping[str, str]:
    """Sources without an answer and why: the failure, no_consent or switched_off."""
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
