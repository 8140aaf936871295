"""What the visual editor shows and asks: a draft, a release or a decision as a graph; checking and trying out.

Writes nothing; saving is `drafts.save`. The engine and the gate that run here are those of a release.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lending.common.errors import Invalid, NotFound
from risk.models import Decision, Draft, DraftState, Release, ReleaseForm, Scenario, Variable
from risk.rules import engine, spreadsheet
from risk.rules.document import Graph, Node
from risk.rules.engine import EvaluationFailed
from risk.rules.gate import Problem
from risk.services import decisions, drafts

DRAWN = (ReleaseForm.FLOW, ReleaseForm.TABLE)
TABLE = "decisionTableNode"
SAVED_BYTES = 1000 * 1000  # what the doors take as one body, less its frame
# Half-done work may be tried out: what only keeps it from being released does not stop that. Everything else does,
# above all what would reach out of the engine (functions, foreign schemas) or match nothing without a word.
UNFINISHED = {
    *("no_outcome", "no_default_row", "no_default_branch", "dead_end", "no_schema"),
    *("unreachable_node", "unreachable_row", "unreachable_branch", "unknown_variable"),
}


class NotDrawn(NotFound):
    code, title = "not_drawn", "This has a form of its own, no graph to draw"


class NoSuchTable(NotFound):
    code, title = "no_such_table", "The graph has no decision table of this id"


class NoContext(Invalid):
    code, title = "no_context", "A request is a JSON object"


@dataclass(frozen=True)
class Artefact:
    """What a flow may ask. `version`: of the newest release, None while it is only being written."""

    key: str
    form: str
    title: str
    scenario: str
    version: int | None


@dataclass(frozen=True)
class VariableShown:
    name: str
    type: str
    unit: str
    description: str
    nullable: bool


@dataclass(frozen=True)
class Drawing:
    """A graph with what is needed to work on it, as the page reads it. `example`: a request to begin trying with."""

    title: str
    key: str
    form: str
    scenario: str
    graph: Mapping[str, Any]
    schema: Mapping[str, Any]
    variables: Sequence[VariableShown]
    artefacts: Sequence[Artefact]
    revision: int | None = None
    is_open: bool = False
    example: Mapping[str, Any] | None = None
    trace: Mapping[str, Any] | None = None
    input: Mapping[str, Any] | None = field(default=None, repr=False)
    output: Mapping[str, Any] | None = field(default=None, repr=False)


def of_draft(draft_id: int) -> Drawing:
    """Raises NotFound, NotDrawn."""
    row = _draft(draft_id)
    tests = [test for test in row.tests if isinstance(test, dict)]
    return Drawing(
        **_around(row.scenario, row.key),
        title=row.title,
        key=row.key,
        form=row.form,
        graph=row.authored,
        revision=row.revision,
        is_open=row.state == DraftState.OPEN,
        example=tests[0].get("inputs") if tests else None,
    )


def of_release(release_id: int) -> Drawing:
    """Any form, as the graph that is evaluated. Raises NotFound."""
    row = Release.objects.select_related("scenario").filter(pk=release_id).first()
    if row is None:
        raise NotFound("There is no such release.")
    return _released(row)


def of_decision(decision_id: int) -> Drawing:
    """The graph that decided, with the trace of a replay. Raises NotFound."""
    row = Decision.objects.select_related("release__scenario").filter(pk=decision_id).first()
    if row is None:
        raise NotFound("There is no such decision.")
    trace = decisions.replay(decision_id=row.pk, trace=True).trace
    title = f"{row.release}, decision {str(row.public_id)[:8]}"
    return _released(row.release, title=title, trace=trace, input=json.loads(row.inputs), output=json.loads(row.output))


def checked(*, draft_id: int, graph: Mapping[str, Any]) -> list[Problem]:
    """What the gate has against the draft if it were `graph`, and against the drafts that it asks.

    Raises NotFound, NotDrawn.
    """
    return drafts.working_set(_draft(draft_id), graph=graph).checked()


def simulated(*, draft_id: int, graph: Mapping[str, Any], context: object) -> dict[str, Any]:
    """One evaluation as the editor reads it: {result: {result, trace, performance, snapshot}} or
    {error: {title, message, data: {nodeId}}}. Raises NotFound, NotDrawn, NoContext."""
    if not isinstance(context, dict):
        raise NoContext()
    row = _draft(draft_id)
    working = drafts.working_set(row, graph=graph)
    if stopped := [problem for problem in working.checked() if problem.code not in UNFINISHED]:
        return _stopped(row, stopped[0])
    started = time.perf_counter()
    try:
        answer = engine.trial(working.flows, row.key, context)
    except EvaluationFailed as error:
        return {"error": {"title": error.code, "message": str(error), "data": {"nodeId": error.node}}}
    performance = f"{(time.perf_counter() - started) * 1000:.1f}ms"
    return {"result": {**answer, "performance": performance, "snapshot": graph}}


def sheet_of(graph: Mapping[str, Any], node_id: str) -> bytes:
    """The workbook of a table of the graph. Raises NoSuchTable, WrongCells."""
    return spreadsheet.write(_table(graph, node_id))


def read_sheet(graph: Mapping[str, Any], node_id: str, data: bytes) -> dict[str, Any]:
    """The table's content with the rules of a workbook. Raises NoSuchTable and what `spreadsheet.read` does; TooLarge
    also where the graph could not be saved with it."""
    node = _table(graph, node_id)
    content = {**node["content"], "rules": spreadsheet.read(data, node)}
    size = len(json.dumps({**graph, "nodes": [*graph["nodes"], {"content": content}]}, ensure_ascii=False).encode())
    if size > SAVED_BYTES:
        raise spreadsheet.TooLarge(
            f"With {len(content['rules'])} rules the graph is too large to be saved.", bytes=size
        )
    return content


def _stopped(row: Draft, problem: Problem) -> dict[str, Any]:
    own = problem.file == f"{row.key}.json"
    place = " ".join(part for part in (problem.field, problem.message) if part)
    message = place if own else f"{problem.file.removesuffix('.json')}: {problem.node} {place}"
    return {"error": {"title": problem.code, "message": message, "data": {"nodeId": problem.node if own else ""}}}


def _draft(draft_id: int) -> Draft:
    row = Draft.objects.select_related("scenario").filter(pk=draft_id).first()
    if row is None:
        raise NotFound("There is no such draft.")
    if row.form not in DRAWN:
        raise NotDrawn()
    return row


def _released(row: Release, *, title: str = "", **more: Any) -> Drawing:
    named = Draft.objects.filter(key=row.key).order_by("-pk").values_list("title", flat=True).first()
    around = _around(row.scenario, row.key)
    pinned = Release.objects.select_related("scenario").filter(pk__in=row.pins.values())
    exact = {each.key: Artefact(each.key, each.form, each.key, each.scenario.code, each.version) for each in pinned}
    others = [each for each in around.pop("artefacts") if each.key not in exact]
    return Drawing(
        **around,
        artefacts=[*exact.values(), *others],
        title=title or f"{named or row.key} v{row.version}",
        key=row.key,
        form=row.form,
        graph=row.graph,
        **more,
    )


def _around(scenario: Scenario, key: str) -> dict[str, Any]:
    rows = {row.name: row for row in Variable.objects.filter(name__in=scenario.inputs)}
    shown = [
        VariableShown(row.name, row.get_type_display(), str(getattr(row, "unit", "")), row.description_en, row.nullable)
        for name in scenario.inputs
        if (row := rows.get(name))
    ]
    return {
        "scenario": scenario.code,
        "schema": scenario.input_schema,
        "variables": shown,
        "artefacts": _artefacts(scenario.code, key),
    }


def _artefacts(scenario: str, without: str) -> list[Artefact]:
    """The scenario's first, by key; what is being written counts: it is handed in together with what asks it."""
    titles = dict(Draft.objects.order_by("pk").values_list("key", "title"))
    released = Release.objects.order_by("key", "-version").distinct("key")
    found = {
        key: Artefact(key, form, titles.get(key, ""), code, version)
        for key, form, code, version in released.values_list("key", "form", "scenario__code", "version")
    }
    written = Draft.objects.filter(state=DraftState.OPEN).values_list("key", "form", "title", "scenario__code")
    for key, form, title, code in written:
        found.setdefault(key, Artefact(key, form, title, code, None))
    found.pop(without, None)
    return sorted(found.values(), key=lambda each: (each.scenario != scenario, each.key))


def _table(graph: Graph | Mapping[str, Any], node_id: str) -> Node:
    for node in graph.get("nodes") or []:
        is_it = isinstance(node, dict) and (node.get("id"), node.get("type")) == (node_id, TABLE)
        if is_it and isinstance(node.get("content"), dict):
            return node
    raise NoSuchTable()
