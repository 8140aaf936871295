"""What the monitoring page of a scenario shows: a release by day against its level, charts first, the table behind."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from risk import queries
from risk.admin import charts
from risk.admin.backtest_page import decimal, share
from risk.models import MonitoringDay, Scenario
from risk.rules import monitoring

REASONS = 8


def composed(scenario: Scenario, release_id: int | None, at: datetime) -> dict[str, Any]:
    """The values of `risk/monitoring.html`. `release_id`: else what serves now, else what was released last."""
    found = queries.watched(scenario=scenario, release_id=release_id, at=at)
    shown: dict[str, Any] = {
        "scenario": scenario,
        "watched": found.releases,
        "serving": found.serving,
        "thresholds": THRESHOLDS,
    }
    if found.release is None:
        return shown
    return shown | {
        "release": found.release,
        "is_serving": found.release == found.serving,
        "level": found.level,
        "charts": _charts(found.days, found.level),
        "days": [_day(row) for row in reversed(found.days)],
        "reasons": _reasons(found.days, found.level),
        "unknown": _unknown(found.days[-1], found.level),
        "last": found.days[-1],
        "min_decisions": monitoring.MIN_DECISIONS,
    }


THRESHOLDS = (
    ("Approval rate", f"{monitoring.APPROVAL_POINTS * 100:.0f} points off the level, either way"),
    ("Score PSI", f"above {monitoring.PSI_LINE:g}"),
    ("Unknown rate of a variable", f"{monitoring.UNKNOWN_POINTS * 100:.0f} points above the level"),
)


def _charts(days: Sequence[MonitoringDay], level: monitoring.Level | None) -> list[charts.Line]:
    names = [row.day.isoformat() for row in days]
    whose = level.whose if level else ""
    found = [
        charts.line(
            "Approval rate",
            names,
            [row.approval_rate for row in days],
            [_alarmed(row, "approval rate") for row in days],
            level=level.approval if level else None,
            level_name=whose,
            shown=share,
            most=1.0,
        ),
        charts.line(
            "Score PSI",
            names,
            [row.score_psi for row in days],
            [_alarmed(row, "score PSI") for row in days],
            level=monitoring.PSI_LINE if level else None,
            level_name="alarm above",
            shown=decimal,
        ),
        charts.line(
            "Least known variable: unknown rate",
            names,
            [max(row.unknown.values(), default=0.0) for row in days],
            [_alarmed(row, "unknown rate") for row in days],
            level=max(level.unknown.values(), default=0.0) if level else None,
            level_name=whose,
            shown=share,
            most=1.0,
        ),
        charts.line(
            "Decisions",
            names,
            [float(row.decisions) for row in days],
            [False] * len(days),
            level=None,
            level_name="",
            shown=_whole,
        ),
    ]
    return [chart for chart in found if chart is not None]


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _alarmed(row: MonitoringDay, figure: str) -> bool:
    return any(alarm["figure"].startswith(figure) for alarm in row.alarms)


def _day(row: MonitoringDay) -> dict[str, Any]:
    worst = max(row.unknown.items(), key=lambda item: item[1], default=("", 0.0))
    top = Counter(row.reasons).most_common(3)
    return {
        "row": row,
        "approval": share(row.approval_rate),
        "psi": decimal(row.score_psi),
        "unknown": f"{worst[0]} {share(worst[1])}" if worst[0] else "-",
        "reasons": " · ".join(f"{code} {count}" for code, count in top) or "-",
        "alarms": [monitoring.told(monitoring.Alarm(**alarm)) for alarm in row.alarms],
    }


def _reasons(days: Sequence[MonitoringDay], level: monitoring.Level | None) -> list[dict[str, Any]]:
    """The mix of the latest seven days beside the level's."""
    latest = days[-monitoring.FIRST_DAYS :]
    total = sum(row.decisions for row in latest) or 1
    counted: Counter[str] = Counter()
    for row in latest:
        counted.update(row.reasons)
    usual = level.reasons if level else {}
    codes = sorted({*counted, *usual}, key=lambda code: (-counted[code], code))[:REASONS]
    highest = max([counted[code] / total for code in codes] + [usual.get(code, 0.0) for code in codes], default=0) or 1
    return [
        {
            "code": code,
            "share": share(counted[code] / total),
            "usual": share(usual.get(code, 0.0)) if level else "-",
            "width": round(100 * counted[code] / total / highest, 2),
            "width_usual": round(100 * usual.get(code, 0.0) / highest, 2),
        }
        for code in codes
    ]


def _unknown(row: MonitoringDay, level: monitoring.Level | None) -> list[dict[str, Any]]:
    usual = level.unknown if level else {}
    found = sorted(row.unknown.items(), key=lambda item: -item[1])
    return [
        {"name": name, "share": share(rate), "usual": share(usual.get(name, 0.0)) if level else "-"}
        for name, rate in found
    ]
