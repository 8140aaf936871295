"""What workers do for risk. All may run twice or late; `sweep` is the guarantee, the others are nudges."""

from celery import shared_task

from lending.common import clock
from risk import services
from risk.services import builds


@shared_task
def run_assessment(*, assessment_id: int, **_: object) -> None:
    services.run_assessment(assessment_id=assessment_id, now=clock.now())


@shared_task
def run_build(*, build_id: int, **_: object) -> None:
    """Minutes, in a process of its own: the sweep calls for it and does not wait."""
    builds.run_build(build_id=build_id, now=clock.now())


@shared_task
def sweep(**_: object) -> int:
    """Returns how many rows were due."""
    return services.run_due(now=clock.now()) + builds.nudge_due(now=clock.now())
