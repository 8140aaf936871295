"""Reads of the human verdict for other apps and for doors."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q

from review.models import Case, CaseAction, Finding, Queue
from review.models.case import WAITING, WORKED, CaseStatus
from review.rules import priority


@dataclass(frozen=True, slots=True)
class CaseView:
    id: int
    application_id: int
    round: int
    borrower_id: int
    queue: str
    stage: str
    status: str
    outcome: str
    recommendation: str
    initial_reviewer_id: int | None
    final_reviewer_id: int | None
    claimed_by_id: int | None
    leased_until: datetime | None
    amount_cents: int
    grade: str
    is_exception: bool
    is_appeal: bool
    level_needed: int
    opened_at: datetime
    due_at: datetime
    at_risk_at: datetime
    closed_at: datetime | None
    bonus: int

    def priority(self, at: datetime) -> int:
        return priority.priority(at=at, due_at=self.due_at, opened_at=self.opened_at, bonus=self.bonus)


@dataclass(frozen=True, slots=True)
class QueueView:
    """How many cases of the queue wait, are being worked on, and are paused; of the two first the oldest, and how many
    are past due."""

    id: int
    code: str
    name_zh: str
    stage: str
    waiting: int
    in_work: int
    paused: int
    late: int
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class ActionView:
    action: str
    actor: str
    occurred_at: datetime
    source: str
    target: str
    outcome: str
    reasons: tuple[str, ...]
    note: str
    changes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class FindingView:
    code: str
    action: str
    text_en: str
    text_zh: str
    item_kind: str


def case_of(application_id: int) -> CaseView | None:
    """The latest round's case of an application."""
    return _first(application_id=application_id)


def case(case_id: int) -> CaseView | None:
    return _first(pk=case_id)


def _first(**where: int) -> CaseView | None:
    row = Case.objects.filter(**where).select_related("queue").order_by("-round").first()
    return None if row is None else _view(row)


def cases_held_by(user_id: int) -> tuple[CaseView, ...]:
    """What a reviewer has open, most urgent first."""
    return tuple(map(_view, Case.objects.filter(claimed_by_id=user_id).select_related("queue")))


def _view(row: Case) -> CaseView:
    return CaseView(
        id=row.pk,
        application_id=row.application_id,
        round=row.round,
        borrower_id=row.borrower_id,
        queue=row.queue.code,
        stage=row.stage,
        status=row.status,
        outcome=row.outcome,
        recommendation=row.recommendation,
        initial_reviewer_id=row.initial_reviewer_id,
        final_reviewer_id=row.final_reviewer_id,
        claimed_by_id=row.claimed_by_id,
        leased_until=row.leased_until,
        amount_cents=row.amount_cents,
        grade=row.grade,
        is_exception=row.is_exception,
        is_appeal=row.is_appeal,
        level_needed=row.level_needed,
        opened_at=row.opened_at,
        due_at=row.due_at,
        at_risk_at=row.at_risk_at,
        closed_at=row.closed_at,
        bonus=row.bonus,
    )


def queues(at: datetime) -> tuple[QueueView, ...]:
    """Every queue with its open cases; what is closed is never read."""
    counted = (
        Case.objects.exclude(status=CaseStatus.CLOSED)
        .order_by()
        .values("queue_id")
        .annotate(
            open_cases=Count("pk"),
            waiting=Count("pk", filter=Q(status__in=WAITING)),
            in_work=Count("pk", filter=Q(status__in=WORKED)),
            late=Count("pk", filter=Q(status__in=[*WAITING, *WORKED], due_at__lte=at)),
            oldest_at=Min("opened_at", filter=Q(status__in=[*WAITING, *WORKED])),
        )
    )
    found = {row["queue_id"]: row for row in counted}
    return tuple(_queue(row, found.get(row.pk)) for row in Queue.objects.order_by("-stage", "code"))


def _queue(row: Queue, counted: dict[str, Any] | None) -> QueueView:
    if counted is None:
        return QueueView(row.pk, row.code, row.name_zh, row.stage, 0, 0, 0, 0, None)
    waiting, in_work = counted["waiting"], counted["in_work"]
    paused = counted["open_cases"] - waiting - in_work
    return QueueView(
        row.pk, row.code, row.name_zh, row.stage, waiting, in_work, paused, counted["late"], counted["oldest_at"]
    )


def waiting_cases() -> int:
    return Case.objects.filter(status__in=WAITING).count()


def rounds_of(application_id: int) -> tuple[tuple[CaseView, tuple[ActionView, ...]], ...]:
    """Every case of an application with what was done to it, the first round first."""
    cases = list(Case.objects.filter(application_id=application_id).select_related("queue").order_by("round"))
    done: dict[int, list[ActionView]] = {}
    for row in CaseAction.objects.filter(case__in=[case.pk for case in cases]):
        done.setdefault(row.case_id, []).append(_action(row))
    return tuple((_view(case), tuple(done.get(case.pk, ()))) for case in cases)


def actions_of(case_id: int) -> tuple[ActionView, ...]:
    """What was done to a case, oldest first."""
    return tuple(map(_action, CaseAction.objects.filter(case_id=case_id)))


def _action(row: CaseAction) -> ActionView:
    return ActionView(
        action=row.action,
        actor=row.actor,
        occurred_at=row.occurred_at,
        source=row.source,
        target=row.target,
        outcome=row.outcome,
        reasons=tuple(row.reasons),
        note=row.note,
        changes=row.changes,
    )


def findings(action: str) -> tuple[FindingView, ...]:
    """The codes that explain `action` (approve, supplement, return, suspend, escalate, release, recuse)."""
    return tuple(
        FindingView(row.code, row.action, row.text_en, row.text_zh, row.item_kind)
        for row in Finding.objects.filter(action=action)
    )
