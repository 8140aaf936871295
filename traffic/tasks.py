"""Doors of traffic for the worker: ids by keyword, may run twice, tolerate extras."""

from celery import shared_task

from lending.common import clock
from traffic import services


@shared_task
def sweep(**_: object) -> int:
    return services.run_due(now=clock.now())


@shared_task
def run_push(*, push_id: int, **_: object) -> None:
    services.run_push(push_id=push_id, now=clock.now())
