"""What the desk got through in a period: by day, queue, reviewer and product. Reads the daily counts, not the cases."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Min, Q, QuerySet, Sum

from review.models import Case, Part, Queue, ReviewDay
from review.models.case import WAITING, WORKED
from users import queries as users

STAGES = ("waiting_initial", "in_initial", "waiting_final", "in_final", "paused")
COLUMNS = ("cases", "approved", "declined", "recommended", "overturned", "late", "open_seconds")


@dataclass(frozen=True, slots=True)
class Row:
    """`name`: a day, queue, reviewer or product. Rates are None where there is nothing to take one of; hours are means
    over the cases."""

    name: str
    cases: int
    approved: int
    declined: int
    recommended: int
    overturned: int
    late: int
    hours: float | None

    @property
    def approval_rate(self) -> float | None:
        judged = self.approved + self.declined
        return self.approved / judged if judged else None

    @property
    def overturn_rate(self) -> float | None:
        return self.overturned / self.recommended if self.recommended else None

    @property
    def late_rate(self) -> float | None:
        return self.late / self.cases if self.cases else None


@dataclass(frozen=True, slots=True)
class StageRow:
    """Mean hours of a closed case, by where it stood."""

    name: str
    cases: int
    hours: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """Open cases of a queue now, by how long ago they were opened: up to 1 h, 4 h, 24 h, and older."""

    queue: str
    waiting: int
    in_work: int
    late: int
    ages: tuple[int, int, int, int]
    oldest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Figures:
    """`reviewer_id`: whose alone, or None. `recommenders`: initial reviewers where somebody else decided;
    `counted_at`: how fresh the counts are."""

    since: date
    until: date
    reviewer_id: int | None
    days: tuple[Row, ...]
    queues: tuple[Row, ...]
    reviewers: tuple[Row, ...]
    recommenders: tuple[Row, ...]
    products: tuple[Row, ...]
    stages: tuple[StageRow, ...]
    waiting: tuple[WaitingRow, ...]
    counted_at: datetime | None


def figures(*, since: date, until: date, reviewer_id: int | None, at: datetime) -> Figures:
    """Of the business days `since` to `until`; of one reviewer where one is given, and then nothing of what waits."""
    rows = ReviewDay.objects.filter(day__gte=since, day__lte=until).order_by()
    if reviewer_id is not None:
        rows = rows.filter(reviewer_id=reviewer_id)
    closed, recommended = rows.filter(part=Part.CLOSED), rows.filter(part=Part.RECOMMENDED)
    return Figures(
        since=since,
        until=until,
        reviewer_id=reviewer_id,
        days=_days(closed, since, until),
        queues=_rows(closed, "queue_code"),
        reviewers=_named(_rows(closed.exclude(reviewer=None), "reviewer_id")),
        recommenders=_named(_rows(recommended, "reviewer_id")),
        products=_rows(closed, "product_code"),
        stages=_stages(closed),
        waiting=() if reviewer_id else waiting(at),
        counted_at=ReviewDay.objects.aggregate(last=Max("measured_at"))["last"],
    )


def _rows(rows: QuerySet[ReviewDay], column: str) -> tuple[Row, ...]:
    counted = rows.values(column).annotate(**{f"n_{name}": Sum(name) for name in COLUMNS}).order_by(column)
    return tuple(_row(str(row[column]), row) for row in counted)


def _row(name: str, row: Mapping[str, Any]) -> Row:
    cases = row["n_cases"]
    return Row(
        name=name,
        cases=cases,
        approved=row["n_approved"],
        declined=row["n_declined"],
        recommended=row["n_recommended"],
        overturned=row["n_overturned"],
        late=row["n_late"],
        hours=row["n_open_seconds"] / 3600 / cases if cases else None,
    )


def _days(rows: QuerySet[ReviewDay], since: date, until: date) -> tuple[Row, ...]:
    """Every day of the period, those without a case too."""
    known = {row.name: row for row in _rows(rows, "day")}
    names = [str(since + timedelta(days=number)) for number in range((until - since).days + 1)]
    return tuple(known.get(name) or Row(name, 0, 0, 0, 0, 0, 0, None) for name in names)


def _named(rows: tuple[Row, ...]) -> tuple[Row, ...]:
    names = users.actor_names(f"staff:{row.name}" for row in rows)
    return tuple(replace(row, name=names[f"staff:{row.name}"]) for row in sorted(rows, key=lambda row: -row.cases))


def _stages(rows: QuerySet[ReviewDay]) -> tuple[StageRow, ...]:
    counted = rows.values("queue_code").annotate(n=Sum("cases"), **{name: Sum(f"{name}_seconds") for name in STAGES})
    return tuple(
        StageRow(row["queue_code"], row["n"], {name: row[name] / 3600 / row["n"] for name in STAGES})
        for row in counted.order_by("queue_code")
    )


def waiting(at: datetime) -> tuple[WaitingRow, ...]:
    """Counts the open cases alone."""
    old = [at - timedelta(hours=hours) for hours in (1, 4, 24)]
    counted = (
        Case.objects.filter(closed_at=None, status__in=[*WAITING, *WORKED])
        .order_by()
        .values("queue_id")
        .annotate(
            waiting=Count("pk", filter=Q(status__in=WAITING)),
            in_work=Count("pk", filter=Q(status__in=WORKED)),
            late=Count("pk", filter=Q(due_at__lte=at)),
            young=Count("pk", filter=Q(opened_at__gt=old[0])),
            hours=Count("pk", filter=Q(opened_at__lte=old[0], opened_at__gt=old[1])),
            day=Count("pk", filter=Q(opened_at__lte=old[1], opened_at__gt=old[2])),
            older=Count("pk", filter=Q(opened_at__lte=old[2])),
            oldest_at=Min("opened_at"),
        )
    )
    found = {row["queue_id"]: row for row in counted}
    return tuple(_waiting(row.code, found.get(row.pk)) for row in Queue.objects.order_by("-stage", "code"))


def _waiting(queue: str, row: Mapping[str, Any] | None) -> WaitingRow:
    if row is None:
        return WaitingRow(queue, 0, 0, 0, (0, 0, 0, 0), None)
    ages = (row["young"], row["hours"], row["day"], row["older"])
    return WaitingRow(queue, row["waiting"], row["in_work"], row["late"], ages, row["oldest_at"])
