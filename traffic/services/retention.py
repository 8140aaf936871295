"""What is kept of partners' requests, and how long."""

from datetime import datetime

from django.db import transaction

from traffic.services.calls import forget_calls
from traffic.services.prechecks import forget_prechecks


def run_retention(*, now: float, at: datetime) -> int:
    """Delete calls and prechecks whose time is over. `now`: seconds of the real clock, by which calls are signed.
    Returns how many."""
    with transaction.atomic(durable=True):
        calls = forget_calls(now=now)
    with transaction.atomic(durable=True):
        return calls + forget_prechecks(at=at)
