"""Work rows: what is to be done outside is a row first, claimed in one statement, done, then settled.

A worker that dies keeps its claim until `leased_until`; the sweep then finds the row again, so an act must be
repeatable under the row's `key`.
"""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db import connection, models
from django.db.models import Q

from lending.common.compiled import Place, filled


class WorkRow(models.Model):
    """Columns every work row has. `key` goes to the other side and makes the act repeatable."""

    key = models.CharField(max_length=80, unique=True)
    attempts = models.PositiveIntegerField(default=0)
    not_before = models.DateTimeField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        abstract = True


def claim(
    model: type[models.Model], *, due: Q, at: datetime, lease_seconds: int = 60, limit: int = 1, pk: int | None = None
) -> list[int]:
    """Lease up to `limit` due rows (or just `pk`) and return their ids. One statement; nobody gets the same row twice.

    Each claim raises `attempts`. `due`: which rows are to be done, by state; lease and `not_before` are added here.
    """
    statement, params = _claiming(model, due, limit, pk is not None)
    with connection.cursor() as cursor:
        cursor.execute(statement, [*filled(params, {"at": at, "pk": pk}), at + timedelta(seconds=lease_seconds)])
        return sorted(row[0] for row in cursor.fetchall())


@lru_cache(maxsize=128)
def _claiming(model: type[models.Model], due: Q, limit: int, by_pk: bool) -> tuple[str, tuple[Any, ...]]:
    """Written once: every piece of work begins with it."""
    at = Place("at")
    free = due & (Q(leased_until=None) | Q(leased_until__lt=at)) & (Q(not_before=None) | Q(not_before__lte=at))
    if by_pk:
        free &= Q(pk=Place("pk"))
    inner = model._default_manager.filter(free).order_by("pk").select_for_update(skip_locked=True).values("pk")[:limit]
    sql, params = inner.query.sql_with_params()
    table = connection.ops.quote_name(model._meta.db_table)
    # Materialized: as a plain subquery a nested loop would run it once a row, and lease a further row each time.
    statement = (
        f"WITH due (id) AS MATERIALIZED ({sql}) UPDATE {table} SET leased_until = %s, attempts = attempts + 1 "  # noqa: S608  both are built by Django from the model
        "WHERE id IN (SELECT id FROM due) RETURNING id"
    )
    return statement, params


def back_off(attempts: int) -> timedelta:
    """1, 2, 4 … seconds, at most five minutes."""
    return timedelta(seconds=min(2 ** max(attempts - 1, 0), 300))
