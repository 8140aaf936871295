"""What channels called, how it ended, and whether they took what they were told: figures of a period."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from lending.common import clock
from traffic.models import Channel, ChannelDay

LATE = timedelta(minutes=1)  # a status that took longer to arrive, or is still on its way after that


@dataclass(frozen=True, slots=True)
class Calls:
    """`name`: a channel, a day or an operation. `good` were answered, `refused` with a 4xx, `failed` with a 5xx or not
    at all; latency in milliseconds, None where nothing was answered."""

    name: str
    total: int
    good: int
    refused: int
    failed: int
    p50: float | None
    p95: float | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """`word`: the answer's own, or the code of a refusal; "" where an answer has none."""

    operation: str
    word: str
    refused: bool
    count: int


@dataclass(frozen=True, slots=True)
class Asked:
    """Prechecks of a channel or a day."""

    prechecks: int = 0
    hits: int = 0

    @property
    def hit_ratio(self) -> float | None:
        return self.hits / self.prechecks if self.prechecks else None


@dataclass(frozen=True, slots=True)
class Told:
    """Statuses written in the period: taken within a minute, taken later, on their way, given up, kept for a channel
    without a receiver. `overdue` of those on their way are so for longer than a minute."""

    in_time: int = 0
    late: int = 0
    waiting: int = 0
    overdue: int = 0
    failed: int = 0
    kept: int = 0

    @property
    def total(self) -> int:
        return self.in_time + self.late + self.waiting + self.failed + self.kept


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """`used` of `quota` is today's; `stopped`: its prechecks are."""

    code: str
    calls: Calls
    asked: Asked
    told: Told
    used: int
    quota: int | None
    stopped: bool


@dataclass(frozen=True, slots=True)
class Console:
    channels: tuple[ChannelRow, ...]
    days: tuple[tuple[Calls, Asked, Told], ...]
    operations: tuple[Calls, ...]
    verdicts: tuple[Verdict, ...]


# One pass over the calls for everything that is told of them.
CALLS = """
WITH call AS (
  SELECT channel_id, operation, status, ms, ((at + %(ahead)s) AT TIME ZONE %(zone)s)::date AS day,
    CASE WHEN status < 400 THEN verdict WHEN status IS NULL THEN 'no_answer' ELSE code END AS word,
    coalesce(status >= 400, true) AS refused
  FROM traffic_partnercall WHERE channel_id = ANY(%(channels)s) AND at >= %(since)s AND at < %(until)s
)
SELECT channel_id, day, operation, word, refused, count(*), count(*) FILTER (WHERE status < 400),
  count(*) FILTER (WHERE status BETWEEN 400 AND 499), count(*) FILTER (WHERE status >= 500 OR status IS NULL),
  percentile_cont(0.5) WITHIN GROUP (ORDER BY ms), percentile_cont(0.95) WITHIN GROUP (ORDER BY ms)
FROM call GROUP BY GROUPING SETS ((channel_id), (day), (operation), (operation, word, refused))
"""
PRECHECKS = """
SELECT channel_id, (at AT TIME ZONE %(zone)s)::date AS day, count(*), count(*) FILTER (WHERE hit)
FROM traffic_precheck WHERE channel_id = ANY(%(channels)s) AND at >= %(since)s AND at < %(until)s
GROUP BY GROUPING SETS ((channel_id), (2))
"""
PUSHES = """
SELECT channel_id, (created_at AT TIME ZONE %(zone)s)::date AS day,
  count(*) FILTER (WHERE state = 'sent' AND sent_at <= created_at + %(late)s),
  count(*) FILTER (WHERE state = 'sent' AND sent_at > created_at + %(late)s),
  count(*) FILTER (WHERE state = 'due'), count(*) FILTER (WHERE state = 'due' AND created_at < %(at)s - %(late)s),
  count(*) FILTER (WHERE state = 'failed'), count(*) FILTER (WHERE state = 'kept')
FROM traffic_statuspush WHERE channel_id = ANY(%(channels)s) AND created_at >= %(since)s AND created_at < %(until)s
  AND state <> 'withheld' GROUP BY GROUPING SETS ((channel_id), (2))
"""


def channel_codes() -> tuple[str, ...]:
    """Channels that have a door or are told something, in order."""
    return tuple(Channel.objects.exclude(app_id=None).order_by("pk").values_list("pk", flat=True))


def console(*, channels: tuple[str, ...], since: date, until: date, at: datetime, now: datetime) -> Console:
    """Figures of both days and those between, of these channels. `now`: the true time, which calls are written by;
    `at`: the platform's, which may run ahead in a demonstration."""
    begin, end, ahead = clock.end_of(since - timedelta(days=1)), clock.end_of(until), at - now
    said: dict[str, Any] = {
        "channels": list(channels),
        "zone": settings.TIME_ZONE,
        "since": begin,
        "until": end,
        "late": LATE,
        "at": at,
    }
    calls = _read(CALLS, said | {"since": begin - ahead, "until": end - ahead, "ahead": ahead})
    asked = {row[0] or row[1]: Asked(*row[2:]) for row in _read(PRECHECKS, said)}
    told = {row[0] or row[1]: Told(*row[2:]) for row in _read(PUSHES, said)}
    named = {row[0] or row[1] or row[2]: row[5:] for row in calls if row[4] is None}
    return Console(
        channels=tuple(_channels(channels, named, asked, told, clock.business_date(at))),
        days=tuple(
            (_calls(day.isoformat(), named.get(day)), asked.get(day, Asked()), told.get(day, Told()))
            for day in (since + timedelta(days=n) for n in range((until - since).days + 1))
        ),
        operations=tuple(sorted((_calls(row[2], row[5:]) for row in calls if row[2] and row[4] is None), key=_most)),
        verdicts=tuple(
            sorted(
                (Verdict(row[2], row[3], row[4], row[5]) for row in calls if row[4] is not None),
                key=lambda row: (row.operation, -row.count, row.word),
            )
        ),
    )


def _read(sql: str, said: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, dict(said))
        return list(cursor.fetchall())


def _calls(name: str, row: tuple[Any, ...] | None) -> Calls:
    return Calls(name, *row) if row else Calls(name, 0, 0, 0, 0, None, None)


def _most(row: Calls) -> tuple[int, str]:
    return -row.total, row.name


def _channels(
    codes: tuple[str, ...], calls: Mapping[Any, Any], asked: Mapping[Any, Asked], told: Mapping[Any, Told], today: date
) -> list[ChannelRow]:
    used = dict(ChannelDay.objects.filter(date=today).values_list("channel_id", "used"))
    rows = Channel.objects.filter(pk__in=codes).order_by("pk")
    return [
        ChannelRow(
            code=str(row.pk),
            calls=_calls(str(row.pk), calls.get(row.pk)),
            asked=asked.get(row.pk, Asked()),
            told=told.get(row.pk, Told()),
            used=used.get(row.pk, 0),
            quota=row.day_quota,
            stopped=row.precheck_stopped_at is not None,
        )
        for row in rows
    ]
