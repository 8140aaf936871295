"""Drafts: begun, saved, forked from a release, discarded. Half-done work may be saved; the gate refuses it later."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lending.common.errors import Conflict, Invalid, NotFound
from risk.models import Draft, DraftState, Release, ReleaseForm, Scenario, Variable
from risk.rules import authored as forms
from risk.rules import gate
from risk.rules.authored import Unbuildable
from risk.rules.catalogue import VariableSpec
from risk.rules.document import Flow, references
from risk.rules.gate import Problem
from risk.rules.paths import has_no_outcome
from risk.services import releases
from users.services import acts

WRITE = "risk.write_strategy"
KEY = re.compile(r"[a-z][a-z0-9_]{1,59}")


class StaleDraft(Conflict):
    """Data `revision`: the one that is stored, and `updated_by`: who stored it."""

    code, title = "stale_draft", "Somebody else saved meanwhile"


class NotBeingWritten(Conflict):
    code, title = "not_being_written", "This draft is submitted, released or discarded"


class AtWorkAlready(Conflict):
    """Data `draft_id`: the draft that is."""

    code, title = "at_work_already", "Somebody writes a draft of this already"


class BadKey(Invalid):
    code, title = "bad_key", "A name of small letters, digits and _ that begins with a letter"


class TooLarge(Invalid):
    code, title = "too_large", "A draft has at most 2 MB"


class OfAnotherForm(Conflict):
    code, title = "of_another_form", "This name belongs to something of another form or scenario"


@dataclass(frozen=True)
class WorkingSet:
    """A draft as a flow with all that it asks: open drafts where there are any, else the newest releases.

    `flows` begin with the root; `drafts` are those that differ from the newest release of their key, what is asked
    before what asks. `problems`: why a part could not be built; its flow is missing then.
    """

    flows: tuple[Flow, ...]
    drafts: tuple[Draft, ...]
    problems: tuple[Problem, ...]

    @property
    def has_no_outcome(self) -> bool:
        """Sound, and decides nothing by itself."""
        return not self.checked() and has_no_outcome(self.flows)

    def checked(self) -> list[Problem]:
        """Everything that the gate has against the drafts of the set."""
        if self.problems:
            return list(self.problems)
        mine = {f"{draft.key}.json" for draft in self.drafts} | {self.flows[0].file}
        return [problem for problem in gate.check(self.flows) if problem.file in mine]


def begin(*, key: str, scenario: str, form: str, title: str, by: str, at: datetime) -> Draft:
    """An empty draft. Raises BadKey, NotFound, OfAnotherForm, AtWorkAlready, NotAllowed."""
    acts.require(by=by, permission=WRITE)
    row = Scenario.objects.filter(code=scenario).first()
    if row is None or form not in ReleaseForm.values:
        raise NotFound(f"There is no scenario {scenario!r} or form {form!r}.")
    if not KEY.fullmatch(key):
        raise BadKey(fields={"key": BadKey.title})
    blank = forms.blank(form, json.dumps(row.input_schema, sort_keys=True))
    return _create(key, row, form, title.strip() or key, blank, [], None, by, at)


def fork(*, release_id: int, by: str, at: datetime) -> Draft:
    """A draft that begins as the release is. Raises NotFound, AtWorkAlready, NotAllowed."""
    acts.require(by=by, permission=WRITE)
    release = Release.objects.select_related("scenario").filter(pk=release_id).first()
    if release is None:
        raise NotFound("There is no such release.")
    authored = release.graph if release.form in (ReleaseForm.FLOW, ReleaseForm.TABLE) else release.authored
    tests = list(release.tests)
    return _create(release.key, release.scenario, release.form, release.key, authored, tests, release, by, at)


def save(
    *,
    draft_id: int,
    revision: int,
    by: str,
    at: datetime,
    authored: Mapping[str, Any] | None = None,
    tests: Sequence[Mapping[str, Any]] | None = None,
    title: str | None = None,
    required_coverage: int | None = None,
) -> Draft:
    """What is given replaces what was; returns the draft with its next revision.

    Raises NotFound, NotBeingWritten, StaleDraft (where `revision` is not the stored one), TooLarge, NotAllowed.
    """
    acts.require(by=by, permission=WRITE)
    row = _locked(draft_id)
    if row.state != DraftState.OPEN:
        raise NotBeingWritten
    if row.revision != revision:
        raise StaleDraft(revision=row.revision, updated_by=row.updated_by)
    given = {"authored": authored, "tests": tests, "title": title, "required_coverage": required_coverage}
    for name, value in given.items():
        if value is not None:
            if len(json.dumps(value, ensure_ascii=False)) > forms.MAX_BYTES:
                raise TooLarge
            setattr(row, name, value)
    row.revision += 1
    row.updated_by, row.updated_at = by, at
    row.written_by = sorted({*row.written_by, by})
    row.save()
    return row


def discard(*, draft_id: int, by: str, reason: str, at: datetime) -> None:
    """Raises NotFound, NotBeingWritten, NotAllowed."""
    row = _locked(draft_id)
    if row.state != DraftState.OPEN:
        raise NotBeingWritten
    acts.record(by=by, act="discard_draft", subject=f"draft:{row.pk}", reason=reason, at=at, permission=WRITE)
    row.discard()
    row.updated_by, row.updated_at = by, at
    row.save(update_fields=["state", "updated_by", "updated_at"])


def variables_of(scenario: Scenario) -> dict[str, VariableSpec]:
    """The scenario's inputs by name."""
    rows = Variable.objects.filter(name__in=scenario.inputs)
    return {row.name: VariableSpec(row.name, row.type, row.nullable, row.source, row.path) for row in rows}


def working_set(draft: Draft, *, graph: Mapping[str, Any] | None = None) -> WorkingSet:
    """`graph`: an unsaved graph in place of the draft's own."""
    flows: dict[str, Flow] = {}
    drafts: list[Draft] = []
    problems: list[Problem] = []

    def add(key: str, row: Draft | None) -> None:
        if key in flows:
            return
        if row is None:
            row = Draft.objects.select_related("scenario").filter(key=key, state=DraftState.OPEN).first()
        release = releases.latest(key)
        if row is None:
            if release is not None:
                flows.update({flow.key: flow for flow in releases.flows_of(release) if flow.key not in flows})
            return  # the gate says what is missing
        try:
            flow = _flow(row, graph if row is draft else None)
        except Unbuildable as error:
            problems.extend(error.problems)
            return
        flows[key] = flow
        for _, asked in references(flow.graph):
            add(asked, None)
        if release is None or release.graph != flow.graph or row is draft:
            drafts.append(row)

    add(draft.key, draft)
    return WorkingSet(tuple(flows.values()), tuple(drafts), tuple(problems))


def _flow(row: Draft, graph: Mapping[str, Any] | None) -> Flow:
    return forms.flow_of(
        form=row.form,
        key=row.key,
        scenario=row.scenario.code,
        authored=row.authored if graph is None else graph,
        schema=row.scenario.input_schema,
        variables=variables_of(row.scenario),
    )


def _create(
    key: str,
    scenario: Scenario,
    form: str,
    title: str,
    authored: Any,
    tests: list[Any],
    base: Release | None,
    by: str,
    at: datetime,
) -> Draft:
    working = Draft.objects.filter(key=key, state__in=[DraftState.OPEN, DraftState.SUBMITTED]).first()
    if working is not None:
        raise AtWorkAlready(f"{working.updated_by} is writing {key}.", draft_id=working.pk)
    released = releases.latest(key)
    if released and (released.form != form or released.scenario_id != scenario.pk):
        raise OfAnotherForm(f"{key} is a {released.get_form_display().lower()} of {released.scenario.code}.")
    return Draft.objects.create(
        key=key,
        scenario=scenario,
        form=form,
        title=title[:120],
        authored=authored,
        tests=tests,
        base=base or released,
        written_by=[by],
        created_at=at,
        updated_by=by,
        updated_at=at,
    )


def _locked(draft_id: int) -> Draft:
    row = Draft.objects.select_for_update(of=("self",)).select_related("scenario").filter(pk=draft_id).first()
    if row is None:
        raise NotFound("There is no such draft.")
    return row
