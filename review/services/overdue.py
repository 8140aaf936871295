"""What nobody moved in time."""

from datetime import datetime

from django.db import transaction

from review.services.authority import reroute_open
from review.services.claims import expire_leases
from review.services.detours import resume_due
from review.services.dispatch import run_dispatch
from review.services.sla import raise_late


def run_sweep(*, now: datetime) -> int:
    """Give back cases whose lease ran out, take up those whose suspension is over, follow the matrix in force, tell of
    what is late, deal out what waits. How many."""
    with transaction.atomic(durable=True):
        lapsed = expire_leases(at=now)
    with transaction.atomic(durable=True):
        resumed = resume_due(at=now)
    with transaction.atomic(durable=True):
        rerouted = reroute_open(at=now)
    with transaction.atomic(durable=True):
        late = raise_late(at=now)
    return lapsed + resumed + rerouted + late + run_dispatch(now=now)
