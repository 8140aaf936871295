"""Which case is next: 100 − minutes to due, + 20 for a level V3 or higher, + 1 per 10 minutes of age."""

from datetime import datetime

FAVOURED_LEVELS = ("V3", "V4")
LEVEL_BONUS = 20


def level_bonus(level: str) -> int:
    return LEVEL_BONUS if level in FAVOURED_LEVELS else 0


def priority(*, at: datetime, due_at: datetime, opened_at: datetime, bonus: int) -> int:
    """What people see. Grows with time, and past due beyond 100."""
    to_due = (due_at - at).total_seconds() / 60
    age = (at - opened_at).total_seconds() / 600
    return int(100 - to_due + bonus + age)


def rank(*, due_at: datetime, opened_at: datetime, bonus: int) -> int:
    """A number that sorts cases as `priority` does at any instant, lowest first.

    "Now" adds the same to every case, so the order does not depend on it: the rank is stored and indexed.
    """
    return round(due_at.timestamp() + opened_at.timestamp() / 10 - 60 * bonus)
