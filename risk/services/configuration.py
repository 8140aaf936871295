"""Loads the demo configuration: variables, scenarios, and the shipped flows as releases in force. May run again."""

import csv
import json
from datetime import datetime
from typing import Any

from risk.models import Binding, Release, ReleaseForm, Scenario, Variable
from risk.rules.catalogue import check_default
from risk.rules.document import Flow, references
from risk.rules.strategy import DATA, scenarios, schema_of, shipped_flows, spec_of
from risk.rules.verdict import output_schema
from risk.services import releases, spend
from users.models import User

AUTHOR, APPROVER = "analyst.lin", "analyst.he"
SHIPPED = "the shipped strategy"


def load(*, at: datetime, author: str = "", approver: str = "") -> None:
    """`author`, `approver`: actors of the releases, by default the two demo analysts."""
    _variables()
    _scenarios()
    spend.load()
    _releases(at, author or _actor(AUTHOR), approver or _actor(APPROVER))


def _variables() -> None:
    """Raises WrongType for a default that is no value of its variable."""
    with (DATA / "configuration" / "variables.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            spec = spec_of(row)
            check_default(spec)
            fields: dict[str, Any] = row | {"nullable": spec.nullable, "default": spec.default}
            Variable.objects.update_or_create(name=fields.pop("name"), defaults=fields)


def _scenarios() -> None:
    for code, scenario in scenarios().items():
        Scenario.objects.update_or_create(
            code=code,
            defaults={
                "title_en": scenario["title_en"],
                "title_zh": scenario["title_zh"],
                "inputs": scenario["inputs"],
                "input_schema": schema_of(code),
                "output_schema": output_schema(code),
            },
        )


def _releases(at: datetime, author: str, approver: str) -> None:
    """Sub-decisions first, so that each release can pin what it asks. What analysts put in force stays in force."""
    flows = {flow.key: flow for flow in shipped_flows()}
    released = {}
    for flow in sorted(flows.values(), key=lambda flow: len(list(references(flow.graph)))):
        digest = releases.closure_digest([flow, *(flows[key] for key in _below(flow, flows))])
        released[flow.key] = Release.objects.filter(key=flow.key, closure_sha256=digest).last() or _release(
            flow, author, approver, at
        )
    for code, scenario in scenarios().items():
        for role, name in ((Binding.Role.DECIDE, "key"), (Binding.Role.KNOCK_OUT, "knock_out_key")):
            scope = releases.Scope(code, role)
            key = scenario.get(name)
            if key and releases.is_as_shipped(scope, SHIPPED):
                releases.bind(scope=scope, release=released[key], by=approver, reason=SHIPPED, at=at)


def _below(flow: Flow, flows: dict[str, Flow]) -> set[str]:
    keys = {key for _, key in references(flow.graph)}
    return keys.union(*(_below(flows[key], flows) for key in keys))


def _release(flow: Flow, author: str, approver: str, at: datetime) -> Release:
    form, authored = _authored(flow)
    return releases.release(flow=flow, form=form, authored=authored, author=author, approver=approver, at=at)


def _authored(flow: Flow) -> tuple[str, dict[str, Any] | None]:
    rules, card = DATA / "rulesets" / f"{flow.key}.json", DATA / "scorecard.json"
    if rules.exists():
        return ReleaseForm.RULE_SET, json.loads(rules.read_text(encoding="utf-8"))
    document = json.loads(card.read_text(encoding="utf-8"))
    return (ReleaseForm.SCORECARD, document) if document["key"] == flow.key else (ReleaseForm.FLOW, None)


def _actor(username: str) -> str:
    staff = User.objects.filter(username=username).first()
    return f"staff:{staff.pk}" if staff else f"staff:{username}"
