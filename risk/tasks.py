"""What workers do for risk. Both tasks may run twice or late; `sweep` is the guarantee, the other is a nudge."""

from celery import shared_task

from lending.common import clock
from risk import services


@shared_task
def run_assessment(*, assessment_id: int, **_: object) -> None:
    services.run_assessment(assessment_id=assessment_id, now=clock.now())


@shared_task
def sweep(**_: object) -> int:
    """Returns how many rows were due."""
    return services.run_due(now=clock.now())
