"""Who works on which case: claimed in one statement, leased for 15 minutes, given back or taken back."""

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction

from lending.common import prepared
from review.models import Action, Case, Stage
from review.models.case import MAX_OPEN_CASES, WORKED
from review.services import gate

LEASE = timedelta(minutes=15)

# One statement, so that two reviewers never get the same case and nobody waits for a row another is taking. It is the
# one place where a case changes state outside the FSM: WAITING_x to IN_x, as `take_initial` and `take_final` say.
# A plain claim offers initial cases only to the level they need, so that seniors stay free for the final stage.
CLAIM = """
WITH me AS (
    SELECT r.user_id, r.level, r.skills, bool_or(g.name = ANY(%(final_groups)s)) AS finals
    FROM review_reviewer r
    JOIN users_user u ON u.id = r.user_id AND u.is_active
    JOIN users_user_groups m ON m.user_id = u.id
    JOIN auth_group g ON g.id = m.group_id AND g.name = ANY(%(groups)s)
    WHERE r.user_id = %(by)s AND r.active
    GROUP BY r.user_id, r.level, r.skills
), free AS (
    SELECT min(s) AS slot FROM generate_series(1, %(most)s) s
    WHERE NOT EXISTS (SELECT 1 FROM review_case o WHERE o.claimed_by_id = %(by)s AND o.slot = s)
), claimed AS (
    UPDATE review_case SET
        status = replace(status, 'WAITING', 'IN'),
        claimed_by_id = %(by)s, leased_until = %(until)s, slot = (SELECT slot FROM free),
        held_for_id = NULL, held_until = NULL
    WHERE id = (
        SELECT c.id FROM review_case c
        JOIN review_queue q ON q.id = c.queue_id
        CROSS JOIN me CROSS JOIN free
        WHERE c.status IN ('WAITING_INITIAL', 'WAITING_FINAL')
          AND free.slot IS NOT NULL
          AND (c.stage = 'initial' OR me.finals)
          AND q.skill = ANY(me.skills)
          AND me.level >= c.level_needed
          AND (%(queue)s::text IS NULL OR q.code = %(queue)s)
          AND (c.stage = 'final' OR me.level = c.level_needed OR %(queue)s::text IS NOT NULL
               OR c.held_for_id = me.user_id)
          AND (c.held_for_id IS NULL OR c.held_for_id = me.user_id OR c.held_until <= %(at)s)
          AND (c.stage = 'initial' OR c.initial_reviewer_id IS DISTINCT FROM me.user_id)
          AND (c.stage = 'final' OR c.final_reviewer_id IS DISTINCT FROM me.user_id)
          AND NOT EXISTS (SELECT 1 FROM review_recusal x
                          WHERE x.reviewer_id = me.user_id AND x.borrower_id = c.borrower_id)
          AND NOT EXISTS (SELECT 1 FROM users_profile p
                          WHERE p.user_id = c.borrower_id AND p.updated_by = %(actor)s)
          AND NOT EXISTS (SELECT 1 FROM review_case e
                          WHERE e.application_id = c.application_id AND e.round < c.round
                            AND me.user_id IN (e.initial_reviewer_id, e.final_reviewer_id))
        ORDER BY c.rank, c.id
        LIMIT 1
        FOR UPDATE OF c SKIP LOCKED
    )
    RETURNING id, status
)
INSERT INTO review_caseaction
    (case_id, action, actor, occurred_at, source, target, outcome, reasons, note, changes)
SELECT id, 'claim', %(actor)s, %(at)s, 'WAITING' || substr(status, 3), status, '', '{}', '', '{}' FROM claimed
RETURNING case_id
"""


def claim_next(*, by_id: int, at: datetime, queue: str | None = None) -> int | None:
    """Take the most urgent case this reviewer may have; its id, or None where there is none or five are open.

    Raises NotAReviewer.
    """
    values: dict[str, Any] = {
        "by": by_id,
        "actor": gate.actor(by_id),
        "at": at,
        "until": at + LEASE,
        "queue": queue,
        "most": MAX_OPEN_CASES,
        "groups": list(gate.REVIEW_GROUPS),
        "final_groups": list(gate.FINAL_GROUPS),
    }
    for _ in range(MAX_OPEN_CASES + 1):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                prepared.execute(cursor, CLAIM, values)  # planning it takes ten times as long as running it
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
    """Activity of the holder keeps the case. Raises CaseMoved, NotYourCase, ConflictOfInterest, ApplicationLeft."""
    case, _, _ = gate.hold(case_id, by_id)
    case.leased_until = at + LEASE
    case.save(update_fields=["leased_until"])


def release_lease(*, case_id: int, by_id: int, reasons: list[str], note: str = "", at: datetime) -> None:
    """Give a case back to its queue: its holder, or a lead who takes it away. Raises CaseMoved, NotYourCase."""
    gate.check_findings("release", reasons)
    case = gate.lock(case_id)
    if case.status not in WORKED:
        raise gate.CaseMoved(f"The case is {case.status}.", state=case.status)
    gate.reviewer(by_id, gate.REVIEW_GROUPS if case.claimed_by_id == by_id else gate.LEAD_GROUPS)
    give_back(case, Action.RELEASE, by=gate.actor(by_id), at=at, reasons=reasons, note=note)


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
        give_back(case, Action.LAPSE, by="system", at=at)
    return len(cases)
