"""Which case is next: 100 − minutes to due, + what the queue gives, + 1 per `ageing_minutes` of age."""

from datetime import datetime

FAVOURED_LEVELS = ("V3", "V4")
AGEING_MINUTES = 10


def is_favoured(level: str) -> bool:
    return level in FAVOURED_LEVELS


def priority(
    *, at: datetime, due_at: datetime, opened_at: datetime, bonus: int, ageing_minutes: int = AGEING_MINUTES
) -> int:
    """What people see. Grows with time, and past due beyond 100."""
    to_due = (due_at - at).total_seconds() / 60
    age = (at - opened_at).total_seconds() / 60 / ageing_minutes
    return int(100 - to_due + bonus + age)


def parts(
    *, at: datetime, due_at: datetime, opened_at: datetime, bonus: int, ageing_minutes: int = AGEING_MINUTES
) -> tuple[tuple[str, int], ...]:
    """What a priority consists of: (label, points) each, in whole points that sum to it."""
    due = 100 - round((due_at - at).total_seconds() / 60)
    whole = priority(at=at, due_at=due_at, opened_at=opened_at, bonus=bonus, ageing_minutes=ageing_minutes)
    return (("时限 due", due), ("加分 bonus", bonus), ("等待 age", whole - due - bonus))


def rank(*, due_at: datetime, opened_at: datetime, bonus: int, ageing_minutes: int = AGEING_MINUTES) -> int:
    """A number that sorts the cases of a queue as `priority` does at any instant, lowest first.

    It is the instant between opening and due time that a case is to be taken at, so that "now" and the order do not
    depend on each other (the rank is stored and indexed), and cases of queues that age differently compare as well.
    """
    weight = ageing_minutes / (ageing_minutes + 1)
    return round(weight * (due_at.timestamp() - 60 * bonus) + (1 - weight) * opened_at.timestamp())
