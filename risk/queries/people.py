"""What was asked and decided about one borrower, over all applications."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Sum

from risk.models import DataPull, Decision


@dataclass(frozen=True, slots=True)
class PullLine:
    """`state`: answered, reused, dead or pending. `failure`: the reason of a dead one."""

    id: int
    application_id: int
    source: str
    state: str
    price_cents: int
    failure: str
    recipient: str
    asked_at: datetime
    settled_at: datetime | None


@dataclass(frozen=True, slots=True)
class DecisionLine:
    id: int
    application_id: int
    drawdown_id: int | None
    step: str
    outcome: str
    release: str
    score: int | None
    grade: str
    reasons: tuple[str, ...]
    rules: tuple[str, ...]
    tags: tuple[str, ...]
    spend_cents: int
    decided_at: datetime


def person_pulls(user_id: int, *, at_most: int = 100) -> tuple[PullLine, ...]:
    """Newest first; no answer is read."""
    rows = DataPull.objects.filter(user_id=user_id).select_related("assessment").defer("payload").order_by("-pk")
    return tuple(
        PullLine(
            id=row.pk,
            application_id=row.assessment.application_id,
            source=row.source_code,
            state="reused" if row.reused_from_id else str(row.state),
            price_cents=row.price_cents,
            failure=row.failure,
            recipient=row.recipient,
            asked_at=row.created_at,
            settled_at=row.settled_at,
        )
        for row in rows[:at_most]
    )


def person_pulls_cents(user_id: int) -> int:
    """What all pulls about the borrower cost."""
    return DataPull.objects.filter(user_id=user_id).aggregate(cents=Sum("price_cents"))["cents"] or 0


def person_decisions(user_id: int, *, at_most: int = 50) -> tuple[DecisionLine, ...]:
    """Newest first; inputs and outputs stay where they are."""
    rows = Decision.objects.filter(assessment__user_id=user_id).select_related("assessment", "release")
    rows = rows.defer("inputs", "output", "release__graph", "release__authored", "release__tests").order_by("-pk")
    return tuple(
        DecisionLine(
            id=row.pk,
            application_id=row.assessment.application_id,
            drawdown_id=row.assessment.drawdown_id,
            step=row.step,
            outcome=row.outcome,
            release=str(row.release),
            score=row.score,
            grade=row.grade,
            reasons=tuple(row.reasons),
            rules=tuple(str(hit["rule"]) for hit in row.hits if hit.get("rule")),
            tags=tuple(row.tags),
            spend_cents=row.spend_cents,
            decided_at=row.decided_at,
        )
        for row in rows[:at_most]
    )
