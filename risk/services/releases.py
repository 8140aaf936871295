"""Releasing a flow and putting it in force. What the publish gate refuses is never stored."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from lending.common.errors import Conflict, Invalid, NotFound
from risk.models import Binding, Release, ReleaseForm, Scenario
from risk.rules import engine, gate
from risk.rules.document import ENGINE, SCHEMA_VERSION, Flow, digest, export, references

_addresses: dict[tuple[int, str], str] = {}  # a release never changes, so a process reads each one once


class RefusedByGate(Invalid):
    """Data `problems`: one object per problem, as `strategy check` prints them."""

    code, title = "refused_by_gate", "The flow would fail in silence and is not released"


class OwnWork(Conflict):
    code, title = "own_work", "Nobody releases what they wrote"


def release(
    *,
    flow: Flow,
    form: str = ReleaseForm.FLOW,
    authored: Mapping[str, Any] | None = None,
    author: str,
    approver: str,
    at: datetime,
) -> Release:
    """The next version of `flow.key`, its sub-decisions pinned to their latest releases; an unchanged one stands.

    Raises RefusedByGate, OwnWork, NotFound (scenario, or a sub-decision that was never released).
    """
    if author == approver:
        raise OwnWork
    scenario = Scenario.objects.select_for_update().filter(code=flow.scenario or "").first()
    if scenario is None:
        raise NotFound(f"There is no scenario {flow.scenario!r}.")
    pins = {key: _latest(key).pk for _, key in references(flow.graph)}
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
    if former and former.sha256 == sha256:
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
        schema_version=SCHEMA_VERSION,
        engine=ENGINE,
        author=author,
        approver=approver,
        released_at=at,
    )


def bind(
    *, scenario: str, role: str, release: Release, product_code: str = "", channel_code: str = "", at: datetime
) -> Binding:
    """From `at` on this release serves the scenario; what already does is left as it is."""
    former = in_force(scenario=scenario, role=role, product_code=product_code, channel_code=channel_code, at=at)
    exact = former and (former.product_code, former.channel_code) == (product_code, channel_code)
    if former and exact and former.release_id == release.pk:
        return former
    return Binding.objects.create(
        scenario=Scenario.objects.get(code=scenario),
        role=role,
        release=release,
        product_code=product_code,
        channel_code=channel_code,
        in_force_from=at,
    )


def in_force(*, scenario: str, role: str, product_code: str, channel_code: str, at: datetime) -> Binding | None:
    """The narrowest binding in force, the latest of its kind; a product counts as narrower than a channel."""
    latest: dict[tuple[bool, bool], Binding] = {}
    rows = Binding.objects.select_related("release", "scenario").filter(
        scenario__code=scenario,
        role=role,
        product_code__in=["", product_code],
        channel_code__in=["", channel_code],
        in_force_from__lte=at,
    )
    for row in rows.order_by("in_force_from", "pk"):
        latest[bool(row.product_code), bool(row.channel_code)] = row
    return latest[max(latest)] if latest else None


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


def _latest(key: str) -> Release:
    row = Release.objects.filter(key=key).order_by("-version").first()
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
