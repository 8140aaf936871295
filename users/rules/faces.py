"""How long a comparison of the face holds."""

from datetime import timedelta

HOLDS = timedelta(minutes=15)
BY_A_PERSON = timedelta(hours=24)  # who was told to come back needs time to
REUSED_FROM_RANK, REUSED = 3, timedelta(days=90)  # the benefit of level V3 and above


def holds(rank: int) -> timedelta:
    """For a borrower whose level has this rank."""
    return REUSED if rank >= REUSED_FROM_RANK else HOLDS


def holds_by_a_person(rank: int) -> timedelta:
    return max(BY_A_PERSON, holds(rank))
