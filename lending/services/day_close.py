"""Day close: every owing loan is accrued and aged through the last complete business day; levels follow."""

import logging
from datetime import datetime, timedelta

from django.db import transaction

from lending.common import clock
from lending.models import Loan
from lending.services import loans, loyalty
from users import queries as users

logger = logging.getLogger(__name__)


def close(*, at: datetime) -> int:
    """Close every day up to yesterday; how many loans moved. Running it twice for a day changes nothing.

    Each loan is a transaction of its own, so a stop in the middle is finished by the next run.
    """
    as_of = clock.business_date(at) - timedelta(days=1)
    due = (
        Loan.objects.filter(status__in=loans.ACCRUING, accrued_through__lt=as_of)
        .order_by("pk")
        .values_list("pk", flat=True)
    )
    moved = 0
    for loan_id in list(due):
        with transaction.atomic(durable=True):
            loans.accrue(loan_id=loan_id, as_of=as_of, at=at)
        moved += 1
    _review_levels(at)
    if moved:
        logger.info("day closed", extra={"as_of": as_of.isoformat(), "loans": moved})
    return moved


def _review_levels(at: datetime) -> None:
    """Of borrowers whose late loan has become too long ago to count; who fell late today fell with the loan."""
    for user_id in users.levels_to_review(at):
        with transaction.atomic(durable=True):
            loyalty.recompute(user_id=user_id, at=at)
