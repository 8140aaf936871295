"""Queues that are dealt out: the most urgent case goes to the least loaded of those who may have it and are on duty."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction

from review.models.case import MAX_OPEN_CASES
from review.services import eligibility
from review.services.claims import LEASE
from review.services.eligibility import MAY_HAVE, PEOPLE, WHY

# One statement for one assignment. Cases that another sweep is dealing out are passed over; a slot that was taken at
# this instant is refused by its unique constraint, and the next try sees the new load. As the claim, it changes state
# outside the FSM: WAITING_x to IN_x.
ASSIGN = f"""
WITH staff AS (
    {PEOPLE} AND r.on_duty_since IS NOT NULL
    GROUP BY r.id
), people AS (
    SELECT staff.*, held.load, held.slot FROM staff CROSS JOIN LATERAL (
        SELECT (SELECT count(*) FROM review_case o WHERE o.claimed_by_id = staff.user_id) AS load,
               (SELECT min(s) FROM generate_series(1, %(most)s) s
                WHERE NOT EXISTS (SELECT 1 FROM review_case o
                                  WHERE o.claimed_by_id = staff.user_id AND o.slot = s)) AS slot
    ) held WHERE held.slot IS NOT NULL
), chosen AS (
    SELECT c.id, best.user_id, best.slot, best.why
    FROM review_case c
    JOIN review_queue q ON q.id = c.queue_id
    CROSS JOIN LATERAL (
        SELECT me.user_id, me.slot, jsonb_set({WHY}, '{{why,load}}', to_jsonb(me.load)) AS why
        FROM people me
        WHERE {MAY_HAVE}
        ORDER BY me.user_id = c.held_for_id DESC NULLS LAST, me.load, me.level, me.user_id
        LIMIT 1
    ) best
    WHERE c.status IN ('WAITING_INITIAL', 'WAITING_FINAL') AND q.mode = 'dispatch'
    ORDER BY c.rank, c.id
    LIMIT 1
    FOR UPDATE OF c SKIP LOCKED
), assigned AS (
    UPDATE review_case SET
        status = replace(status, 'WAITING', 'IN'),
        claimed_by_id = chosen.user_id, leased_until = %(until)s, slot = chosen.slot,
        held_for_id = NULL, held_until = NULL
    FROM chosen WHERE review_case.id = chosen.id
    RETURNING review_case.id, status, claimed_by_id, why
)
INSERT INTO review_caseaction
    (case_id, action, actor, occurred_at, source, target, outcome, reasons, note, changes)
SELECT id, 'dispatch', 'system', %(at)s, 'WAITING' || substr(status, 3), status, '', '{{}}', '',
       why || jsonb_build_object('held_by', jsonb_build_array(NULL, claimed_by_id)) FROM assigned
RETURNING case_id
"""  # noqa: S608  built of this package's constants
TRIES = 8


def assign_next(*, at: datetime) -> int | None:
    """Deal out the most urgent case that somebody on duty may have; its id, or None where there is none."""
    values: dict[str, Any] = {"at": at, "until": at + LEASE, "most": MAX_OPEN_CASES} | eligibility.groups()
    for _ in range(TRIES):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(ASSIGN, values)
                row = cursor.fetchone()
        except IntegrityError as error:
            if "review_at_most_five_open_cases" not in str(error):
                raise
            continue
        return None if row is None else int(row[0])
    return None


def run_dispatch(*, now: datetime, limit: int = 100) -> int:
    """Deal out until nobody or nothing is left, each assignment in a transaction of its own. How many."""
    for number in range(limit):
        with transaction.atomic(durable=True):
            if assign_next(at=now) is None:
                return number
    return limit
