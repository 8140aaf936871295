"""A release as it is watched in a scenario: its days, and the level it is held against."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from risk.models import Binding, MonitoringDay, Release, Scenario
from risk.rules.monitoring import Level
from risk.services import monitoring, releases

DAYS = 60


@dataclass(frozen=True, slots=True)
class Watched:
    """`releases`: all that were measured in the scenario; `release`: the chosen one, with its latest `days` in order.

    `serving`: what decides now, everywhere. `level`: None while there is nothing to hold it against.
    """

    releases: Sequence[Release]
    serving: Release | None
    release: Release | None
    level: Level | None
    days: Sequence[MonitoringDay]


def watched(*, scenario: Scenario, release_id: int | None, at: datetime) -> Watched:
    """`release_id`: which one; else what serves now, else what was released last."""
    found = list(
        Release.objects.filter(monitoring_days__scenario=scenario).distinct().only("key", "version").order_by("-pk")
    )
    binding = releases.in_force(
        scenario=scenario.code, role=Binding.Role.DECIDE, product_code="", channel_code="", at=at
    )
    serving = binding.release if binding else None
    wanted = release_id or (serving.pk if serving else None)
    chosen = next((row for row in found if row.pk == wanted), found[0] if found else None)
    if chosen is None:
        return Watched(found, serving, None, None, ())
    release = Release.objects.get(pk=chosen.pk)
    days = MonitoringDay.objects.filter(scenario=scenario, release=release).order_by("-day")[:DAYS]
    return Watched(found, serving, release, monitoring.level_for(release, scenario), list(days)[::-1])
