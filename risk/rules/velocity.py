"""Velocity: how many others lately applied with the same device, contact phone, bank card or home address. Pure.

A variable of source `velocity` says what is shared and over how many days in its path: `device/7`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

SOURCE = "velocity"
SHARED = ("device", "contact", "card", "address")  # among several borrowers
PARTNER = "partner"  # of one


class BadWindow(ValueError):
    """A path that is not `subject/days`."""


@dataclass(frozen=True)
class Window:
    """`subject`: one of SHARED, or PARTNER; `days`: back from the instant of the decision."""

    subject: str
    days: int

    def since(self, at: datetime) -> datetime:
        return at - timedelta(days=self.days)


def window(path: str) -> Window:
    """Raises BadWindow."""
    subject, _, days = path.partition("/")
    if subject not in (*SHARED, PARTNER) or not days.isdecimal() or not int(days):
        raise BadWindow(f"{path!r} is not one of {', '.join((*SHARED, PARTNER))}, a stroke, and days")
    return Window(subject, int(days))


def counted(latest: Mapping[Any, datetime], asked: Window, at: datetime) -> int:
    """Those whose latest application lies within the window: after its first instant."""
    return sum(asked.since(at) < moment <= at for moment in latest.values())
