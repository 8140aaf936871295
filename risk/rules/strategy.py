"""The shipped strategy as files: compiling it, and what it says about the German Credit sample."""

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from risk.rules import engine, sample
from risk.rules.catalogue import VariableSpec, input_schema, value_at
from risk.rules.document import Flow, export, read
from risk.rules.ruleset import compile_rules
from risk.rules.sample import Row
from risk.rules.scorecard import compile_card

DEAREST = ("bureau", "bankflow")  # asked last, only where the knock-outs of the stage before let pass
DATA = Path(__file__).resolve().parents[1] / "data"


@dataclass(frozen=True)
class Outcome:
    """What the chain admission → antifraud → credit says; `scenario` is the one that ended it."""

    scenario: str
    outcome: str
    reasons: tuple[str, ...]
    grade: str | None = None
    score: int | None = None
    limit_cents: int = 0
    annual_rate: str | None = None


@cache
def catalogue() -> dict[str, VariableSpec]:
    with (DATA / "configuration" / "variables.csv").open(encoding="utf-8") as file:
        return {line["name"]: spec_of(line) for line in csv.DictReader(file)}


def spec_of(line: Mapping[str, str]) -> VariableSpec:
    """A line of variables.csv; its default is JSON, and nothing where an unknown stays unknown."""
    default = json.loads(line["default"]) if line["default"] else None
    nullable = line["nullable"] == "yes"
    return VariableSpec(line["name"], line["type"], nullable, line["source"], line["path"], line["unit"], default)


@cache
def scenarios() -> dict[str, dict[str, Any]]:
    return _json("configuration/scenarios.json")


def schema_of(scenario: str) -> dict[str, Any]:
    variables = catalogue()
    return input_schema(variables[name] for name in scenarios()[scenario]["inputs"])


def compiled() -> dict[str, dict[str, Any]]:
    """Flow files by name, compiled from the authored rule sets and the scorecard."""
    files = {}
    for path in sorted((DATA / "rulesets").glob("*.json")):
        rules = json.loads(path.read_text(encoding="utf-8"))
        graph = compile_rules(rules | {"schema": schema_of(rules["scenario"])})
        files[path.name] = export(key=rules["key"], scenario=rules["scenario"], graph=graph)
    card = _json("scorecard.json")
    graph = compile_card(card, schema_of("credit"))
    files["credit_score.json"] = export(key=card["key"], scenario="credit", graph=graph)
    return files


def shipped_flows() -> tuple[Flow, ...]:
    """The flows that `bootstrap` releases."""
    return tuple(
        read(path.read_text(encoding="utf-8"), file=path.name) for path in sorted((DATA / "flows").glob("*.json"))
    )


@cache
def shipped_addresses() -> Mapping[str, str]:
    return engine.load(shipped_flows())


def inputs_of(row: Row) -> dict[str, Any]:
    """Every variable of a complete application of the row: all consents given, every source answering."""
    applicant, answers = sample.applicant(row), sample.vendor_answers(row)
    low, high, step = sample.AMOUNTS[applicant.product]
    known = {
        "as_of": "2026-09-07",
        "product": applicant.product,
        "method": applicant.method,
        "purpose": applicant.purpose,
        "amount_cents": applicant.amount_cents,
        "months": applicant.months,
        "product_min_cents": low * 100,
        "product_max_cents": high * 100,
        "product_step_cents": step * 100,
        "product_terms": list(sample.TERMS[applicant.product]),
        "open_applications": 0,
        "open_loans": 0,
        "worst_days_late_here": 0,
        "age_years": applicant.age,
        "id_expired": False,
        "province": applicant.province,
        "declared_income_cents": applicant.net_income_cents,
        "declared_instalments_cents": applicant.instalments_elsewhere_cents,
        "level_limit_percent": 100,
        "level_price_delta_bp": 0,
        "identity_state": "passed",
        "card_state": "passed",
        "black_listed": False,
        "grey_listed": False,
        "white_listed": False,
        **{f"listed_{subject}": [] for subject in ("phone", "id", "device", "card")},
        **{name: 0 for name, variable in catalogue().items() if variable.source == "velocity"},
        "sources_dead_stop": 0,
        "sources_dead_refer": 0,
        "exempt_rules": [],
        "level": "V1",
        "tags": [],
        "earlier_reasons": [],
        "earlier_tags": [],
    }
    pulled = {
        name: value_at(variable, answers[variable.source])
        for name, variable in catalogue().items()
        if variable.source in answers
    }
    return known | pulled


def decide(values: Mapping[str, Any]) -> Outcome:
    """The whole chain over known values, in the order in which an assessment runs it."""
    said: dict[str, Any] = {}
    reasons: list[str] = []
    before_bureau = {name: None for name, variable in catalogue().items() if variable.source in DEAREST}
    for key in ("admission", "antifraud", "credit_rules", "credit"):
        scenario = key.removesuffix("_rules")
        known = dict(values) | ({"earlier_reasons": reasons} if scenario == "credit" else {})
        known |= before_bureau if key == "credit_rules" else {}
        inputs = {name: known.get(name) for name in scenarios()[scenario]["inputs"]}
        said = engine.evaluate(shipped_addresses()[key], inputs)
        if said["outcome"] == "decline" or key == "credit":
            break
        if key != "credit_rules":
            reasons += [reason for reason in said["reasons"] if reason not in reasons]
    return Outcome(
        scenario=scenario,
        outcome=said["outcome"],
        reasons=tuple(said["reasons"]),
        grade=said.get("grade"),
        score=said.get("score"),
        limit_cents=said.get("limit_cents", 0),
        annual_rate=said.get("annual_rate"),
    )


def outcomes(rows: Iterable[Row]) -> dict[int, Outcome]:
    """The shipped strategy's word on each row, by row number."""
    return {row.number: decide(inputs_of(row)) for row in rows}


def approved_rows(rows: Sequence[Row]) -> tuple[int, ...]:
    """Rows that are approved both as themselves and for ¥10,000 over 12 months on the line."""
    asked = {"product": "LINE", "purpose": "consumer", "amount_cents": 1_000_000, "months": 12}
    asked |= {"product_min_cents": 100_000, "product_max_cents": 5_000_000, "product_step_cents": 10_000}
    found = []
    for row in rows:
        values = inputs_of(row)
        plain = decide(values | asked | {"product_terms": list(sample.TERMS["LINE"])})
        if decide(values).outcome == "approve" and plain.outcome == "approve" and plain.limit_cents == 1_000_000:
            found.append(row.number)
    return tuple(found)


def referred_rows(rows: Sequence[Row]) -> tuple[int, ...]:
    return tuple(number for number, outcome in outcomes(rows).items() if outcome.outcome == "refer")


def declined_rows(rows: Sequence[Row]) -> tuple[int, ...]:
    return tuple(number for number, outcome in outcomes(rows).items() if outcome.outcome == "decline")


def _json(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((DATA / name).read_text(encoding="utf-8"))
    return document
