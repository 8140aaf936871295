"""Loyalty levels, recomputed from the history that settlement and day close push down; every change is kept."""

from datetime import datetime

from users.models import Level, User, UserLevel, UserLevelChange
from users.queries.levels import rule_of
from users.rules.levels import LoanHistory, earned


def hold(*, user_id: int) -> None:
    """Until the transaction ends nobody else gives this borrower a level: read the history after it."""
    User.objects.select_for_update().get(pk=user_id)


def recompute(*, user_id: int, history: LoanHistory, at: datetime, review_at: datetime | None = None) -> str:
    """Give the borrower the level the history earns, up or down; returns its code.

    review_at: when a late loan of the history stops to count; the caller asks `queries.levels_to_review` for it.
    """
    hold(user_id=user_id)
    levels = {level.code: level for level in Level.objects.order_by("rank")}
    level = levels[earned([rule_of(level) for level in levels.values()], history)]
    lowest = next(iter(levels.values()))
    row = UserLevel.objects.filter(user_id=user_id).select_related("level").first()
    row = row or UserLevel(user_id=user_id, level=lowest, since_at=at)
    if row.level != level:
        UserLevelChange.objects.create(user_id=user_id, before=row.level, level=level, history=history.written(), at=at)
        row.level, row.since_at = level, at
    row.history, row.review_at = history.written(), review_at
    row.save()
    return level.code
