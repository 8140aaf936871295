"""Where a case waits, until when, for whom: set when it is opened and whenever it changes stage."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max

from lending import queries as lending
from lending.common import clock
from review.models import Attention, AuthorityRule, AuthorityVersion, Case, Queue, RoutingRule, Stage
from review.models.authority import VersionState
from review.rules import authority, hours, priority, queues


@dataclass(frozen=True)
class Facts:
    """What of an application decides its queue."""

    family: str
    channel: str
    amount_cents: int
    grade: str
    reasons: Collection[str]
    grey_listed: bool


def authority_rules(version: int | None = None) -> tuple[int, tuple[authority.Rule, ...]]:
    """A version and its cells; without a number the one in force."""
    if version is None:
        approved = AuthorityVersion.objects.filter(state=VersionState.APPROVED)
        version = approved.aggregate(latest=Max("number"))["latest"] or 0
    cells = AuthorityRule.objects.filter(version=version)
    return version, tuple(
        authority.Rule(cell.amount_to_cents, cell.column, cell.initial_level, cell.final_level) for cell in cells
    )


def place(case: Case, stage: str, facts: Facts, *, at: datetime) -> None:
    """Put an unsaved change of stage on `case`: queue, level needed, due times and rank."""
    case.stage = stage
    _route(case, facts)
    start_clock(case, at=at)
    case.attention = Attention.IN_TIME


def routing_rules() -> tuple[queues.Rule, ...]:
    """In the order in which they are asked."""
    return tuple(
        queues.Rule(
            queue=row.queue.code,
            stage=row.queue.stage,
            families=row.families,
            channels=row.channels,
            grades=row.grades,
            languages=row.languages,
            reasons=row.reasons,
            over_cents=row.over_cents,
            mark=row.mark,
        )
        for row in RoutingRule.objects.select_related("queue")
    )


def _route(case: Case, facts: Facts) -> None:
    marks = {"grey": facts.grey_listed, "exception": case.is_exception, "appeal": case.is_appeal}
    seen = queues.Facts(
        family=facts.family,
        channel=facts.channel,
        language=case.language,
        amount_cents=facts.amount_cents,
        grade=facts.grade,
        reasons=facts.reasons,
        marks=[mark for mark, carried in marks.items() if carried],
    )
    code = queues.pick(routing_rules(), stage=case.stage, facts=seen)
    version, rules = authority_rules()
    case.queue = queue = Queue.objects.get(code=code)
    case.bonus = queue.boost + (queue.level_bonus if case.is_favoured else 0)
    case.level_needed = level_for(
        rules, stage=case.stage, amount_cents=facts.amount_cents, grade=facts.grade, exception=case.is_exception
    )
    case.amount_cents, case.grade, case.routed_under = facts.amount_cents, facts.grade, version


def level_for(rules: Collection[authority.Rule], *, stage: str, amount_cents: int, grade: str, exception: bool) -> int:
    """The least level that a stage is handed to."""
    needed = authority.routing(rules, amount_cents=amount_cents, grade=grade, exception=exception)
    return needed.initial_level if stage == Stage.INITIAL else needed.final_level or needed.initial_level


def move(case: Case, facts: Facts, *, least_level: int, at: datetime) -> dict[str, list[object]]:
    """Put on an unsaved `case` where changed facts want it at its stage; what changed, {field: [old, new]}.

    Its clock is not started anew: another queue's may only end it earlier. `least_level`: it was handed up to that.
    """
    before = (case.queue.code, case.level_needed, case.amount_cents)
    due_at, at_risk_at = case.due_at, case.at_risk_at
    _route(case, facts)
    case.level_needed = max(case.level_needed, least_level)
    if case.queue.code != before[0]:
        start_clock(case, at=case.paused_at or at)
        case.due_at, case.at_risk_at = min(case.due_at, due_at), min(case.at_risk_at, at_risk_at)
        _rank(case)
    after = (case.queue.code, case.level_needed, case.amount_cents)
    named = zip(("queue", "level_needed", "amount_cents"), before, after, strict=True)
    return {name: [old, new] for name, old, new in named if old != new}


def _hours(queue: Queue) -> hours.Hours:
    return hours.Hours(queue.opens, queue.closes, queue.workdays_only)


def start_clock(case: Case, *, at: datetime) -> None:
    start, queue = clock.local(at), case.queue
    case.due_at = hours.add(start, timedelta(minutes=queue.due_minutes), _hours(queue), lending.is_workday)
    case.at_risk_at = hours.add(start, timedelta(minutes=queue.at_risk_minutes), _hours(queue), lending.is_workday)
    _rank(case)


def resume_clock(case: Case, *, at: datetime) -> None:
    """Both times move by the open hours that passed while the clock stood; what was late stays late.

    It stood only where the borrower owed something: of any other case nothing moves.
    """
    start, paused, open_hours = clock.local(at), clock.local(case.paused_at or at), _hours(case.queue)
    for field in ("due_at", "at_risk_at"):
        before = clock.local(getattr(case, field))
        if before > paused:
            left = hours.between(paused, before, open_hours, lending.is_workday)
            setattr(case, field, hours.add(start, left, open_hours, lending.is_workday))
    case.paused_at = None
    _rank(case)


def _rank(case: Case) -> None:
    case.rank = priority.rank(
        due_at=case.due_at,
        opened_at=case.opened_at,
        bonus=case.bonus,
        ageing_minutes=case.queue.ageing_minutes,
    )
