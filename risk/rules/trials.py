"""One row of a backtest: its inputs completed, put to the candidate and to the baseline, and packed small.

A row as a dataset keeps it: `{"ref", "inputs": {variable: value}, "bad": true | false | None, "groups": {name: text}}`.
A tried row: `[ref, bad, groups, said by the candidate, said by the baseline or None]`, each saying a list in the order
of `Said`: JSON values, so that 100,000 rows are kept in some megabytes.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from risk.rules import engine
from risk.rules.catalogue import filled
from risk.rules.engine import EvaluationFailed
from risk.rules.verdict import NotAVerdict, read_verdict

ERROR = "error"
OUTCOMES = ("approve", "refer", "decline", ERROR)
REQUIRED = re.compile(r': "([^"]+)" is a required property')
AT_PATH = re.compile(r"/(\S*): ")
FIELD = re.compile(r"(\w+): ")

Tried = list[Any]


class Said(NamedTuple):
    """What a strategy said about a row. `annual_rate`: a fraction as text, "" where none.

    `fault`: (code, node, field) of an error, never the value that was refused: that may be personal.
    """

    outcome: str
    reasons: Sequence[str] = ()
    score: int | None = None
    grade: str = ""
    limit_cents: int | None = None
    annual_rate: str = ""
    fault: Sequence[str] = ()


@dataclass(frozen=True)
class Plan:
    """What is tried: addresses of loaded flows, the scenario's inputs, the catalogue's defaults.

    `approved_with`: what an approval must carry, for the candidate and for the baseline.
    """

    candidate: str
    baseline: str | None
    inputs: Sequence[str]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    approved_with: tuple[Sequence[str], Sequence[str]] = ((), ())


@dataclass
class Known:
    """Over the rows: how often each variable was unknown when it was decided with, how often its default stood in,
    and how often the row did not have it at all (it was made before the variable was)."""

    unknown: Counter[str] = field(default_factory=Counter)
    defaulted: Counter[str] = field(default_factory=Counter)
    absent: Counter[str] = field(default_factory=Counter)

    def add(self, other: Mapping[str, Mapping[str, int]]) -> None:
        for name in ("unknown", "defaulted", "absent"):
            getattr(self, name).update(other.get(name, {}))


def run(rows: Sequence[Mapping[str, Any]], plan: Plan) -> tuple[list[Tried], dict[str, dict[str, int]]]:
    """(tried rows in order, the counts of `Known` as JSON)."""
    known, completed = Known(), []
    for row in rows:
        inputs, stood_in = filled(plan.inputs, row["inputs"], plan.defaults)
        completed.append(inputs)
        known.absent.update(name for name in plan.inputs if name not in row["inputs"])
        known.defaulted.update(stood_in)
        known.unknown.update(name for name, value in inputs.items() if value is None)
    candidate = ask(plan.candidate, completed, plan.approved_with[0])
    baseline: Sequence[Said | None] = [None] * len(rows)
    if plan.baseline is not None:
        baseline = candidate
        if plan.baseline != plan.candidate:
            baseline = ask(plan.baseline, completed, plan.approved_with[1])
    tried: list[Tried] = [
        [row["ref"], row["bad"], row["groups"], list(now), list(before) if before else None]
        for row, now, before in zip(rows, candidate, baseline, strict=True)
    ]
    counts = {name: dict(getattr(known, name)) for name in ("unknown", "defaulted", "absent")}
    return tried, counts


def ask(address: str, inputs: Sequence[Mapping[str, Any]], approved_with: Sequence[str] = ()) -> list[Said]:
    """What the flow says about each; an answer that is no verdict is an error, like one that never came."""
    return [_said(answer, approved_with) for answer in engine.evaluate_many(address, inputs)]


def _said(answer: dict[str, Any] | EvaluationFailed, approved_with: Sequence[str]) -> Said:
    if isinstance(answer, EvaluationFailed):
        return Said(ERROR, fault=(answer.code, answer.node, _field(str(answer))))
    try:
        verdict = read_verdict(answer, approved_with)
    except NotAVerdict as error:
        named = FIELD.match(error.detail)
        return Said(ERROR, fault=(error.code, "", named[1] if named else ""))
    return Said(
        verdict.outcome,
        list(verdict.reasons),
        verdict.score,
        verdict.grade,
        verdict.limit_cents,
        "" if verdict.annual_rate is None else str(verdict.annual_rate),
    )


def _field(message: str) -> str:
    """The variable that a refused input is about."""
    found = REQUIRED.match(message) or AT_PATH.match(message)
    return found[1] if found else ""
