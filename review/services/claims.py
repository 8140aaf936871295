"""Who works on which case: claimed in one statement, leased for 15 minutes, given back or taken back."""

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction

from lending.common import prepared
from lending.common.errors import Conflict
from review.models import Action, Case, CaseAction, Mode, Skip, Stage
from review.models.case import MAX_OPEN_CASES, WORKED
from review.services import duty, eligibility, gate
from review.services.eligibility import MAY_HAVE, PEOPLE, WHY

LEASE = timedelta(minutes=15)
AWAY = timedelta(hours=2)  # how long a case is not offered again to who gave it back


class WorkedOn(Conflict):
    code, title = "case_worked_on", "You have worked on this case: give it back instead"


# One statement, so that two reviewers never get the same case and nobody waits for a row another is taking. It is the
# one place where a case changes state outside the FSM: WAITING_x to IN_x, as `take_initial` and `take_final` say.
# A plain claim offers initial cases only to the level they need, so that seniors stay free for the final stage;
# one that is late already goes to whoever comes first.
CLAIM = f"""
WITH me AS (
    {PEOPLE} AND r.user_id = %(by)s
    GROUP BY r.id
), free AS (
    SELECT min(s) AS slot FROM generate_series(1, %(most)s) s
    WHERE NOT EXISTS (SELECT 1 FROM review_case o WHERE o.claimed_by_id = %(by)s AND o.slot = s)
), chosen AS (
    SELECT c.id, {WHY} AS why
    FROM review_case c
    JOIN review_queue q ON q.id = c.queue_id
    CROSS JOIN me CROSS JOIN free
    WHERE {MAY_HAVE}
      AND free.slot IS NOT NULL
      AND q.mode = 'claim'
      AND (%(only)s::bigint IS NULL OR c.id = %(only)s::bigint)
      AND (%(queue)s::text IS NULL OR q.code = %(queue)s)
      AND (c.stage = 'final' OR me.level = c.level_needed OR %(queue)s::text IS NOT NULL
           OR c.held_for_id = me.user_id OR c.attention = 2 OR %(only)s::bigint IS NOT NULL)
    ORDER BY c.rank, c.id
    LIMIT 1
    FOR UPDATE OF c SKIP LOCKED
), claimed AS (
    UPDATE review_case SET
        status = replace(status, 'WAITING', 'IN'),
        claimed_by_id = %(by)s, leased_until = %(until)s, slot = (SELECT slot FROM free),
        held_for_id = NULL, held_until = NULL
    FROM chosen WHERE review_case.id = chosen.id
    RETURNING review_case.id, status, why
)
INSERT INTO review_caseaction
    (case_id, action, actor, occurred_at, source, target, outcome, reasons, note, changes)
SELECT id, 'claim', %(actor)s, %(at)s, 'WAITING' || substr(status, 3), status, '', '{{}}', '',
       jsonb_set(why, '{{why,named}}', to_jsonb(%(queue)s::text IS NOT NULL)) FROM claimed
RETURNING case_id
"""  # noqa: S608  built of this package's constants


def claim_next(*, by_id: int, at: datetime, queue: str | None = None, only: int | None = None) -> int | None:
    """Take the most urgent case this reviewer may have; its id, or None where there is none or five are open.

    `only`: this case and no other, for a batch.

    Raises NotAReviewer.
    """
    values: dict[str, Any] = {
        "by": by_id,
        "actor": gate.actor(by_id),
        "at": at,
        "until": at + LEASE,
        "queue": queue,
        "only": only,
        "most": MAX_OPEN_CASES,
    } | eligibility.groups()
    for _ in range(MAX_OPEN_CASES + 1):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                # Planning takes five times as long as running, and a plan that sorts looks at every case that waits.
                prepared.execute(cursor, CLAIM, values, planner=["enable_sort = off"])
                row = cursor.fetchone()
        except IntegrityError as error:
            # The same reviewer claimed elsewhere at this instant and took the slot: each loss is one slot less.
            if "review_at_most_five_open_cases" not in str(error):
                raise
            continue
        if row is None:
            gate.reviewer(by_id)
            return None
        return int(row[0])
    return None


def extend_lease(*, case_id: int, by_id: int, at: datetime) -> None:
    """Activity of the holder keeps the case, and what was dealt out to them.

    Raises CaseMoved, NotYourCase, ConflictOfInterest, ApplicationLeft.
    """
    case, _, _ = gate.hold(case_id, by_id)
    case.leased_until = at + LEASE
    case.save(update_fields=["leased_until"])
    # What was dealt out to somebody waits its turn on their desk: it stays while they are there. Rows that another of
    # their windows is working on are left to it.
    others = Case.objects.filter(claimed_by=by_id, queue__mode=Mode.DISPATCH).exclude(pk=case_id)
    free = others.select_for_update(of=("self",), skip_locked=True).values_list("pk", flat=True)
    Case.objects.filter(pk__in=list(free)).update(leased_until=at + LEASE)


def release_lease(*, case_id: int, by_id: int, reasons: list[str], note: str = "", at: datetime) -> None:
    """Give a case back to its queue: its holder, or a lead who takes it away. Raises CaseMoved, NotYourCase."""
    gate.check_findings("release", reasons)
    case = gate.lock(case_id)
    if case.status not in WORKED:
        raise gate.CaseMoved(f"The case is {case.status}.", state=case.status)
    gate.reviewer(by_id, gate.REVIEW_GROUPS if case.claimed_by_id == by_id else gate.LEAD_GROUPS)
    _keep_away(case, at=at)
    give_back(case, Action.RELEASE, by=gate.actor(by_id), at=at, reasons=reasons, note=note)


def skip(*, case_id: int, by_id: int, reasons: list[str], note: str = "", at: datetime) -> None:
    """Pass a case on without having worked on it. It is not offered to the same reviewer for two hours.

    Raises what `gate.hold` raises, ReasonNeeded, UnknownCode, WorkedOn.
    """
    case, _, _ = gate.hold(case_id, by_id)
    gate.check_findings("skip", reasons)
    by = gate.actor(by_id)
    taken = CaseAction.objects.filter(case=case, action__in=(Action.CLAIM, Action.DISPATCH)).latest("id")
    if CaseAction.objects.filter(case=case, actor=by, pk__gt=taken.pk).exists():
        raise WorkedOn()
    _keep_away(case, at=at)
    give_back(case, Action.SKIP, by=by, at=at, reasons=reasons, note=note)


def _keep_away(case: Case, *, at: datetime) -> None:
    """From who holds it now."""
    Skip.objects.update_or_create(case=case, reviewer_id=case.claimed_by_id, defaults={"until": at + AWAY})


def give_back(
    case: Case, action: str, *, by: str, at: datetime, reasons: list[str] | None = None, note: str = ""
) -> None:
    source, holder = case.status, case.claimed_by_id
    if case.stage == Stage.INITIAL:
        case.give_back_initial()
    else:
        case.give_back_final()
    gate.let_go(case)
    case.save()
    gate.record(
        case, action, source=source, by=by, at=at, reasons=reasons or [], note=note, changes={"held_by": [holder, None]}
    )


def expire_leases(*, at: datetime, limit: int = 100) -> int:
    """Put cases whose holder has not moved for 15 minutes back in their queue. How many."""
    due = Case.objects.filter(status__in=WORKED, leased_until__lte=at)
    cases = list(due.select_for_update(of=("self",), skip_locked=True).select_related("queue").order_by("pk")[:limit])
    for case in cases:
        if case.queue.mode == Mode.DISPATCH and case.claimed_by_id:  # or the same empty chair would get it again
            duty.left(case.claimed_by_id)
        give_back(case, Action.LAPSE, by="system", at=at)
    return len(cases)
