"""Celery's doors into lending: flow, the sweep, day close."""

from typing import Any

from celery import shared_task

from lending import flow
from lending.common import clock
from lending.services import day_close


@shared_task
def run_flow(**_: Any) -> int:
    """Take the steps that are due now; woken by every event."""
    return flow.run_due(at=clock.now())


@shared_task
def sweep(**_: Any) -> int:
    """The guarantee behind the nudges: due steps, run-out lifetimes. Returns how many rows it handled."""
    at = clock.now()
    return flow.run_due(at=at) + flow.sweep(at=at)


@shared_task
def close_day(**_: Any) -> int:
    """Accrue and age every loan through yesterday; a day that is closed already costs one query."""
    at = clock.now()
    return day_close.close(at=at)


@shared_task
def forget(**_: Any) -> int:
    """Delete what was kept of erased accounts and is kept no longer. Returns of how many; none costs one query."""
    return flow.forget_due(at=clock.now())
