"""Doors of traffic for the worker: ids by keyword, may run twice, tolerate extras."""

import time

from celery import shared_task
from django.db import transaction

from lending.common import clock
from traffic import services


@shared_task
def sweep(**_: object) -> int:
    with transaction.atomic(durable=True):
        hashed = services.fill_subjects()
    submitted = services.submit_due(now=clock.now())
    told = services.run_due(now=clock.now()) + services.run_due_leads(now=clock.now())
    return told + hashed + submitted


@shared_task
def settle(**_: object) -> int:
    with transaction.atomic(durable=True):
        return services.settle_due(at=clock.now())


@shared_task
def forget(**_: object) -> int:
    return services.run_retention(now=time.time(), at=clock.now())


@shared_task
def run_push(*, push_id: int, **_: object) -> None:
    services.run_push(push_id=push_id, now=clock.now())


@shared_task
def run_lead(*, lead_id: int, **_: object) -> None:
    services.run_lead(lead_id=lead_id, now=clock.now())
