"""Reads of channels and what they were told."""

from collections import Counter
from collections.abc import Sequence

from lending.common.held import Held, Rows, all_rows
from traffic.models import OfferSearch, Platform, PushState, StatusPush


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


HELD = (
    Held(StatusPush, "application__user_id", only=("word", "payload", "state", "sent_at", "created_at")),
    Held(OfferSearch, "application__user_id", only=("trigger", "result", "at")),
)
LEFT_OUT: dict[str, str] = {}


def held(user_id: int) -> Rows:
    """What this app holds about a borrower, as it is handed over to them."""
    return all_rows(HELD, user_id)
