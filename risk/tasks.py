"""What workers do for risk. Every task may run twice or late; `sweep` is the guarantee, the others are nudges."""

from celery import shared_task

from lending.common import clock
from risk import services
from risk.services import backtest_runs, builds, monitoring, spend


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
    at = clock.now()
    return services.run_due(now=at) + backtest_runs.run_due(now=at) + builds.nudge_due(now=at)


@shared_task
def run_backtest(*, backtest_id: int, **_: object) -> None:
    """One chunk; the next is queued behind it."""
    backtest_runs.run_next(backtest_id=backtest_id, now=clock.now())


@shared_task
def measure(**_: object) -> int:
    """Monitoring of what decides; a day that did not move costs nothing. Returns how many days were measured."""
    return monitoring.run_measure(at=clock.now())


@shared_task
def purge(**_: object) -> int:
    """Raw answers whose time is over. Returns how many."""
    return services.run_retention(now=clock.now())


@shared_task
def watch_spend(**_: object) -> int:
    """Returns how many alarms were raised."""
    return spend.run_watch(now=clock.now())
