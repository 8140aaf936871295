"""Queues with what waits in them, and the codes that explain an action."""

from dataclasses import dataclass
from datetime import datetime

from django.db import models
from django.db.models import OuterRef, Q, Subquery

from lending.common.paging import COUNTED
from review.models import Case, CaseAction, Finding, Mode, Queue, Reviewer, SavedFilter
from review.models.case import WAITING, WORKED, CaseStatus

PAUSED = (CaseStatus.SUPPLEMENT, CaseStatus.SUSPENDED)


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
    dealt_out: bool


@dataclass(frozen=True, slots=True)
class FindingView:
    code: str
    action: str
    text_en: str
    text_zh: str
    item_kind: str
    borrower_en: str
    borrower_zh: str

    def for_borrower(self, language: str) -> str:
        return self.borrower_en if language == "en" else self.borrower_zh


class Counted(Subquery):
    """How many rows, to one more than a list counts: a queue of any length costs the same."""

    template = "(SELECT count(*) FROM (%(subquery)s) counted)"
    output_field = models.IntegerField()


def queues(at: datetime) -> tuple[QueueView, ...]:
    """Every queue with its open cases; what is closed is never read. No number goes beyond COUNTED + 1."""
    opened = Case.objects.filter(queue=OuterRef("pk"), closed_at=None).order_by()
    worked_on = Q(status__in=[*WAITING, *WORKED])

    def count(which: Q) -> Counted:
        return Counted(opened.filter(which).values("queue_id")[: COUNTED + 1])

    rows = Queue.objects.order_by("-stage", "code").annotate(
        waiting=count(Q(status__in=WAITING)),
        in_work=count(Q(status__in=WORKED)),
        paused=count(Q(status__in=PAUSED)),
        late=count(Q(paused_at=None, due_at__lte=at)),
        oldest_at=Subquery(opened.filter(worked_on).order_by("opened_at").values("opened_at")[:1]),
    )
    return tuple(
        QueueView(
            row.pk,
            row.code,
            row.name_zh,
            row.stage,
            row.waiting,
            row.in_work,
            row.paused,
            row.late,
            row.oldest_at,
            row.mode == Mode.DISPATCH,
        )
        for row in rows
    )


def findings(action: str) -> tuple[FindingView, ...]:
    """The codes that explain `action` (approve, supplement, return, suspend, escalate, release, recuse)."""
    return tuple(_finding(row) for row in Finding.objects.filter(action=action))


def all_findings() -> dict[str, tuple[FindingView, ...]]:
    """`findings` of every action."""
    found: dict[str, tuple[FindingView, ...]] = {}
    for row in Finding.objects.all():
        found[row.action] = (*found.get(row.action, ()), _finding(row))
    return found


def approval_findings(application_id: int) -> tuple[FindingView, ...]:
    """What a person found who approved an application; empty where none did."""
    last = (
        CaseAction.objects.filter(case__application_id=application_id, case__outcome="approve", outcome="approve")
        .order_by("-id")
        .first()
    )
    codes = last.reasons if last else []
    return tuple(_finding(row) for row in Finding.objects.filter(action="approve", code__in=codes))


def _finding(row: Finding) -> FindingView:
    return FindingView(row.code, row.action, row.text_en, row.text_zh, row.item_kind, row.borrower_en, row.borrower_zh)


@dataclass(frozen=True, slots=True)
class ReviewerView:
    """`on_duty_since`: None is off duty."""

    user_id: int
    level: int
    skills: tuple[str, ...]
    languages: tuple[str, ...]
    on_duty_since: datetime | None


def reviewer(user_id: int) -> ReviewerView | None:
    """None for an account that does not review."""
    row = Reviewer.objects.filter(user_id=user_id, active=True).first()
    if row is None:
        return None
    return ReviewerView(row.user_id, row.level, tuple(row.skills), tuple(row.languages), row.on_duty_since)


def reviewers() -> tuple[ReviewerView, ...]:
    """Everybody who reviews, the highest level first."""
    rows = Reviewer.objects.filter(active=True)
    return tuple(
        ReviewerView(row.user_id, row.level, tuple(row.skills), tuple(row.languages), row.on_duty_since) for row in rows
    )


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """`members`: accounts; empty is everybody with the skill."""

    code: str
    mode: str
    ageing_minutes: int
    boost: int
    level_bonus: int
    members: tuple[int, ...]


def queue_settings(queue_id: int) -> QueueSettings | None:
    row = Queue.objects.filter(pk=queue_id).first()
    if row is None:
        return None
    members = tuple(row.members.values_list("reviewer_id", flat=True))
    return QueueSettings(row.code, row.mode, row.ageing_minutes, row.boost, row.level_bonus, members)


def saved_filters(user_id: int) -> tuple[tuple[str, str], ...]:
    """(name, the part of the list's address after the question mark) of an account's own views."""
    return tuple(SavedFilter.objects.filter(user_id=user_id).values_list("name", "query"))
