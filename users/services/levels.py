"""Loyalty levels, recomputed from the history that settlement and day close push down."""

from datetime import datetime

from users.models import Level, User, UserLevel
from users.rules.levels import LevelRule, LoanHistory, earned


def recompute(*, user_id: int, history: LoanHistory, at: datetime) -> str:
    """Give the borrower the level the history earns, up or down; returns its code."""
    User.objects.select_for_update().get(pk=user_id)
    levels = {level.code: level for level in Level.objects.all()}
    rules = [
        LevelRule(
            code=level.code,
            rank=level.rank,
            on_time_instalments=level.on_time_instalments,
            settled_loans=level.settled_loans,
            max_dpd=level.max_dpd,
            window_months=level.window_months,
        )
        for level in levels.values()
    ]
    level = levels[earned(rules, history)]
    row, created = UserLevel.objects.get_or_create(user_id=user_id, defaults={"level": level, "since_at": at})
    if not created and row.level_id != level.pk:
        row.level, row.since_at = level, at
        row.save(update_fields=["level", "since_at"])
    return level.code
