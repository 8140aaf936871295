"""Writing a rule set and its test cases: what the pages show, and what they ask while somebody works."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from lending import queries as lending
from lending.common.errors import Conflict, Invalid, NotFound
from risk import queries
from risk.models import Draft, DraftState, Release, ReleaseForm, Scenario, Variable
from risk.rules import authored as forms
from risk.rules import cases, engine, ruleset, sample, sentences, strategy, suggest
from risk.rules.cases import CaseResult, Coverage
from risk.rules.document import Flow
from risk.rules.engine import EvaluationFailed
from risk.rules.ruleset import Placed
from risk.services import drafts
from users.services import acts

MAX_CASES = 500
SAMPLE_ROWS = 300  # of the sample, from which proposed cases are made


class OfAnotherForm(Conflict):
    code, title = "of_another_form", "This draft is no rule set"


class NotCases(Invalid):
    code, title = "not_cases", "Test cases are a list of objects with a name, inputs and what is expected"


class CannotTry(Invalid):
    """Data `fields`: what is wrong, by variable."""

    code, title = "cannot_try", "These values cannot be decided on"


@dataclass(frozen=True)
class Field:
    """A variable as a form shows it. `seen`: values that rules compare it with."""

    name: str
    type: str
    nullable: bool
    unit: str
    source: str
    description: str
    seen: tuple[Any, ...]


@dataclass(frozen=True)
class ReasonText:
    code: str
    en: str
    zh: str


@dataclass(frozen=True)
class Written:
    """A draft as its page shows it. `rules`: (name, sentence, problems) of each, for a rule set."""

    draft: Draft
    is_open: bool
    fields: tuple[Field, ...]
    reasons: tuple[ReasonText, ...]
    problems: tuple[Placed, ...]
    rules: tuple[tuple[str, str, tuple[Placed, ...]], ...]


@dataclass(frozen=True)
class Saved:
    revision: int
    problems: tuple[Placed, ...]


@dataclass(frozen=True)
class Tried:
    """`states`: hit, miss or unknown of each rule by its place, and of its parts ("0", "0.1"). `left_out`: places of
    rules that are not sound yet."""

    output: Mapping[str, Any]
    states: Mapping[str, str]
    left_out: tuple[int, ...]


@dataclass(frozen=True)
class Ran:
    """`now`: what each case would expect if what is said now is right. `coverage` is None where nothing can be run.

    `answers`: names of what the draft can answer with, as far as that can be said.
    """

    results: tuple[CaseResult, ...]
    now: tuple[Mapping[str, Any], ...]
    coverage: Coverage | None
    problem: str
    answers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tested:
    written: Written
    ran: Ran


def written(draft_id: int) -> Written:
    """Raises NotFound."""
    row = _draft(draft_id)
    fields = _fields(row)
    problems = problems_of(row)
    units = {field.name: field.unit for field in fields}
    reasons = tuple(ReasonText(each.code, each.text_en, each.text_zh) for each in lending.reasons())
    told = []
    rules = row.authored.get("rules") if row.form == ReleaseForm.RULE_SET and isinstance(row.authored, dict) else None
    for place, rule in enumerate(rules if isinstance(rules, list) else []):
        mine = tuple(problem for problem in problems if problem.rule == place)
        sentence = sentences.say(rule, units) if isinstance(rule, dict) else "not a rule"
        told.append((str(rule.get("id") or "") if isinstance(rule, dict) else "", sentence, mine))
    return Written(row, row.state == DraftState.OPEN, fields, reasons, problems, tuple(told))


def written_rules(draft_id: int) -> Written:
    """Raises NotFound, OfAnotherForm."""
    found = written(draft_id)
    if found.draft.form != ReleaseForm.RULE_SET:
        raise OfAnotherForm(f"{found.draft.key} is a {found.draft.get_form_display().lower()}.")
    return found


def problems_of(row: Draft) -> tuple[Placed, ...]:
    """What is wrong with the draft, at its rule and condition where it is a rule set; else what the gate says."""
    found: list[Placed] = []
    if row.form == ReleaseForm.RULE_SET:
        authored = row.authored if isinstance(row.authored, dict) else {}
        known = drafts.variables_of(row.scenario)
        found = list(ruleset.placed_faults(authored, known))
        if not found:
            found = list(_never_told(authored["rules"]))
            found += _never_hold(authored["rules"], known)
    if found:
        return tuple(found)
    return tuple(
        Placed(None, each.node, (), each.field, each.code, f"{each.file.removesuffix('.json')}: {each.message}")
        for each in drafts.working_set(row).checked()
    )


def save_rules(*, draft_id: int, revision: int, authored: Mapping[str, Any], by: str, at: datetime) -> Saved:
    """Raises as `drafts.save`, and OfAnotherForm."""
    row = drafts.save(draft_id=draft_id, revision=revision, authored=authored, by=by, at=at)
    if row.form != ReleaseForm.RULE_SET:
        raise OfAnotherForm
    return Saved(row.revision, problems_of(row))


def save_tests(*, draft_id: int, revision: int, tests: Any, by: str, at: datetime) -> int:
    """The draft's next revision. Raises as `drafts.save`, and NotCases."""
    return drafts.save(draft_id=draft_id, revision=revision, tests=checked_cases(tests), by=by, at=at).revision


def checked_cases(tests: Any) -> list[dict[str, Any]]:
    """Of the right shape, whatever they say. Raises NotCases."""
    if not isinstance(tests, list) or len(tests) > MAX_CASES:
        raise NotCases(f"At most {MAX_CASES} cases.")
    for case in tests:
        if not isinstance(case, dict) or set(case) - {"name", "inputs", "expect"}:
            raise NotCases
        if not isinstance(case.get("inputs"), dict) or not isinstance(case.get("expect"), dict):
            raise NotCases
    return tests


def try_rules(*, draft_id: int, authored: Mapping[str, Any], values: Mapping[str, Any]) -> Tried:
    """What the rules, saved or not, say of these values. Raises NotFound, OfAnotherForm, CannotTry."""
    row = _draft(draft_id)
    if row.form != ReleaseForm.RULE_SET:
        raise OfAnotherForm
    known = drafts.variables_of(row.scenario)
    inputs = _inputs(row.scenario, known, values)
    rules = authored.get("rules")
    rules = rules if isinstance(rules, list) else []
    unsound = {fault.rule for fault in ruleset.placed_faults(authored, known)}
    sound = [place for place in range(len(rules)) if place not in unsound]
    if not sound:
        raise CannotTry("No rule is complete yet.")
    kept = {**authored, "key": row.key, "schema": row.scenario.input_schema, "rules": [rules[place] for place in sound]}
    try:
        output = _evaluated(row.key, forms.graph_of(row.form, row.key, kept, row.scenario.input_schema), inputs)
        told = _evaluated(row.key, ruleset.states_graph(kept), inputs)
    except EvaluationFailed as error:
        raise CannotTry(str(error)) from error
    states = {}
    for name, state in told.items():
        place, *path = name.removeprefix("state_").split("_")
        states[".".join([str(sound[int(place)]), *path])] = state
    return Tried(output, states, tuple(sorted(place for place in unsound if place is not None)))


def tested(draft_id: int) -> Tested:
    """The stored cases and what they say now. Raises NotFound."""
    found = written(draft_id)
    shaped = [case for case in found.draft.tests if isinstance(case, dict) and {"inputs", "expect"} <= set(case)]
    return Tested(found, run_tests(draft_id=draft_id, tests=shaped))


def run_tests(*, draft_id: int, tests: Any) -> Ran:
    """The cases, saved or not, against the draft as it is saved. Raises NotFound, NotCases."""
    checked = checked_cases(tests)
    try:
        flows = _flows(_draft(draft_id))
    except CannotTry as error:
        failed = tuple(
            CaseResult(str(case.get("name")), False, case["expect"], {}, (), error.detail) for case in checked
        )
        return Ran(failed, tuple({} for _ in checked), None, error.detail)
    results = cases.run(flows, checked)
    found = cases.coverage(flows, [result.trace for result in results if result.trace is not None])
    now = tuple(_now(flows, case) for case in checked)
    return Ran(tuple(results), now, found, "", cases.answered(flows) or ())


def suggested_tests(*, draft_id: int, tests: Any) -> list[dict[str, Any]]:
    """Cases for rules that none of the given reaches. Raises NotFound, NotCases, CannotTry."""
    row = _draft(draft_id)
    checked = checked_cases(tests)
    bases = [sample_inputs(row.scenario, number) for number in range(1, SAMPLE_ROWS + 1)]
    return suggest.suggest(
        _flows(row),
        authored=row.authored if row.form == ReleaseForm.RULE_SET else {},
        variables=drafts.variables_of(row.scenario),
        done=checked,
        bases=bases,
    )


def values_for(*, draft_id: int, decision: str = "", row: str = "", by: str) -> dict[str, Any]:
    """The draft's inputs as they were in a stored decision (by number or public id), or as a row of the sample is.

    Raises NotFound, and NotAllowed where `by` may not see decisions.
    """
    draft = _draft(draft_id)
    if decision:
        acts.require(by=by, permission="risk.view_decision")
        if not decision.isascii():
            raise NotFound("There is no such decision.")
        known = queries.decision(queries.decision_number(decision.strip())).inputs
        return {name: known.get(name) for name in draft.scenario.inputs}
    if not (row.isascii() and row.isdigit()):
        raise NotFound("A row of the sample has a number from 1 to 1000.")
    return sample_inputs(draft.scenario, int(row))


def sample_inputs(scenario: Scenario, number: int) -> dict[str, Any]:
    """Raises NotFound."""
    rows = _sample()
    if not 1 <= number <= len(rows):
        raise NotFound(f"The sample has rows 1 to {len(rows)}.")
    known = strategy.inputs_of(rows[number - 1])
    return {name: known.get(name) for name in scenario.inputs}


# --- parts ----------------------------------------------------------------------------------------------------------


def _draft(draft_id: int) -> Draft:
    row = Draft.objects.select_related("scenario").filter(pk=draft_id).first()
    if row is None:
        raise NotFound("There is no such draft.")
    return row


def _flows(row: Draft) -> Sequence[Flow]:
    found = drafts.working_set(row)
    if found.problems:
        raise CannotTry(f"Nothing can be run yet: {found.problems[0].message}.")
    return found.flows


def _now(flows: Sequence[Flow], case: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        return cases.expectation(engine.evaluate(engine.load(flows)[flows[0].key], case["inputs"]))
    except EvaluationFailed:
        return {}


def _evaluated(key: str, graph: Any, inputs: Mapping[str, Any]) -> dict[str, Any]:
    return engine.evaluate(engine.load([Flow(key=key, graph=graph, file=f"{key}.json")])[key], inputs)


def _inputs(scenario: Scenario, known: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    wrong = {}
    for name in scenario.inputs:
        value, spec = values.get(name), known.get(name)
        if spec is None:
            continue
        if value is None:
            if not spec.nullable:
                wrong[name] = "is always known: give a value"
        elif not _fits(spec.type, value):
            wrong[name] = f"{json.dumps(value, ensure_ascii=False)} is no {spec.type.replace('_', ' ')}"
    if wrong:
        raise CannotTry("; ".join(f"{name} {told}" for name, told in wrong.items()), fields=wrong)
    return {name: values.get(name) for name in scenario.inputs}


def _fits(type_: str, value: Any) -> bool:
    one = type_.removesuffix("_list")
    if one != type_:
        return isinstance(value, list) and all(ruleset.is_of(one, each) for each in value)
    return ruleset.is_of(type_, value)


def _fields(row: Draft) -> tuple[Field, ...]:
    rows = Variable.objects.in_bulk(row.scenario.inputs, field_name="name")
    seen = _seen(row)
    return tuple(
        Field(
            name=name,
            type=rows[name].type,
            nullable=rows[name].nullable,
            unit=rows[name].unit,
            source=rows[name].source,
            description=rows[name].description_en,
            seen=tuple(sorted(seen.get(name, ()), key=str)),
        )
        for name in row.scenario.inputs
        if name in rows
    )


def _seen(row: Draft) -> dict[str, set[Any]]:
    """Texts that rules compare variables with: those of this draft and of the newest release of every rule set."""
    released = Release.objects.filter(form=ReleaseForm.RULE_SET, authored__isnull=False).order_by("key", "-version")
    found: dict[str, set[Any]] = {}
    for authored in [row.authored, *released.distinct("key").values_list("authored", flat=True)]:
        for rule in _rules(authored):
            for variable, _, value in _conditions(rule):
                texts = {each for each in (value if isinstance(value, list) else [value]) if isinstance(each, str)}
                found.setdefault(variable, set()).update(texts)
    return found


def _rules(authored: Any) -> list[Any]:
    rules = authored.get("rules") if isinstance(authored, dict) else None
    return [rule for rule in rules if isinstance(rule, dict)] if isinstance(rules, list) else []


def _conditions(rule: Mapping[str, Any]) -> list[tuple[str, str, Any]]:
    try:
        return [each for each in ruleset.conditions(rule.get("when")) if isinstance(each[0], str)]
    except (ValueError, TypeError, AttributeError):  # half written
        return []


def _never_told(rules: Sequence[Mapping[str, Any]]) -> Iterable[Placed]:
    told = {reason.code for reason in lending.reasons()}
    for place, rule in enumerate(rules):
        if rule["reason"] not in told:
            yield Placed(
                place, rule["id"], (), "reason", "unknown_reason", "no borrower is told this reason: choose one"
            )


def _never_hold(rules: Sequence[Mapping[str, Any]], known: Mapping[str, Any]) -> Iterable[Placed]:
    for place, rule in enumerate(rules):
        options = suggest.candidates(rule["when"], known)
        if next(suggest.ways(rule["when"], "hit", options), None) is None:
            yield Placed(
                place, rule["id"], (), "when", "never_holds", "no values can satisfy these conditions together"
            )


@cache
def _sample() -> tuple[sample.Row, ...]:
    with sample.PATH.open(encoding="utf-8") as file:
        return sample.read(file)
