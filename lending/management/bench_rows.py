"""Many review cases for a benchmark, one for each of its applications: nine of ten closed, the rest in every state."""

from datetime import datetime, timedelta

from django.apps import apps
from django.db import connection

from lending.models import Application

Case, Queue = (apps.get_model("review", name) for name in ("Case", "Queue"))

CLOSED = "n %% 10 < 9"
INITIAL = "n %% 100 < 96"  # of the open ones
FINAL = "n %% 100 < 98"
# A queue of each stage has its share.
QUEUE = "(%({stage})s::bigint[])[1 + n %% array_length(%({stage})s::bigint[], 1)]"
OPENED = "%(at)s::timestamptz - n * interval '20 seconds'"
DUE = "%(at)s::timestamptz + interval '1 hour' - (n %% 5000) * interval '2 seconds'"

# Columns that differ from row to row; what is not named here is as in one case that the model itself has made.
VALUES = {
    "application_id": "a.id",
    "borrower_id": "a.user_id",
    "queue_id": f"CASE WHEN {INITIAL} THEN {QUEUE.format(stage='initial')} ELSE {QUEUE.format(stage='final')} END",
    "stage": f"CASE WHEN {INITIAL} THEN 'initial' ELSE 'final' END",
    "status": f"CASE WHEN {CLOSED} THEN 'CLOSED' WHEN {INITIAL} THEN 'WAITING_INITIAL'"
    f" WHEN {FINAL} THEN 'WAITING_FINAL' ELSE 'SUPPLEMENT' END",
    "outcome": f"CASE WHEN NOT {CLOSED} THEN '' WHEN n %% 3 = 0 THEN 'decline' ELSE 'approve' END",
    "closed_at": f"CASE WHEN {CLOSED} THEN {OPENED} + interval '1 hour' END",
    "paused_at": f"CASE WHEN NOT ({CLOSED}) AND NOT ({FINAL}) THEN %(at)s::timestamptz END",
    "grade": "(array['A','B','C','D'])[1 + n %% 4]",
    "amount_cents": "100000 + n %% 50 * 100000",
    "is_appeal": "n %% 50 = 0",
    "is_exception": "n %% 40 = 0",
    "level_needed": "CASE WHEN n %% 100 < 96 THEN 1 ELSE 2 END",
    "opened_at": OPENED,
    "due_at": DUE,
    "at_risk_at": f"{DUE} - interval '20 minutes'",
    "rank": "1000000000 - n",
}


def add_cases(*, at: datetime, user_ids_from: int) -> int:
    """A case for every application of the users from this id on. How many."""
    first = Application.objects.filter(user_id__gte=user_ids_from).order_by("pk")[0]
    queues: dict[str, list[int]] = {"initial": [], "final": []}
    for pk, stage in Queue.objects.values_list("pk", "stage"):
        queues[stage].append(pk)
    model = Case.objects.create(
        application=first,
        round=1,
        borrower_id=first.user_id,
        queue_id=queues["initial"][0],
        stage="initial",
        amount_cents=1_000_000,
        level_needed=1,
        opened_at=at,
        due_at=at + timedelta(hours=1),
        at_risk_at=at + timedelta(minutes=40),
        rank=0,
    )
    columns = [field.column for field in Case._meta.concrete_fields if not field.primary_key]
    chosen = ", ".join(VALUES.get(column, f"c.{column}") for column in columns)
    with connection.cursor() as db:
        db.execute(
            f"INSERT INTO review_case ({', '.join(columns)}) SELECT {chosen} FROM review_case c, "  # noqa: S608
            "(SELECT id, user_id, row_number() OVER (ORDER BY id) AS n FROM lending_application"
            "  WHERE user_id >= %(users)s AND id <> %(first)s) a WHERE c.id = %(case)s",
            {"at": at, "case": model.pk, "users": user_ids_from, "first": first.pk, **queues},
        )
        made = int(db.rowcount)
        db.execute("ANALYZE review_case")
    return made
