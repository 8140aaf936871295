"""Velocity variables of one person, from the rows of users and lending.

The join lives here, in two steps: `users` names the people who share something, newest first and no more than
`SHARERS_AT_MOST`; `lending` says when these last applied. Each app reads only its own tables, each step is an index
scan of bounded length, and a shop's telephone that 100,000 people name costs as much as one that 500 name.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from lending import queries as lending
from risk.rules.velocity import PARTNER, Window, counted
from users import queries as users

SHARERS_AT_MOST = 500


def counts(*, user_id: int, asked: Mapping[str, Window], at: datetime) -> dict[str, int | None]:
    """Each variable's number; None (unknown) where the borrower has no such thing, for example no device seen."""
    furthest: dict[str, Window] = {}
    for each in asked.values():
        if each.subject not in furthest or furthest[each.subject].days < each.days:
            furthest[each.subject] = each
    own = users.shareable(user_id, (subject for subject in furthest if subject != PARTNER))
    latest = {subject: _latest(user_id, widest, own.get(subject, ()), at) for subject, widest in furthest.items()}
    return {
        name: None if (found := latest[each.subject]) is None else counted(found, each, at)
        for name, each in asked.items()
    }


def _latest(user_id: int, widest: Window, own: Sequence[str], at: datetime) -> Mapping[Any, datetime] | None:
    """By borrower, or by partner: when they last applied within the widest window. None: nothing of their `own`."""
    since = widest.since(at)
    if widest.subject == PARTNER:
        return lending.partners_since(user_id, since, at)
    if not own:
        return None
    sharers = users.sharers(user_id, widest.subject, own, at_most=SHARERS_AT_MOST)
    return lending.applicants_since(sharers, since, at)
