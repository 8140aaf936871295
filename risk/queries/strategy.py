"""The register of strategies: what serves where, and the files of what is in force."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from risk.models import Binding, Release, Scenario, Variable
from risk.rules.document import export
from users import queries as users


def releases_in_force(at: datetime) -> dict[int, Release]:
    """By number: what serves some scenario at that instant, and what these pin, however deep."""
    found: dict[int, Release] = {}
    bindings = Binding.objects.select_related("release__scenario").filter(
        Q(in_force_until=None) | Q(in_force_until__gt=at), in_force_from__lte=at, cancelled_at=None
    )
    latest = {
        (row.scenario_id, row.role, row.product_code, row.channel_code, row.segment): row
        for row in bindings.order_by("in_force_from", "pk")
    }
    waiting = [row.release for row in latest.values() if row.release]
    while waiting:
        release = waiting.pop()
        if release.pk not in found:
            found[release.pk] = release
            waiting += list(Release.objects.select_related("scenario").filter(pk__in=release.pins.values()))
    return found


def released_documents(at: datetime) -> tuple[dict[str, Any], ...]:
    """The file form of every flow in force, and of what they ask, by key."""
    found = releases_in_force(at)
    newest = {row.key: row for row in sorted(found.values(), key=lambda row: row.version)}
    return tuple(
        export(key=key, scenario=newest[key].scenario.code, graph=newest[key].graph) | {"engine": newest[key].engine}
        for key in sorted(newest)
    )


@dataclass(frozen=True, slots=True)
class Served:
    """A line of the register: what serves a scope, served it, or will. `state`: serves, to come, earlier, retired or
    cancelled; `created`, `approved`: when its release was submitted and approved, by whom."""

    binding_id: int
    role: str
    where: str
    state: str
    release_id: int | None
    release: str
    since: datetime
    until: datetime | None
    author: str
    approver: str
    by: str
    reason: str
    may_roll_back: bool


def register(scenario: str, at: datetime) -> tuple[Served, ...]:
    """Every binding of a scenario, the widest scope first, the latest of each scope first."""
    rows = Binding.objects.filter(scenario__code=scenario).select_related("release", "scenario")
    rows = rows.order_by("role", "product_code", "channel_code", "segment", "-in_force_from", "-pk")
    released = [row.release for row in rows if row.release]
    states = states_of(rows, at)
    served: dict[tuple[Any, ...], set[int | None]] = defaultdict(set)
    for row in rows:
        served[_scope(row)].add(row.release_id)
    names = users.actor_names([*(row.by for row in rows), *(name for row in released for name in _people(row))])
    return tuple(
        Served(
            binding_id=row.pk,
            role=row.role,
            where=row.where,
            state=states[row.pk],
            release_id=row.release_id,
            release=str(row.release or "retired"),
            since=row.in_force_from,
            until=row.in_force_until,
            author=names[row.release.author] if row.release else "",
            approver=names[row.release.approver] if row.release else "",
            by=names[row.by],
            reason=row.reason,
            may_roll_back=states[row.pk] == "serves" and (row.where != "everywhere" or len(served[_scope(row)]) > 1),
        )
        for row in rows
    )


def inputs_of(scenario: str) -> tuple[Variable, ...]:
    """The scenario's variables, in its order."""
    names = Scenario.objects.values_list("inputs", flat=True).get(code=scenario)
    rows = {row.name: row for row in Variable.objects.filter(name__in=names)}
    return tuple(rows[name] for name in names if name in rows)


def states_of(rows: Iterable[Binding], at: datetime) -> dict[int, str]:
    """serves, to come, earlier, retired or cancelled: of each binding in its own scope, by its number."""
    found = list(rows)
    live = Binding.objects.filter(
        Q(in_force_until=None) | Q(in_force_until__gt=at),
        scenario__in={row.scenario_id for row in found},
        in_force_from__lte=at,
        cancelled_at=None,
    )
    serving = {_scope(row): row.pk for row in live.order_by("in_force_from", "pk")}
    return {row.pk: _state(row, serving.get(_scope(row)) == row.pk, at) for row in found}


def _scope(row: Binding) -> tuple[Any, ...]:
    return row.scenario_id, row.role, row.product_code, row.channel_code, row.segment


def _state(row: Binding, is_latest: bool, at: datetime) -> str:
    if row.cancelled_at:
        return "cancelled"
    if row.in_force_from > at:
        return "to come"
    if not is_latest:
        return "earlier"
    return "serves" if row.release_id else "retired"


def serves_everywhere(at: datetime) -> dict[str, str]:
    """The release that decides a scenario where nothing narrower does, by the scenario's code."""
    rows = Binding.objects.filter(
        Q(in_force_until=None) | Q(in_force_until__gt=at),
        role=Binding.Role.DECIDE,
        product_code="",
        channel_code="",
        segment="",
        in_force_from__lte=at,
        cancelled_at=None,
    ).select_related("release", "scenario")
    latest = {row.scenario.code: row.release for row in rows.order_by("in_force_from", "pk")}
    return {code: str(release) for code, release in latest.items() if release}


def _people(row: Release) -> tuple[str, str]:
    return row.author, row.approver
