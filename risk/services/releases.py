"""Releasing a flow and putting it in force. What the publish gate refuses is never stored."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from lending.common.errors import Conflict, Invalid, NotFound
from lending.common.remembered import remembered
from risk.models import Binding, Release, ReleaseForm, Scenario
from risk.rules import engine, gate
from risk.rules.document import ENGINE, SCHEMA_VERSION, Flow, digest, export, references
from users.services import acts

_addresses: dict[tuple[int, str], str] = {}  # a release never changes, so a process reads each one once


class RefusedByGate(Invalid):
    """Data `problems`: one object per problem, as `strategy check` prints them."""

    code, title = "refused_by_gate", "The flow would fail in silence and is not released"


class OwnWork(Conflict):
    code, title = "own_work", "Nobody releases what they wrote"


class NothingElseServes(Conflict):
    code, title = "nothing_else_serves", "Nothing else would serve this scenario"


class AlreadyBegun(Conflict):
    code, title = "already_begun", "This is in force already; roll back instead"


class SameInstant(Conflict):
    code, title = "same_instant", "Something else comes into force here at the same instant; choose another"


@dataclass(frozen=True)
class Scope:
    """What a binding serves. Empty product, channel or segment: any."""

    scenario: str
    role: str = Binding.Role.DECIDE
    product_code: str = ""
    channel_code: str = ""
    segment: str = ""

    def __str__(self) -> str:
        named = (self.product_code, self.channel_code, self.segment)
        return f"{self.scenario} ({' · '.join(name for name in named if name) or 'everywhere'})"

    @property
    def columns(self) -> dict[str, str]:
        return {
            "role": self.role,
            "product_code": self.product_code,
            "channel_code": self.channel_code,
            "segment": self.segment,
        }


def release(
    *,
    flow: Flow,
    form: str = ReleaseForm.FLOW,
    authored: Mapping[str, Any] | None = None,
    author: str,
    approver: str,
    at: datetime,
    tests: Sequence[Mapping[str, Any]] = (),
    emergency_until: datetime | None = None,
    asks: Mapping[str, Release] | None = None,
) -> Release:
    """The next version of `flow.key`, sub-decisions pinned to `asks`, else to their latest; an unchanged one stands.

    Raises RefusedByGate, OwnWork, NotFound (scenario, or a sub-decision that was never released).
    """
    if author == approver and emergency_until is None:
        raise OwnWork
    scenario = Scenario.objects.select_for_update().filter(code=flow.scenario or "").first()
    if scenario is None:
        raise NotFound(f"There is no scenario {flow.scenario!r}.")
    asked = {key: (asks or {}).get(key) or _latest(key) for _, key in references(flow.graph)}
    pins = {key: row.pk for key, row in asked.items()}
    below = [flow_of(row) for row in _closure(pins.values())]
    enveloped = Flow(
        key=flow.key,
        graph=flow.graph,
        scenario=flow.scenario,
        envelope=flow.envelope or export(key=flow.key, scenario=flow.scenario or "", graph=flow.graph),
        file=f"{flow.key}.json",
    )
    if problems := [found for found in gate.check([enveloped, *below]) if found.file == enveloped.file]:
        first = problems[0]
        raise RefusedByGate(
            f"{first.node} {first.field}: {first.message}".strip(), problems=[vars(problem) for problem in problems]
        )
    former = Release.objects.filter(key=flow.key).order_by("-version").first()
    sha256 = digest({"graph": flow.graph, "pins": pins})
    if former and former.sha256 == sha256 and former.emergency_until is None:
        return former
    return Release.objects.create(
        key=flow.key,
        version=(former.version if former else 0) + 1,
        scenario=scenario,
        form=form,
        graph=flow.graph,
        authored=authored,
        pins=pins,
        sha256=sha256,
        closure_sha256=closure_digest([enveloped, *below]),
        tests=list(tests),
        emergency_until=emergency_until,
        schema_version=SCHEMA_VERSION,
        engine=ENGINE,
        author=author,
        approver=approver,
        released_at=at,
    )


def bind(
    *,
    scope: Scope,
    release: Release,
    by: str,
    reason: str,
    at: datetime,
    begins: datetime | None = None,
    until: datetime | None = None,
) -> Binding:
    """From `begins` (else `at`) on this release serves the scope; one that does already stands."""
    former = _exactly(scope, begins or at)
    if former and former.release_id == release.pk and former.in_force_until == until:
        return former
    return _bind(scope, release, by=by, reason=reason, at=at, begins=begins or at, until=until)


def roll_back(*, binding_id: int, by: str, reason: str, at: datetime) -> Binding:
    """What served this scope before the binding serves again: its former release, or where it had none the wider scope.

    Raises NotFound, NothingElseServes, NotAllowed.
    """
    row = _locked(binding_id)
    scope = scope_of(row)
    current = _exactly(scope, at)
    if current is None or current.pk != row.pk:
        raise NotFound(f"{row} is not what serves {scope} now.")
    former = next((each for each in _history(scope, at) if each.release_id != current.release_id), None)
    release = former.release if former else None
    if release is None and _narrowest(_covering(scope, at).exclude(**scope.columns)) is None:
        raise NothingElseServes(f"Nothing served {scope} before; retire it, or release something else.")
    acts.record(
        by=by, act="roll_back", subject=f"binding:{row.pk}", reason=reason, at=at, permission="risk.put_in_force"
    )
    until = former.in_force_until if former and release else None
    return _bind(scope, release, by=by, reason=reason, at=at, begins=at, until=until)


def retire(*, binding_id: int, by: str, reason: str, at: datetime) -> Binding:
    """The scope ends; the wider one serves. Raises NotFound, NothingElseServes, NotAllowed."""
    row = _locked(binding_id)
    scope = scope_of(row)
    current = _exactly(scope, at)
    if current is None or current.pk != row.pk:
        raise NotFound(f"{row} is not what serves {scope} now.")
    if not (scope.product_code or scope.channel_code or scope.segment) and scope.role == Binding.Role.DECIDE:
        raise NothingElseServes(f"{scope} is the widest: without it {scope.scenario} could decide nothing.")
    acts.record(
        by=by, act="retire_strategy", subject=f"binding:{row.pk}", reason=reason, at=at, permission="risk.put_in_force"
    )
    return _bind(scope, None, by=by, reason=reason, at=at, begins=at, until=None)


def cancel_binding(*, binding_id: int, by: str, reason: str, at: datetime) -> None:
    """One that has not begun never will. Raises NotFound, AlreadyBegun, NotAllowed."""
    row = _locked(binding_id)
    if row.cancelled_at or row.in_force_from <= at:
        raise AlreadyBegun
    acts.record(
        by=by, act="cancel_binding", subject=f"binding:{row.pk}", reason=reason, at=at, permission="risk.put_in_force"
    )
    row.cancelled_by, row.cancelled_at = by, at
    row.save(update_fields=["cancelled_by", "cancelled_at"])


def in_force(
    *, scenario: str, role: str, product_code: str, channel_code: str, at: datetime, segment: str = ""
) -> Binding | None:
    """The narrowest binding in force, the latest of its kind; product before channel before segment."""
    around = [("", product_code), ("", channel_code), ("", segment)]
    return _narrowest(
        row
        for row in _bindings(scenario, role)
        if row.in_force_from <= at
        and (row.in_force_until is None or row.in_force_until > at)
        and all(
            own in codes for own, codes in zip((row.product_code, row.channel_code, row.segment), around, strict=True)
        )
    )


@remembered
def _bindings(scenario: str, role: str) -> tuple[Binding, ...]:
    rows = Binding.objects.filter(scenario__code=scenario, role=role, cancelled_at=None)
    light = rows.defer("release__graph", "release__authored", "release__tests")
    return tuple(light.select_related("release__scenario", "scenario"))


def serving(scope: Scope, at: datetime) -> Release | None:
    """What `in_force` has there; None also where a scope was retired."""
    binding = _narrowest(_covering(scope, at))
    return binding.release if binding else None


def is_as_shipped(scope: Scope, shipped: str) -> bool:
    """Nobody has put anything else in force here, nor is about to."""
    rows = Binding.objects.filter(scenario__code=scope.scenario, cancelled_at=None, **scope.columns)
    return not rows.exclude(reason=shipped).exists()


def scope_of(row: Binding) -> Scope:
    return Scope(row.scenario.code, row.role, row.product_code, row.channel_code, row.segment)


def _live(at: datetime) -> QuerySet[Binding]:
    return Binding.objects.select_related("release__scenario", "scenario").filter(
        Q(in_force_until=None) | Q(in_force_until__gt=at), in_force_from__lte=at, cancelled_at=None
    )


def _covering(scope: Scope, at: datetime) -> QuerySet[Binding]:
    """The bindings of this scope and of the wider ones around it."""
    return _live(at).filter(
        scenario__code=scope.scenario,
        role=scope.role,
        product_code__in=["", scope.product_code],
        channel_code__in=["", scope.channel_code],
        segment__in=["", scope.segment],
    )


def _narrowest(rows: Iterable[Binding]) -> Binding | None:
    latest: dict[tuple[bool, bool, bool], Binding] = {}
    for row in sorted(rows, key=lambda row: (row.in_force_from, row.pk)):
        latest[bool(row.product_code), bool(row.channel_code), bool(row.segment)] = row
    serving = {narrowness: row for narrowness, row in latest.items() if row.release_id is not None}
    return serving[max(serving)] if serving else None


def _history(scope: Scope, at: datetime) -> QuerySet[Binding]:
    """The bindings of exactly this scope that may serve now, the latest first."""
    return _live(at).filter(scenario__code=scope.scenario, **scope.columns).order_by("-in_force_from", "-pk")


def _exactly(scope: Scope, at: datetime) -> Binding | None:
    return _history(scope, at).first()


def _locked(binding_id: int) -> Binding:
    row = Binding.objects.select_for_update(of=("self",)).select_related("scenario").filter(pk=binding_id).first()
    if row is None:
        raise NotFound("There is no such binding.")
    return row


def _bind(
    scope: Scope,
    release: Release | None,
    *,
    by: str,
    reason: str,
    at: datetime,
    begins: datetime,
    until: datetime | None,
) -> Binding:
    scenario = Scenario.objects.select_for_update().get(code=scope.scenario)
    if Binding.objects.filter(scenario=scenario, in_force_from=begins, cancelled_at=None, **scope.columns).exists():
        raise SameInstant
    return Binding.objects.create(
        scenario=scenario,
        release=release,
        in_force_from=begins,
        in_force_until=until,
        by=by,
        reason=reason,
        created_at=at,
        **scope.columns,
    )


def closure_digest(flows: Iterable[Flow]) -> str:
    """The content of a flow with all that it asks, whoever released it and when."""
    return digest({flow.key: flow.graph for flow in flows})


def address(row: Release) -> str:
    """Where the evaluator keeps this release, loaded with everything it pins."""
    known = (row.pk, row.sha256)  # with its hash, because tests reuse numbers
    if known not in _addresses:
        flows = [flow_of(each) for each in _closure([row.pk])]
        _addresses[known] = engine.load(flows)[row.key]
    return _addresses[known]


def flow_of(row: Release) -> Flow:
    document = export(key=row.key, scenario=row.scenario.code, graph=row.graph) | {"engine": row.engine}
    return Flow(key=row.key, graph=row.graph, scenario=row.scenario.code, envelope=document, file=f"{row.key}.json")


def flows_of(row: Release) -> list[Flow]:
    """The release first, then all that it pins."""
    rows = _closure([row.pk])
    return [flow_of(each) for each in sorted(rows, key=lambda each: each.pk != row.pk)]


def closure(row: Release) -> list[Release]:
    """The release and all that it pins, at any depth."""
    return _closure([row.pk])


def latest(key: str) -> Release | None:
    """The newest regular version; one of an emergency stays with the binding it was made for."""
    return Release.objects.select_related("scenario").filter(key=key, emergency_until=None).order_by("-version").first()


def _latest(key: str) -> Release:
    row = latest(key)
    if row is None:
        raise NotFound(f"The sub-decision {key!r} was never released.")
    return row


def _closure(ids: Iterable[int]) -> list[Release]:
    found: dict[int, Release] = {}
    waiting = set(ids)
    while waiting:
        rows = Release.objects.select_related("scenario").filter(pk__in=waiting)
        found |= {row.pk: row for row in rows}
        waiting = {pin for row in rows for pin in row.pins.values()} - set(found)
    return list(found.values())
