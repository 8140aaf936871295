"""Measures the days of every release that decides, against its backtest; raises the alarm once a day and release."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Func, Max
from django.utils import timezone

from lending.common import clock
from risk.models import Backtest, BacktestState, Decision, MonitoringDay, Release, Scenario
from risk.rules import monitoring
from risk.rules.monitoring import FIRST_DAYS, LOOKED_AT, Level
from users.services import notices

BACK_DAYS = 31  # how far back a day is measured that nobody measured: the scheduler was off


def run_measure(*, at: datetime) -> int:
    """Measure every day that moved since it was measured, and yesterday once more after its end; how many days.

    Running it twice changes nothing. A transaction of its own for each day.
    """
    days = _moved(at)
    for scenario_id, day in sorted(days):
        with transaction.atomic(durable=True):
            measure(scenario_id=scenario_id, day=day, at=at)
    return len(days)


def measure(*, scenario_id: int, day: date, at: datetime) -> None:
    """Write the day of each release that decided in the scenario, anew where there is one."""
    scenario = Scenario.objects.select_for_update().get(pk=scenario_id)
    decided = Decision.objects.filter(
        scenario=scenario, step=scenario.code, decided_at__gte=_begins(day), decided_at__lt=_begins(day + _DAY)
    )
    for release_id in decided.order_by().values_list("release", flat=True).distinct():
        release = Release.objects.get(pk=release_id)
        _write(release, scenario, day, _figures(decided.filter(release=release), scenario), at)


def level_for(release: Release, scenario: Scenario) -> Level | None:
    """What the release should keep: its latest backtest, else its first full week; None while neither is there."""
    tested = Backtest.objects.filter(candidate_sha256=release.closure_sha256, state=BacktestState.DONE).order_by("-pk")
    if (row := tested.only("summary").first()) is not None:
        return monitoring.of_backtest(row.pk, row.summary)
    days = MonitoringDay.objects.filter(release=release, scenario=scenario).order_by("day")
    first = days.first()
    if first is None:
        return None
    week = days.filter(day__lt=first.day + timedelta(days=FIRST_DAYS))
    if not days.filter(day__gte=first.day + timedelta(days=FIRST_DAYS)).exists():
        return None
    columns = ("decisions", "approved", "scores", "unknown", "looked_at", "reasons")
    return monitoring.of_days([{name: getattr(row, name) for name in columns} for row in week])


_DAY = timedelta(days=1)


def _moved(at: datetime) -> set[tuple[int, date]]:
    today = clock.business_date(at)
    known = MonitoringDay.objects.aggregate(last=Max("through_id"))["last"] or 0
    fresh = Decision.objects.filter(
        pk__gt=known, step=F("scenario__code"), decided_at__gte=_begins(today - BACK_DAYS * _DAY)
    )
    found = {(pk, clock.business_date(decided)) for pk, decided in fresh.values_list("scenario", "decided_at")}
    # A decision may be stored later than one with a higher number: a day is counted once more when it is over.
    ended = MonitoringDay.objects.filter(day__gte=today - BACK_DAYS * _DAY, day__lt=today)
    unfinished = {(pk, day) for pk, day, measured in ended.values_list("scenario", "day", "measured_at")
                  if measured < _begins(day + _DAY)}  # fmt: skip
    return found | unfinished


def _figures(decided: Any, scenario: Scenario) -> dict[str, Any]:
    outcomes = dict(decided.order_by().values_list("outcome").annotate(n=Count("pk")))
    reasons = decided.order_by().annotate(reason=Func(F("reasons"), function="unnest")).values_list("reason")
    scores = decided.filter(score__isnull=False).order_by("score").values_list("score").annotate(n=Count("pk"))
    unknown: Counter[str] = Counter()
    looked_at = 0
    for text in decided.order_by("-pk").values_list("inputs", flat=True)[:LOOKED_AT]:
        looked_at += 1
        inputs: Mapping[str, Any] = json.loads(text)
        unknown.update(name for name in scenario.inputs if inputs.get(name) is None)
    return {
        "decisions": sum(outcomes.values()),
        "approved": outcomes.get("approve", 0),
        "referred": outcomes.get("refer", 0),
        "declined": outcomes.get("decline", 0),
        "reasons": dict(Counter(reason for (reason,) in reasons)),
        "scores": [[score, count] for score, count in scores],
        "unknown": {name: count / looked_at for name, count in sorted(unknown.items())},
        "looked_at": looked_at,
        "through_id": decided.aggregate(last=Max("pk"))["last"],
    }


def _write(release: Release, scenario: Scenario, day: date, figures: dict[str, Any], at: datetime) -> None:
    level = level_for(release, scenario)
    psi = monitoring.score_psi(figures["scores"], level) if level else None
    found = (
        monitoring.alarms(
            decisions=figures["decisions"],
            approved=figures["approved"],
            psi=psi,
            unknown=figures["unknown"],
            level=level,
        )
        if level
        else []
    )
    row, _ = MonitoringDay.objects.update_or_create(
        release=release,
        scenario=scenario,
        day=day,
        defaults=figures
        | {
            "score_psi": psi,
            "compared_with": level.whose if level else "",
            "alarms": [asdict(alarm) for alarm in found],
            "measured_at": at,
        },
    )
    if found and row.alarmed_at is None:
        row.alarmed_at = at
        row.save(update_fields=["alarmed_at"])
        moved = "; ".join(monitoring.told(alarm) for alarm in found)
        notices.raise_notice(
            kind="strategy_moved",
            subject=f"monitoringday:{row.pk}",
            text=f"{release} on {day}: {moved}. Held against {row.compared_with}.",
            at=at,
        )


def _begins(day: date) -> datetime:
    """The first instant of a business day."""
    return timezone.make_aware(datetime.combine(day, time.min))
