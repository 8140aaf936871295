"""Loyalty levels: what a borrower has, since when, what it gives, and what the next one asks for."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from lending.common.remembered import remembered
from users.models import Level, UserLevel, UserLevelChange
from users.rules.levels import LevelRule, Need, next_step, read


@dataclass(frozen=True)
class LevelView:
    """`limit_factor`: of the limit, 1.1 = 10 % more; `price_delta`: fraction a year, -0.006 = 0.6 % less."""

    code: str
    rank: int
    limit_factor: Decimal
    price_delta: Decimal
    name_en: str = ""
    name_zh: str = ""


NO_LEVEL = LevelView("", 0, Decimal(1), Decimal(0))


@dataclass(frozen=True)
class LevelChange:
    before: LevelView
    level: LevelView
    at: datetime

    @property
    def is_rise(self) -> bool:
        return self.level.rank > self.before.rank


@dataclass(frozen=True)
class Standing:
    """`since`: None where the borrower never had another level. `next_level`: None at the top; `needs`: all of it."""

    level: LevelView
    since: datetime | None
    next_level: LevelView | None
    needs: tuple[Need, ...]
    changes: tuple[LevelChange, ...]


def level(user_id: int) -> LevelView:
    """The borrower's level, or the lowest one."""
    return level_of(UserLevel.objects.filter(user_id=user_id).first())


def level_of(row: UserLevel | None) -> LevelView:
    levels = _levels()
    found = levels[row.level_id] if row else next(iter(levels.values()), None)
    return _view(found) if found else NO_LEVEL


@remembered
def _levels() -> dict[int, Level]:
    """The lowest first."""
    return {level.pk: level for level in Level.objects.order_by("rank")}


def standing(user_id: int, *, changes: int = 20) -> Standing:
    """The level with its way up, and the latest changes, newest first."""
    levels = {level.code: level for level in Level.objects.order_by("rank")}
    row = UserLevel.objects.filter(user_id=user_id).select_related("level").first()
    lowest = next(iter(levels.values()), None)
    present = row.level if row else lowest
    history = read(row.history if row else {})
    ahead = next_step([rule_of(level) for level in levels.values()], history, present.rank if present else 0)
    kept = level_changes(user_id, at_most=changes)
    return Standing(
        level=_view(present) if present else NO_LEVEL,
        since=row.since_at if row and (kept or row.level != lowest) else None,
        next_level=_view(levels[ahead[0].code]) if ahead else None,
        needs=ahead[1] if ahead else (),
        changes=kept,
    )


def level_changes(user_id: int, *, at_most: int = 20) -> tuple[LevelChange, ...]:
    """Newest first."""
    rows = UserLevelChange.objects.filter(user_id=user_id).select_related("before", "level")[:at_most]
    return tuple(LevelChange(_view(row.before), _view(row.level), row.at) for row in rows)


def unknown_levels(codes: Iterable[str]) -> tuple[str, ...]:
    """Those of `codes` that there are not, sorted."""
    return tuple(sorted(set(codes) - set(Level.objects.values_list("code", flat=True))))


def level_windows() -> tuple[int, ...]:
    """Over how many last months some level looks at days past due."""
    found = Level.objects.filter(max_dpd__isnull=False).values_list("window_months", flat=True)
    return tuple(sorted({months for months in found if months is not None}))


def levels_to_review(at: datetime) -> tuple[int, ...]:
    """Borrowers whose history has changed since by mere time."""
    return tuple(UserLevel.objects.filter(review_at__lt=at).order_by("pk").values_list("user_id", flat=True))


def rule_of(level: Level) -> LevelRule:
    return LevelRule(
        code=level.code,
        rank=level.rank,
        on_time_instalments=level.on_time_instalments,
        settled_loans=level.settled_loans,
        max_dpd=level.max_dpd,
        window_months=level.window_months,
    )


def _view(row: Level) -> LevelView:
    return LevelView(row.code, row.rank, row.limit_factor, row.price_delta, row.name_en, row.name_zh)
