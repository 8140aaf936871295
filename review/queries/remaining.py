"""How long a borrower still waits for people: from the clock of the case and from what waits before it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from django.db.models import Q, Sum

from lending import queries as lending
from lending.common import clock
from review.models import Case, CaseStatus, Part, Queue, QueueMember, ReviewDay, Reviewer, Stage
from review.models.case import WAITING
from review.rules import hours, queues
from review.services import placing

COUNTED = 200
# How far back the time that a case takes is measured, and from how many days and cases on it is believed.
MEASURED_DAYS, LEAST_DAYS, LEAST_CASES = 14, 3, 30


@dataclass(frozen=True, slots=True)
class RemainingView:
    """`by`: when a decision is expected, at the latest; None while the borrower owes something. `ahead`: cases that are
    taken before this one, counted to 200. `late`: what was promised at first is over."""

    by: datetime | None
    ahead: int
    late: bool


def remaining(application_id: int, at: datetime) -> RemainingView | None:
    """None where nobody has it in hand."""
    case = Case.objects.filter(application_id=application_id, closed_at=None).select_related("queue").first()
    if case is None:
        return None
    if case.status == CaseStatus.SUPPLEMENT:
        return RemainingView(None, 0, False)
    ahead = 0
    if case.status in WAITING:
        before = Q(rank__lt=case.rank) | Q(rank=case.rank, pk__lt=case.pk)
        ahead = Case.objects.filter(before, queue=case.queue_id, status=case.status)[:COUNTED].count()
    served = _add(case.queue, at, handling(case.queue, at) * (ahead // max(1, _hands(case)) + 1))
    by = max(case.due_at, served)
    if case.stage == Stage.INITIAL:
        final = _final_queue(case)
        by = _add(final, by, timedelta(minutes=final.due_minutes))
    return RemainingView(by, ahead, case.due_at < at)


def handling(queue: Queue, at: datetime) -> timedelta:
    """What one reviewer takes for one case of the queue: the median over the last days of each day's mean, once there
    are enough; until then what stands on the queue."""
    today = clock.business_date(at)
    rows = ReviewDay.objects.filter(
        queue_code=queue.code, day__gte=today - timedelta(days=MEASURED_DAYS), day__lt=today, reviewer__isnull=False
    )
    if queue.stage == Stage.FINAL:
        rows = rows.filter(part=Part.CLOSED)
    counted = rows.order_by().values("day").annotate(n=Sum("cases"), seconds=Sum(f"in_{queue.stage}_seconds"))
    days = list(counted.values_list("n", "seconds"))
    if len(days) < LEAST_DAYS or sum(cases for cases, _ in days) < LEAST_CASES:
        return timedelta(minutes=queue.handling_minutes)
    return timedelta(seconds=max(1, round(median(seconds / cases for cases, seconds in days))))


def _hands(case: Case) -> int:
    """How many may serve its queue at its level."""
    able = Reviewer.objects.filter(active=True, level__gte=case.level_needed, skills__contains=[case.queue.skill])
    members = QueueMember.objects.filter(queue=case.queue_id).values("reviewer")
    return (able.filter(user__in=members) if members.exists() else able).count()


def _final_queue(case: Case) -> Queue:
    marks = {"exception": case.is_exception, "appeal": case.is_appeal}
    facts = queues.Facts(
        family=lending.product(case.product_code).family,
        channel=case.channel_code,
        language=case.language,
        amount_cents=case.amount_cents,
        grade=case.grade,
        reasons=(),
        marks=[mark for mark, carried in marks.items() if carried],
    )
    return Queue.objects.get(code=queues.pick(placing.routing_rules(), stage=Stage.FINAL, facts=facts))


def _add(queue: Queue, start: datetime, duration: timedelta) -> datetime:
    open_hours = hours.Hours(queue.opens, queue.closes, queue.workdays_only)
    return hours.add(clock.local(start), duration, open_hours, lending.is_workday)
