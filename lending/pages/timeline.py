"""What happened, what is now, what comes next: for the vertical line of a status page."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from lending import queries
from lending.pages import words
from lending.queries import DrawdownView, EventView

UNTOLD = {"DRAFT"}  # how it began is of no interest once it is sent


@dataclass(frozen=True, slots=True)
class Moment:
    """`when` is None for what has not happened. place: done, now or next."""

    state: words.State
    place: str
    when: datetime | None = None


def of(subject: str, status: str, events: Sequence[EventView]) -> list[Moment]:
    """Of one application or drawdown in `status`; repeated events of one state are told once."""
    told = [row for row in events if row.subject == subject and row.target not in UNTOLD]
    steps: list[EventView] = []
    for row in told:
        if not steps or steps[-1].target != row.target:
            steps.append(row)
    texts = words.STATES[subject]
    happened = [Moment(texts[row.target], "done", row.occurred_at) for row in steps if row.target in texts]
    if happened:
        happened[-1] = Moment(happened[-1].state, "now", happened[-1].when)
    return happened + [Moment(texts[name], "next") for name in words.AHEAD.get(status, ())]


def of_application(application_id: int, status: str) -> list[Moment]:
    return of("application", status, queries.timeline(application_id))


def of_drawdown(row: DrawdownView) -> list[Moment]:
    state = words.state("drawdown", row)
    moments = of("drawdown", row.status, queries.timeline(row.application_id, drawdown_id=row.id))
    if state is words.ALL_REFUSED:  # nothing comes next
        moments = [one for one in moments if one.place != "next"]
    return [replace(one, state=state) if one.place == "now" else one for one in moments]
