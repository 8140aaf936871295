"""Whether a reviewer's or a queue's rates left their own former days; told once."""

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q, Sum

from lending.common import clock
from review.models import DriftAlarm, Part, ReviewDay
from review.rules import agreement
from review.services import quality
from users.services import notices

BEFORE_DAYS = 30
APPROVAL, OVERTURN = "approval", "overturn"


def run_watch(*, at: datetime) -> int:
    """Hold the last days of every reviewer and queue against the 30 before them; how many alarms were new.

    A rate that has been told within these last days is not told again.
    """
    made = 0
    for subject, metric, found in _moved(at):
        with transaction.atomic(durable=True):
            made += _raise(subject, metric, found, at=at)
    return made


def _moved(at: datetime) -> list[tuple[str, str, agreement.Moved]]:
    known = quality.settings()
    today = clock.business_date(at)
    begin = today - timedelta(days=known["drift_days"])
    rows = ReviewDay.objects.filter(day__gte=begin - timedelta(days=BEFORE_DAYS), day__lt=today).order_by()
    found = []
    for column, kind in (("reviewer_id", "reviewer"), ("queue_code", "queue")):
        for row in (
            rows.exclude(**{column: None})
            .values(column, "part")
            .annotate(**_sums("before", Q(day__lt=begin)), **_sums("now", Q(day__gte=begin)))
        ):
            rates = [(OVERTURN, "overturned", "recommended")] if row["part"] == Part.RECOMMENDED else []
            if row["part"] == Part.CLOSED:
                rates = [(APPROVAL, "approved", "judged")]
            for metric, hits, cases in rates:
                moved = agreement.moved(
                    (row[f"before_{hits}"] or 0, row[f"before_{cases}"] or 0),
                    (row[f"now_{hits}"] or 0, row[f"now_{cases}"] or 0),
                    least=known["drift_least"],
                    z_from=known["drift_z_tenths"] / 10,
                    points_from=known["drift_points"] / 100,
                )
                if moved is not None:
                    found.append((f"{kind}:{row[column]}", metric, moved))
    return found


def _sums(name: str, when: Q) -> dict[str, Any]:
    columns = ("approved", "overturned", "recommended")
    sums: dict[str, Any] = {f"{name}_{column}": Sum(column, filter=when) for column in columns}
    return sums | {f"{name}_judged": Sum("approved", filter=when) + Sum("declined", filter=when)}


def _raise(subject: str, metric: str, found: agreement.Moved, *, at: datetime) -> bool:
    today, quiet = clock.business_date(at), timedelta(days=quality.settings()["drift_days"])
    if DriftAlarm.objects.filter(subject=subject, metric=metric, raised_on__gt=today - quiet).exists():
        return False
    try:
        with transaction.atomic():
            row = DriftAlarm.objects.create(
                subject=subject,
                metric=metric,
                raised_on=today,
                before_count=found.before_count,
                before_rate=found.before_rate,
                now_count=found.now_count,
                now_rate=found.now_rate,
                z=found.z,
                raised_at=at,
            )
    except IntegrityError:  # another worker told it at this instant
        return False
    notices.raise_notice(
        kind="review_drift",
        subject=f"driftalarm:{row.pk}",
        text=f"{subject}: {metric} rate {found.before_rate:.0%} of {found.before_count} before, {found.now_rate:.0%} of"
        f" {found.now_count} now ({found.z:+.1f} standard errors).",
        at=at,
    )
    return True
