"""A backtest of files, without a database: rows from JSON lines, a CSV or the sample, and the summary as JSON."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from risk.rules import engine, sample, strategy, tabular, training, trials
from risk.rules.backtesting import Summary, Tally
from risk.rules.catalogue import VariableSpec
from risk.rules.document import Flow, Unreadable, loads
from risk.rules.sample import Row
from risk.rules.trials import Plan
from risk.rules.verdict import output_schema

CHUNK = 500
GROUPS = ("sex", "foreign_worker", "age_band")
BANDS = ((25, "under 25"), (35, "25-34"), (45, "35-44"), (55, "45-54"))

Rows = Sequence[Mapping[str, Any]]


def summary(*, flows: Sequence[Flow], baseline: Sequence[Flow], rows: Rows, groups: Sequence[str]) -> Summary:
    """The first of `flows` over the rows, beside the first of `baseline` where there is one.

    Raises engine.EvaluationFailed where a reference is missing.
    """
    root, former = flows[0], baseline[0] if baseline else None
    names = inputs_of(root, rows)
    specs = strategy.catalogue()
    plan = Plan(
        candidate=engine.load(flows)[root.key],
        baseline=engine.load(baseline)[former.key] if former else None,
        inputs=names,
        defaults={name: specs[name].default for name in names if name in specs and specs[name].default is not None},
        approved_with=(_approved_with(root), _approved_with(former) if former else ()),
    )
    tally = Tally(groups)
    for first in range(0, len(rows), CHUNK):
        tally.add(*trials.run(rows[first : first + CHUNK], plan))
    return tally.summary()


def inputs_of(flow: Flow, rows: Rows) -> Sequence[str]:
    """The variables of the flow's scenario; of a bare graph, whatever the rows have."""
    if flow.scenario in strategy.scenarios():
        found: Sequence[str] = strategy.scenarios()[flow.scenario or ""]["inputs"]
        return found
    return sorted({name for row in rows for name in row["inputs"]})


def groups_of(rows: Rows) -> list[str]:
    return sorted({name for row in rows for name in row["groups"]})


def sample_rows(*, held_out: bool = False) -> list[dict[str, Any]]:
    """The German Credit rows as complete applications with their outcome; `held_out`: those no card was fitted to."""
    with sample.PATH.open(encoding="utf-8") as file:
        people = sample.read(file)
    return [_of_sample(row) for row in people if not held_out or training.is_held_out(row)]


def csv_rows(content: bytes, catalogue: Mapping[str, VariableSpec]) -> Rows:
    """Raises tabular.Unreadable."""
    return tabular.read(content, catalogue).rows


def json_rows(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """A row a line, `{"ref", "inputs", "bad", "groups"}` of which only `inputs` must be, or bare inputs.

    Raises Unreadable with the number of the line.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            told = loads(line)
        except Unreadable as error:
            raise Unreadable(error.code, f"line {number}: {error}") from error
        if not isinstance(told, dict):
            raise Unreadable("invalid_row", f"line {number}: a row is a JSON object")
        row = told if isinstance(told.get("inputs"), dict) else {"inputs": told}
        bad, groups = row.get("bad"), row.get("groups") or {}
        if bad not in (None, True, False):
            raise Unreadable("invalid_row", f"line {number}: bad is true, false or null")
        if not isinstance(groups, dict) or not all(isinstance(value, str) for value in groups.values()):
            raise Unreadable("invalid_row", f"line {number}: groups is an object of texts")
        known = None if bad is None else bool(bad)
        yield {"ref": str(row.get("ref") or number), "inputs": row["inputs"], "bad": known, "groups": groups}


def _of_sample(row: Row) -> dict[str, Any]:
    return {
        "ref": f"german-{row.number:04}",
        "inputs": strategy.inputs_of(row),
        "bad": row.bad,
        "groups": {
            "sex": "female" if row.sex_status.startswith("female") else "male",
            "foreign_worker": "yes" if row.foreign_worker else "no",
            "age_band": next((band for end, band in BANDS if row.age < end), "55 and over"),
        },
    }


def _approved_with(flow: Flow) -> Sequence[str]:
    """What an approval of the scenario's deciding flow must carry; of its knock-outs and parts nothing."""
    scenario = strategy.scenarios().get(flow.scenario or "", {})
    if not scenario or flow.key == scenario.get("knock_out_key") or not _offers(flow):
        return ()
    found: Sequence[str] = output_schema(flow.scenario or "")["approved_with"]
    return found


def _offers(flow: Flow) -> bool:
    """Whether it makes an offer at all: a set of rules in the scenario of offers makes none."""
    return "limit_cents" in json.dumps(flow.graph)
