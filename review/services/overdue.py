"""What nobody moved in time."""

from datetime import datetime

from django.db import transaction

from review.services.claims import expire_leases
from review.services.detours import resume_due


def run_sweep(*, now: datetime) -> int:
    """Give back cases whose lease ran out and take up those whose suspension is over. How many."""
    with transaction.atomic(durable=True):
        lapsed = expire_leases(at=now)
    with transaction.atomic(durable=True):
        return lapsed + resume_due(at=now)
