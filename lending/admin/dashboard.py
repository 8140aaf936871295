"""The first page of the back office: what waits, what is late, what changed. Everybody sees what they may view."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest

import funding.queries
import review.queries
from lending import overview
from lending.admin.navigation import address, may_view
from lending.common import clock
from users import queries as users

PERIODS = ((1, "Today"), (7, "7 days"), (30, "30 days"))
STEPS = ("started", "submitted", "granted", "drawn", "paid")
ACTS = 8


@dataclass(frozen=True, slots=True)
class Bar:
    """A step of the funnel: `share` of what was started, `of_former` of the step before, in whole per cent."""

    name: str
    count: int
    before: int
    share: int
    of_former: int | None


@dataclass(frozen=True, slots=True)
class Stack:
    """A programme's day, in per cent of its cap: `reserved_from` is where the reserved part begins."""

    row: funding.queries.Headroom
    committed: int
    reserved: int

    @property
    def used(self) -> int:
        return self.committed + self.reserved


def context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's callback for the index."""
    at = clock.now()

    def may(label: str) -> bool:
        return may_view(label, request)

    days = _days(request)
    shown: dict[str, Any] = {"title": "Dashboard", "at": at, "periods": PERIODS, "days": days}
    if may("lending.Application") and may("lending.Drawdown"):
        funnel = overview.funnel(days=days, at=at)
        shown |= {"funnel": funnel, "bars": bars(funnel)}
    waiting = overview.waiting(may=may, at=at)
    shown["waiting"] = [(row, _link(row.label, row.query)) for row in waiting]
    shown["late"] = sum(row.late for row in waiting)
    shown["waits_shown"] = may("review.Case") or may("lending.Drawdown") or may("lending.Supplement")
    if may("review.Case"):
        shown["mine"] = review.queries.cases_held_by(request.user.pk or 0)
    if may("funding.HeadroomDay"):
        shown["stacks"] = [stack(row) for row in overview.headroom(at)]
    if may("risk.DataPull"):
        spend = overview.spend(at)
        shown |= {"spend": spend, "spent_share": _share(spend.spent_cents, spend.budget_cents)}
        shown["spend_page"] = may("risk.Budget")
        shown["alarm_share"] = _share(spend.alarm_cents, spend.budget_cents)
    alarms = overview.alarms(may=may, permitted=request.user.has_perm, at=at)
    shown["alarms"] = [(alarm, _link(alarm.label, alarm.query)) for alarm in alarms]
    if may("users.StaffAct"):
        shown["acts"] = users.latest_acts(ACTS)
    return context | shown


def _days(request: HttpRequest) -> int:
    asked = request.GET.get("days", "")
    return int(asked) if asked in {str(days) for days, _ in PERIODS} else 1


def _link(label: str, query: str) -> str:
    return f"{address(label)}?{query}" if query else address(label)


def bars(funnel: overview.Funnel) -> Sequence[Bar]:
    counts = [getattr(funnel.total, step) for step in STEPS]
    return [
        Bar(
            name=step,
            count=count,
            before=getattr(funnel.before, step),
            share=_share(count, counts[0]),
            of_former=_share(count, counts[place - 1]) if place else None,
        )
        for place, (step, count) in enumerate(zip(STEPS, counts, strict=True))
    ]


def stack(row: funding.queries.Headroom) -> Stack:
    return Stack(row, _share(row.committed_cents, row.cap_day_cents), _share(row.reserved_cents, row.cap_day_cents))


def _share(part: int, whole: int) -> int:
    return min(round(100 * part / whole), 100) if whole else 0
