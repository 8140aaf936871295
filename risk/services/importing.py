"""Strategies from files into drafts: all of a set or none of it."""

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from datetime import datetime

from lending.common.errors import DomainError, Invalid, NotFound
from risk.models import Draft, ReleaseForm, Scenario
from risk.rules import gate
from risk.rules.document import Flow, export, references
from risk.rules.engine import names
from risk.rules.gate import Problem
from risk.services import drafts, releases


class RefusedImport(Invalid):
    """Data `problems`: file, node, field, code and message of each. Nothing was imported."""

    code, title = "refused_import", "The files were not imported"


@dataclass(frozen=True)
class Imported:
    """`draft` None: the newest release says the same already."""

    file: str
    key: str
    draft: Draft | None


def import_flows(*, flows: Sequence[Flow], scenario: str, by: str, at: datetime) -> list[Imported]:
    """A draft of each file; `scenario`: of bare graphs, which name none. References resolve among the files, then
    among what is released. Raises RefusedImport, NotFound, NotAllowed.
    """
    keys = {name: flow.key for flow in reversed(flows) for name in names(flow)}
    whole = [_in_scenario(_by_key(flow, keys), scenario) for flow in flows]
    mine = {flow.file for flow in whole}
    known = [*whole, *_released(whole)]
    problems = [problem for problem in gate.check(known) if problem.file in mine]
    if problems:
        raise _refusal(problems)
    return [_import(flow, by, at) for flow in whole]


def _by_key(flow: Flow, keys: Mapping[str, str]) -> Flow:
    """Files may refer to each other by their names; releases know keys alone."""
    graph = deepcopy(flow.graph)
    for node in graph["nodes"]:
        content = node.get("content")
        if node.get("type") == "decisionNode" and isinstance(content, dict):
            content["key"] = keys.get(str(content.get("key")), content.get("key"))
    return replace(flow, graph=graph)


def _in_scenario(flow: Flow, scenario: str) -> Flow:
    """A bare graph gets the envelope and, where it has none, the input schema of its scenario."""
    if flow.envelope is not None:
        return flow
    row = Scenario.objects.filter(code=scenario).first()
    if row is None:
        raise NotFound(f"{flow.file} names no scenario: say which one it is for.")
    for node in flow.nodes:
        content = node.setdefault("content", {}) if node.get("type") == "inputNode" else None
        if isinstance(content, dict) and not content.get("schema"):
            content["schema"] = json.dumps(row.input_schema, sort_keys=True)
    return replace(flow, scenario=scenario, envelope=export(key=flow.key, scenario=scenario, graph=flow.graph))


def _released(flows: Sequence[Flow]) -> list[Flow]:
    """What the files ask and do not bring."""
    brought = {flow.key for flow in flows}
    found: dict[str, Flow] = {}
    for flow in flows:
        for _, key in references(flow.graph):
            release = None if key in brought or key in found else releases.latest(key)
            for each in releases.flows_of(release) if release else ():
                if each.key not in brought:
                    found[each.key] = each
    return list(found.values())


def _import(flow: Flow, by: str, at: datetime) -> Imported:
    newest = releases.latest(flow.key)
    if newest and newest.graph == flow.graph:
        return Imported(flow.file, flow.key, None)
    if newest and newest.form in (ReleaseForm.RULE_SET, ReleaseForm.SCORECARD):
        message = f"{flow.key} is a {newest.get_form_display().lower()}: change it in its own form, not as a graph"
        raise _refusal([Problem(flow.file, "", "key", "of_another_form", message)])
    form = newest.form if newest else ReleaseForm.TABLE if _is_table(flow) else ReleaseForm.FLOW
    try:
        draft = drafts.begin(key=flow.key, scenario=flow.scenario or "", form=form, title=flow.key, by=by, at=at)
        drafts.save(draft_id=draft.pk, revision=draft.revision, authored=flow.graph, by=by, at=at)
    except (drafts.AtWorkAlready, drafts.BadKey, drafts.OfAnotherForm, drafts.TooLarge) as error:
        raise _refusal([Problem(flow.file, "", "key", error.code, error.detail)]) from error
    return Imported(flow.file, flow.key, draft)


def _is_table(flow: Flow) -> bool:
    return sorted(str(node.get("type")) for node in flow.nodes) == ["decisionTableNode", "inputNode", "outputNode"]


def _refusal(problems: Sequence[Problem]) -> DomainError:
    first = problems[0]
    return RefusedImport(
        f"{first.file} {first.node} {first.field}: {first.message}", problems=[vars(problem) for problem in problems]
    )
