"""What assessments met while a source was drilled."""

from dataclasses import dataclass
from datetime import datetime

from risk.models import Assessment, DataPull

SHOWN = 50


@dataclass(frozen=True, slots=True)
class Met:
    """A question to the drilled source, and what came instead. `fallback_state`: "" where no fallback was asked.

    `outcome`: of the assessment, "" while it runs.
    """

    assessment_id: int
    asked_at: datetime
    state: str
    failure: str
    latency_ms: int | None
    fallback: str
    fallback_state: str
    outcome: str


def met(source_code: str, *, since: datetime, until: datetime) -> tuple[Met, ...]:
    """The questions of that time, newest first, at most 50. An answer that was used again was not a question."""
    rows = DataPull.objects.filter(
        source_code=source_code, reused_from=None, created_at__gte=since, created_at__lte=until
    ).defer("payload")
    found = list(rows.order_by("-pk")[:SHOWN])
    runs = [row.assessment_id for row in found]
    seconds = {
        row.assessment_id: row
        for row in DataPull.objects.filter(assessment_id__in=runs, answers_for=source_code)
        .exclude(source_code=source_code)
        .defer("payload")
    }
    outcomes = dict(Assessment.objects.filter(pk__in=runs).values_list("pk", "outcome"))
    return tuple(
        Met(
            assessment_id=row.assessment_id,
            asked_at=row.created_at,
            state=str(row.state),
            failure=row.failure,
            latency_ms=row.latency_ms,
            fallback=second.source_code if second else "",
            fallback_state=str(second.state) if second else "",
            outcome=outcomes[row.assessment_id],
        )
        for row in found
        for second in [seconds.get(row.assessment_id)]
    )
