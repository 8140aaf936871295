"""Cases and what was done to them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lending.common.paging import COUNTED
from review.models import Case, CaseAction
from review.models.case import WAITING
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
    language: str
    opened_at: datetime
    due_at: datetime
    at_risk_at: datetime
    closed_at: datetime | None
    attention: int
    bonus: int
    ageing_minutes: int

    def priority(self, at: datetime) -> int:
        return priority.priority(
            at=at,
            due_at=self.due_at,
            opened_at=self.opened_at,
            bonus=self.bonus,
            ageing_minutes=self.ageing_minutes,
        )


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
        language=row.language,
        opened_at=row.opened_at,
        due_at=row.due_at,
        at_risk_at=row.at_risk_at,
        closed_at=row.closed_at,
        attention=row.attention,
        bonus=row.bonus,
        ageing_minutes=row.queue.ageing_minutes,
    )


def cases_of(application_ids: Sequence[int]) -> dict[int, int]:
    """The latest case of each application that has one: its id."""
    rows = Case.objects.filter(application_id__in=application_ids).order_by("round")
    return dict(rows.values_list("application_id", "pk"))


def cases_about(borrower_id: int, *, at_most: int = 50) -> tuple[CaseView, ...]:
    """Every case of a borrower, newest first."""
    rows = Case.objects.filter(borrower_id=borrower_id).select_related("queue").order_by("-pk")
    return tuple(map(_view, rows[:at_most]))


def waiting_cases() -> int:
    """No more than COUNTED + 1."""
    return Case.objects.filter(status__in=WAITING).order_by()[: COUNTED + 1].count()


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
