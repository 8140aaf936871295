"""Everything of funding that is due, found again whatever was lost: the guarantee behind every nudge."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction

from funding.models import Allocation
from funding.models.allocation import ASKING
from funding.services import compensations
from funding.services.allocations import due_allocations, run_allocation
from funding.services.collections import due_collections, run_collection
from funding.services.payouts import due_payouts, run_payout
from funding.services.routing import end_unanswered
from lending.models import Lifetime

logger = logging.getLogger(__name__)

LIMIT = 50  # of each kind in one pass; the next pass takes the rest


def run_due(*, now: datetime) -> int:
    """Run what is due; how many rows were taken a step further. Opens its own transactions."""
    ask = due_allocations(at=now, limit=LIMIT)
    pay = due_payouts(at=now, limit=LIMIT)
    collect = due_collections(at=now, limit=LIMIT)
    return (
        _end_unanswered(now)
        + _each("allocation", ask, lambda pk: run_allocation(allocation_id=pk, now=now))
        + _each("payout", pay, lambda pk: run_payout(payout_id=pk, now=now))
        + _each("claim", compensations.due_claims(limit=LIMIT), lambda pk: _compensate(pk, now))
        + _each("collection", collect, lambda pk: run_collection(collection_id=pk, now=now))
    )


def _each(kind: str, ids: list[int], run: Callable[[int], bool]) -> int:
    """One row that fails does not stop the others: it is logged, and stays leased until its lease runs out."""
    done = 0
    for pk in ids:
        try:
            done += run(pk)
        except Exception:
            logger.exception("row failed", extra={"kind": kind, "pk": pk})
    return done


def _compensate(loan_id: int, now: datetime) -> bool:
    with transaction.atomic(durable=True):
        return compensations.compensate(loan_id=loan_id, at=now) is not None


def _end_unanswered(now: datetime) -> int:
    ttl = Lifetime.objects.filter(thing="reservation").values_list("ttl_seconds", flat=True).first()
    if ttl is None:
        return 0  # nothing is configured yet
    old = Allocation.objects.filter(state__in=ASKING, created_at__lte=now - timedelta(seconds=ttl))
    done = 0
    for pk in old.order_by("id").values_list("pk", flat=True)[:LIMIT]:
        with transaction.atomic(durable=True):
            done += end_unanswered(allocation_id=pk, at=now)
    return done
