"""The period that a page of figures is about: the last so many days, or two days that somebody chose."""

from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from django.http import QueryDict

DAYS = (7, 30, 90)
MOST = 370


@dataclass(frozen=True)
class Period:
    """Both days are in it; `days` is 0 where they were chosen. `also`: what else the page was asked for, kept in its
    links."""

    since: date
    until: date
    days: int
    also: tuple[tuple[str, str], ...] = ()

    @property
    def query(self) -> str:
        return urlencode([("from", self.since), ("to", self.until), *self.also])

    @property
    def tail(self) -> str:
        return "".join(f"&{urlencode([pair])}" for pair in self.also)

    @property
    def choices(self) -> list[tuple[int, bool]]:
        return [(days, days == self.days) for days in DAYS]


def read(asked: QueryDict, today: date, *also: str) -> Period:
    """`also`: names of what else is asked for.

    What cannot be read, or ends before it begins, is the last 30 days; never more than a year and a little.
    """
    kept = tuple((name, str(asked[name])) for name in also if asked.get(name))
    since, until = _day(asked.get("from")), _day(asked.get("to"))
    if since and until and since <= until:
        return Period(max(since, until - timedelta(days=MOST)), until, 0, kept)
    days = next((days for days in DAYS if asked.get("days") == str(days)), 30)
    return Period(today - timedelta(days=days - 1), today, days, kept)


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None
