"""An outage drill as it goes: what our own side met since it began, and who was told."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

import risk.queries
from lending.overview.dashboard import May
from users import queries as users


@dataclass(frozen=True, slots=True)
class DrillPage:
    """`path`: what the register says shall happen. `met`, `checks`, `notices`: None where the reader may not see them.

    `minutes_left`: 0 where it is over.
    """

    drill: users.DrillView
    minutes_left: int
    path: str
    met: tuple[risk.queries.Met, ...] | None
    counted: tuple[tuple[str, int], ...]
    checks: tuple[users.CheckMet, ...] | None
    notices: tuple[users.NoticeView, ...] | None


def drill_page(drill_id: int, *, may: May, at: datetime) -> DrillPage:
    """Raises NotFound."""
    drill = users.drill(drill_id)
    until = min(at, drill.over_at)
    span = {"since": drill.started_at, "until": until}
    met = risk.queries.met(drill.source_code, **span) if may("risk.DataPull") else None
    checks = users.checks_met(drill.source_code, **span) if may("users.Check") else None
    subjects = [f"drill:{drill.id}", f"source:{drill.source_code}", f"source:{drill.fallback}"]
    return DrillPage(
        drill=drill,
        minutes_left=max(-int((at - drill.over_at).total_seconds() // 60), 0) if at < drill.over_at else 0,
        path=_path(drill),
        met=met,
        counted=_counted(met or (), checks or ()),
        checks=checks,
        notices=users.notices_about(subjects, since=drill.started_at) if may("users.Notice") else None,
    )


DEAD = {
    "stop": "the decision stops: declined",
    "refer": "the decision goes to a person",
    "unknown": "the decision goes on, its variables unknown",
}


def _path(drill: users.DrillView) -> str:
    first = f"{drill.fallback} is asked in its place; where that is silent too, " if drill.fallback else ""
    return f"{first}{DEAD[drill.dead]}."


def _counted(met: tuple[risk.queries.Met, ...], checks: tuple[users.CheckMet, ...]) -> tuple[tuple[str, int], ...]:
    """How often each way was taken, of what is shown."""
    ways = Counter(_way(row) for row in met)
    ways += Counter(f"answered by {row.answered_by}" if row.answered_by else row.state for row in checks)
    return tuple(ways.most_common())


def _way(row: risk.queries.Met) -> str:
    if row.state == "pending":
        return "still asking"
    if row.state == "answered":
        return "answered by itself"
    return f"answered by {row.fallback}" if row.fallback_state == "answered" else "no answer: unknown"
