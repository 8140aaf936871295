"""Doors of funding for the worker: ids by keyword, may run twice, tolerate extras."""

from celery import shared_task
from django.db import transaction

from funding import services
from lending.common import clock


@shared_task
def sweep(**_: object) -> int:
    return services.run_due(now=clock.now())


@shared_task
def settle(**_: object) -> int:
    with transaction.atomic(durable=True):
        return services.settle_due(at=clock.now())


@shared_task
def run_allocation(*, allocation_id: int, **_: object) -> None:
    services.run_allocation(allocation_id=allocation_id, now=clock.now())


@shared_task
def run_payout(*, payout_id: int, **_: object) -> None:
    services.run_payout(payout_id=payout_id, now=clock.now())


@shared_task
def run_collection(*, collection_id: int, **_: object) -> None:
    services.run_collection(collection_id=collection_id, now=clock.now())
