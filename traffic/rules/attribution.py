"""Whose borrower it is. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

OWN = "OWN"


@dataclass(frozen=True)
class Touch:
    """kind: intake, session or precheck."""

    channel: str
    kind: str
    at: datetime


@dataclass(frozen=True)
class Credit:
    """`channel` has the borrower by `rule`: intake, last_touch, none; `first` and `last` touched within their time."""

    channel: str
    first: str | None
    last: str | None
    rule: str


def credit(
    *,
    came_by: str,
    started_at: datetime,
    granted_at: datetime,
    touches: Sequence[Touch],
    days: Mapping[str, int],
    hold: timedelta,
) -> Credit:
    """At the grant. The channel that brought the application has it; for one begun at our own door, who touched last.

    A touch counts for the channel's `days` before the grant; a precheck only for `hold` before the application began.
    """
    live = [
        touch for touch in sorted(touches, key=lambda one: one.at) if _counts(touch, started_at, granted_at, days, hold)
    ]
    first, last = (live[0].channel, live[-1].channel) if live else (None, None)
    if came_by != OWN:
        return Credit(came_by, first, last, "intake")
    return Credit(last or OWN, first, last, "last_touch" if last else "none")


def _counts(touch: Touch, started_at: datetime, granted_at: datetime, days: Mapping[str, int], hold: timedelta) -> bool:
    if touch.kind == "precheck":
        return started_at - hold <= touch.at <= started_at
    return granted_at - timedelta(days=days.get(touch.channel, 0)) <= touch.at <= granted_at
