"""Counting what was closed, by day; and who may see the figures of whom."""

from datetime import date, datetime, timedelta

from django.db import connection, transaction
from django.db.models import Max, Min

from lending.common import clock
from lending.common.errors import Forbidden
from review.models import Case, ReviewDay
from review.queries import figures
from review.services import gate
from users.services import acts

PERMISSION = "review.see_figures"
LATE_COMMIT = timedelta(minutes=10)  # a case may be stored a little after the instant it bears
MOST_DAYS = 370

# Where a case stood until its next action is the target of the one before. All sums are seconds.
COUNT = """
WITH closed AS (
    SELECT c.id, c.stage, c.outcome, c.recommendation, c.initial_reviewer_id, c.final_reviewer_id, c.queue_id,
           c.closed_at > c.due_at AS late, p.code AS product,
           extract(epoch FROM c.closed_at - c.opened_at) AS open_for,
           c.stage = 'final' AND c.initial_reviewer_id IS NOT NULL AND c.outcome <> 'void' AS two
    FROM review_case c
    JOIN lending_application a ON a.id = c.application_id
    JOIN lending_product p ON p.id = a.product_id
    WHERE c.closed_at >= %(begins)s AND c.closed_at < %(ends)s
), steps AS (
    SELECT case_id, action, target, changes,
           extract(epoch FROM lead(occurred_at) OVER (PARTITION BY case_id ORDER BY id) - occurred_at) AS lasted
    FROM review_caseaction WHERE case_id IN (SELECT id FROM closed)
), spent AS (
    SELECT case_id,
           coalesce(sum(lasted) FILTER (WHERE target = 'WAITING_INITIAL'), 0) AS waiting_initial,
           coalesce(sum(lasted) FILTER (WHERE target = 'IN_INITIAL'), 0) AS in_initial,
           coalesce(sum(lasted) FILTER (WHERE target = 'WAITING_FINAL'), 0) AS waiting_final,
           coalesce(sum(lasted) FILTER (WHERE target = 'IN_FINAL'), 0) AS in_final,
           coalesce(sum(lasted) FILTER (WHERE target IN ('SUPPLEMENT', 'SUSPENDED')), 0) AS paused,
           (array_agg(changes->>'queue') FILTER (WHERE action = 'recommend'))[1] AS first_queue
    FROM steps GROUP BY case_id
), parts AS (
    SELECT 'closed' AS part, q.code AS queue, closed.*, closed.outcome AS said,
           CASE WHEN closed.outcome = 'void' THEN NULL
                WHEN closed.stage = 'final' THEN final_reviewer_id ELSE initial_reviewer_id END AS reviewer
    FROM closed JOIN review_queue q ON q.id = closed.queue_id
    UNION ALL
    SELECT 'recommended', coalesce(s.first_queue, q.code), closed.*, closed.recommendation, initial_reviewer_id
    FROM closed JOIN review_queue q ON q.id = closed.queue_id LEFT JOIN spent s ON s.case_id = closed.id
    WHERE two
)
INSERT INTO review_reviewday
    (day, part, queue_code, product_code, reviewer_id, cases, approved, declined, recommended, overturned, late,
     open_seconds, waiting_initial_seconds, in_initial_seconds, waiting_final_seconds, in_final_seconds, paused_seconds,
     measured_at)
SELECT %(day)s, part, queue, product, reviewer, count(*),
       count(*) FILTER (WHERE said = 'approve'), count(*) FILTER (WHERE said = 'decline'),
       count(*) FILTER (WHERE two), count(*) FILTER (WHERE two AND outcome <> recommendation),
       count(*) FILTER (WHERE late), round(sum(open_for)),
       round(sum(coalesce(waiting_initial, 0))), round(sum(coalesce(in_initial, 0))),
       round(sum(coalesce(waiting_final, 0))), round(sum(coalesce(in_final, 0))), round(sum(coalesce(paused, 0))),
       %(at)s
FROM parts LEFT JOIN spent ON spent.case_id = parts.id
GROUP BY part, queue, product, reviewer
"""


class NotYours(Forbidden):
    code, title = "figures_not_yours", "Only reviewers and those who lead or check them see figures"


def run_count(*, at: datetime) -> int:
    """Count every day since the last count, that of the last count included; how many days. A transaction each."""
    counted = ReviewDay.objects.aggregate(last=Max("measured_at"))["last"]
    first = counted - LATE_COMMIT if counted else Case.objects.aggregate(first=Min("closed_at"))["first"]
    if first is None:
        return 0
    day, today, done = clock.business_date(first), clock.business_date(at), 0
    while day <= today:
        with transaction.atomic(durable=True):
            count(day=day, at=at)
        day, done = day + timedelta(days=1), done + 1
    return done


def count(*, day: date, at: datetime) -> None:
    """Count one business day anew."""
    values = {"day": day, "at": at, "begins": clock.end_of(day - timedelta(days=1)), "ends": clock.end_of(day)}
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('review_figures'))")
        ReviewDay.objects.filter(day=day).delete()
        cursor.execute(COUNT, values)


def shown_to(*, by_id: int, since: date, until: date, at: datetime) -> figures.Figures:
    """Of both days and those between: of everybody to whom it is allowed, to a reviewer their own.

    Raises NotYours.
    """
    by = gate.actor(by_id)
    try:
        acts.require(by=by, permission=PERMISSION)
        only = None
    except acts.NotAllowed:
        try:
            only = gate.reviewer(by_id).user_id
        except gate.NotAReviewer:
            raise NotYours from None
    return figures.figures(since=since, until=until, reviewer_id=only, at=at)
