"""Where a case waits, until when, for whom: set when it is opened and whenever it changes stage."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max

from lending import queries as lending
from lending.common import clock
from review.models import AuthorityRule, Case, Queue, Stage
from review.rules import authority, hours, priority, queues


@dataclass(frozen=True)
class Facts:
    """What of an application decides its queue."""

    family: str
    amount_cents: int
    grade: str
    reasons: Collection[str]
    grey_listed: bool


def authority_rules() -> tuple[int, tuple[authority.Rule, ...]]:
    """The version in force and its cells."""
    version = AuthorityRule.objects.aggregate(latest=Max("version"))["latest"] or 0
    cells = AuthorityRule.objects.filter(version=version)
    return version, tuple(
        authority.Rule(cell.amount_to_cents, cell.column, cell.initial_level, cell.final_level) for cell in cells
    )


def place(case: Case, stage: str, facts: Facts, *, at: datetime) -> None:
    """Put an unsaved change of stage on `case`: queue, level needed, due times and rank."""
    if stage == Stage.INITIAL:
        code = queues.initial_queue(
            family=facts.family,
            amount_cents=facts.amount_cents,
            reasons=facts.reasons,
            grey_listed=facts.grey_listed,
        )
    else:
        code = queues.final_queue(amount_cents=facts.amount_cents, exception=case.is_exception, appeal=case.is_appeal)
    _, rules = authority_rules()
    needed = authority.routing(rules, amount_cents=facts.amount_cents, grade=facts.grade, exception=case.is_exception)
    case.stage = stage
    case.queue = Queue.objects.get(code=code)
    case.level_needed = needed.initial_level if stage == Stage.INITIAL else needed.final_level or needed.initial_level
    start_clock(case, at=at)


def _hours(queue: Queue) -> hours.Hours:
    return hours.Hours(queue.opens, queue.closes, queue.workdays_only)


def start_clock(case: Case, *, at: datetime) -> None:
    start, queue = clock.local(at), case.queue
    case.due_at = hours.add(start, timedelta(minutes=queue.due_minutes), _hours(queue), lending.is_workday)
    case.at_risk_at = hours.add(start, timedelta(minutes=queue.at_risk_minutes), _hours(queue), lending.is_workday)
    _rank(case)


def resume_clock(case: Case, *, at: datetime) -> None:
    """Both times move by the open hours that passed while the clock stood; what was late stays late."""
    # A constraint holds `paused_at` while the case is paused; a case that is not loses no time here.
    start, paused, open_hours = clock.local(at), clock.local(case.paused_at or at), _hours(case.queue)
    for field in ("due_at", "at_risk_at"):
        before = clock.local(getattr(case, field))
        if before > paused:
            left = hours.between(paused, before, open_hours, lending.is_workday)
            setattr(case, field, hours.add(start, left, open_hours, lending.is_workday))
    case.paused_at = case.resume_at = None
    _rank(case)


def _rank(case: Case) -> None:
    case.rank = priority.rank(due_at=case.due_at, opened_at=case.opened_at, bonus=case.bonus)
