"""Reads of channels and what they were told."""

from collections import Counter
from collections.abc import Sequence

from traffic.models import Platform, PushState, StatusPush


def pushes_by_state(application_ids: Sequence[int]) -> tuple[tuple[str, int], ...]:
    """How many status pushes of these applications are in each state, most first."""
    states = StatusPush.objects.filter(application_id__in=application_ids).values_list("state", flat=True)
    return tuple(Counter(states).most_common())


def failed_pushes() -> int:
    """Statuses that were given up."""
    return StatusPush.objects.filter(state=PushState.FAILED).count()


def is_configured() -> bool:
    """Whether bootstrap came to its end once: platforms are the last thing it loads."""
    return Platform.objects.exists()
