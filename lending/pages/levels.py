"""A loyalty level in words: what it gives, and how far the next one is."""

from dataclasses import dataclass

from django.utils.translation import gettext, ngettext

from users import queries as users
from users.rules.levels import LATE, ON_TIME, Need


@dataclass(frozen=True, slots=True)
class NeedLine:
    text: str
    is_met: bool


@dataclass(frozen=True, slots=True)
class LevelCard:
    """What Me shows. `gives` is "" for a level without benefits."""

    standing: users.Standing
    gives: str
    next_gives: str
    needs: tuple[NeedLine, ...]


def card(user_id: int) -> LevelCard:
    standing = users.standing(user_id)
    return LevelCard(
        standing=standing,
        gives=_gives(standing.level),
        next_gives=_gives(standing.next_level) if standing.next_level else "",
        needs=tuple(NeedLine(_need(need), need.is_met) for need in standing.needs),
    )


def _gives(level: users.LevelView) -> str:
    """Only what the engine really gives: a higher limit and a lower price."""
    more, less = level.limit_factor * 100 - 100, -level.price_delta * 100
    parts = []
    if more > 0:
        parts.append(gettext("limit %(percent)s%% higher") % {"percent": f"{more:.0f}"})
    if less > 0:
        parts.append(gettext("price %(points)s percentage points a year lower") % {"points": f"{less:.2f}"})
    return gettext(", ").join(parts)


def _need(need: Need) -> str:
    figures = {"need": need.need, "have": need.have, "months": need.months}
    if need.what == ON_TIME:
        return gettext("%(need)s instalments paid on time: %(have)s so far") % figures
    if need.what != LATE:
        line = ngettext(
            "%(need)s loan paid back: %(have)s so far", "%(need)s loans paid back: %(have)s so far", need.need
        )
        return line % figures
    if need.need:
        line = gettext("Never more than %(need)s days late in the last %(months)s months") % figures
    else:
        line = gettext("Never late in the last %(months)s months") % figures
    return line if need.is_met else line + gettext("; you were %(have)s days late") % figures
