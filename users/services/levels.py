"""Loyalty levels, recomputed from the history that settlement and day close push down; every change is kept."""

from datetime import datetime, timedelta

from lending.common import clock
from users import queries
from users.models import Level, User, UserLevel, UserLevelChange
from users.queries.levels import rule_of
from users.rules.levels import LoanHistory, earned
from users.services import messages

BEGINS, ENDS = 9, 21  # o'clock in the market: day close changes levels at night, and nobody is woken by that


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
        change = UserLevelChange.objects.create(
            user_id=user_id, before=row.level, level=level, history=history.written(), at=at
        )
        _tell(change, at)
        row.level, row.since_at = level, at
    row.history, row.review_at = history.written(), review_at
    row.save()
    return level.code


def _tell(change: UserLevelChange, at: datetime) -> None:
    """By a text message, in the day. An account that is erased has no number."""
    if not queries.account(change.user_id).phone:
        return
    messages.queue(
        user_id=change.user_id,
        template="level_up" if change.level.rank > change.before.rank else "level_down",
        params={"level_zh": change.level.name_zh, "level_en": change.level.name_en},
        key=f"level-{change.pk}",
        at=at,
        not_before=_in_the_day(at),
    )


def _in_the_day(at: datetime) -> datetime | None:
    """When it may go out; None: at once."""
    local = clock.local(at)
    if BEGINS <= local.hour < ENDS:
        return None
    day = local + timedelta(days=1) if local.hour >= ENDS else local
    return day.replace(hour=BEGINS, minute=0, second=0, microsecond=0)
