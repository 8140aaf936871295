"""The console of partners as tables: what its page shows behind its charts, and what is downloaded."""

from dataclasses import astuple

from lending.common import charts
from lending.common.tables import Table, share
from traffic.queries.console import Calls, Console
from traffic.queries.reconciliation import HEAD, Line

CALLS = ("Calls", "Good", "Refused", "Failed", "p50 ms", "p95 ms")
TOLD = ("In time", "Late", "On their way", "Given up", "Kept")


def tables(found: Console) -> list[Table]:
    """Without that of the channels, which the page shows itself."""
    return [_days(found), _latency(found), _operations(found), _verdicts(found), _prechecks(found), _told(found)]


def channels(found: Console) -> Table:
    rows = [
        (
            row.code,
            *_cells(row.calls),
            str(row.used),
            str(row.quota or "-"),
            str(row.asked.prechecks),
            share(row.asked.hit_ratio),
            *_pushes(row.told),
        )
        for row in found.channels
    ]
    head = ("Channel", *CALLS, "Quota used today", "Quota a day", "Prechecks", "Hit ratio", *TOLD)
    return Table("channels", "Channels", head, rows)


def reconciliation(lines: list[Line]) -> Table:
    return Table("reconciliation", "Reconciliation", HEAD, [tuple(map(str, astuple(line))) for line in lines])


def ms(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _cells(row: Calls) -> tuple[str, ...]:
    return (*map(str, (row.total, row.good, row.refused, row.failed)), ms(row.p50), ms(row.p95))


def _pushes(row: object) -> tuple[str, ...]:
    return tuple(str(getattr(row, name)) for name in ("in_time", "late", "waiting", "failed", "kept"))


def _days(found: Console) -> Table:
    rows = [row for row, _, _ in found.days]
    chart = charts.columns(
        "Calls a day",
        [row.name for row in rows],
        [
            ("good", "first", [row.good for row in rows]),
            ("refused", "third", [row.refused for row in rows]),
            ("failed", "fourth", [row.failed for row in rows]),
        ],
        _whole,
    )
    return Table("days", "Calls", ("Day", *CALLS), [_cells_of(row) for row in rows if row.total], chart)


def _cells_of(row: Calls) -> tuple[str, ...]:
    return (row.name, *_cells(row))


def _latency(found: Console) -> Table:
    rows = [row for row, _, _ in found.days]
    chart = charts.lines(
        "Latency a day, milliseconds",
        [row.name for row in rows],
        [("p50", "first", [row.p50 for row in rows]), ("p95", "third", [row.p95 for row in rows])],
        _whole,
    )
    cells = [(row.name, ms(row.p50), ms(row.p95)) for row in rows if row.p50 is not None]
    told = "From the signed request to the answer, within the platform. 95 of 100 calls take no longer than p95."
    return Table("latency", "Latency", ("Day", "p50 ms", "p95 ms"), cells, chart, told)


def _operations(found: Console) -> Table:
    return Table("operations", "Operations", ("Operation", *CALLS), [_cells_of(row) for row in found.operations])


def _verdicts(found: Console) -> Table:
    of_all = {row.name: row.total for row in found.operations}
    rows = [
        (
            f"{row.operation.replace('_', ' ')}: {row.word.replace('_', ' ') or 'answered'}",
            "refused" if row.refused else "good",
            str(row.count),
            share(row.count / of_all[row.operation]),
        )
        for row in found.verdicts
    ]
    told = "A precheck by prefix is answered with a bucket: which of its answers held, only the channel knows."
    return Table("verdicts", "Verdicts", ("Verdict", "Answer", "Calls", "Of the operation"), rows, told=told)


def _prechecks(found: Console) -> Table:
    rows = [(row.name, asked) for row, asked, _ in found.days]
    chart = charts.columns(
        "Share of prechecks that were of people we know, a day",
        [name for name, _ in rows],
        [("", "third", [asked.hit_ratio for _, asked in rows])],
        share,
    )
    cells = [(name, str(row.prechecks), str(row.hits), share(row.hit_ratio)) for name, row in rows if row.prechecks]
    told = "Prechecks of a channel stop where more than 35 % of its last 1,000 were of people we know."
    return Table("prechecks", "Prechecks", ("Day", "Prechecks", "Hits", "Hit ratio"), cells, chart, told)


def _told(found: Console) -> Table:
    rows = [(row.name, told) for row, _, told in found.days]
    chart = charts.columns(
        "Statuses told a day",
        [name for name, _ in rows],
        [
            ("in time", "first", [row.in_time for _, row in rows]),
            ("late or on their way", "third", [row.late + row.waiting for _, row in rows]),
            ("given up", "fourth", [row.failed for _, row in rows]),
        ],
        _whole,
    )
    cells = [(name, *_pushes(row)) for name, row in rows if row.total]
    return Table("callbacks", "Callbacks", ("Day", *TOLD), cells, chart, "Late: taken more than a minute after.")
