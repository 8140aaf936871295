"""Loads the demo configuration: variables, scenarios, and the shipped flows as releases in force. May run again."""

import csv
import json
from datetime import datetime
from typing import Any

from risk.models import Binding, ReleaseForm, Scenario, Variable
from risk.rules.document import Flow, references
from risk.rules.strategy import DATA, scenarios, schema_of, shipped_flows
from risk.services import releases
from users.models import User

AUTHOR, APPROVER = "analyst.lin", "analyst.he"


def load(*, at: datetime, author: str = "", approver: str = "") -> None:
    """`author`, `approver`: actors of the releases, by default the two demo analysts."""
    _variables()
    _scenarios()
    _releases(at, author or _actor(AUTHOR), approver or _actor(APPROVER))


def _variables() -> None:
    with (DATA / "configuration" / "variables.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            fields: dict[str, Any] = row | {"nullable": row["nullable"] == "yes"}
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
            },
        )


def _releases(at: datetime, author: str, approver: str) -> None:
    """Sub-decisions first, so that each release can pin what it asks."""
    released = {}
    for flow in sorted(shipped_flows(), key=lambda flow: len(list(references(flow.graph)))):
        form, authored = _authored(flow)
        released[flow.key] = releases.release(
            flow=flow, form=form, authored=authored, author=author, approver=approver, at=at
        )
    for code, scenario in scenarios().items():
        releases.bind(scenario=code, role=Binding.Role.DECIDE, release=released[scenario["key"]], at=at)
        if knock_out := scenario.get("knock_out_key"):
            releases.bind(scenario=code, role=Binding.Role.KNOCK_OUT, release=released[knock_out], at=at)


def _authored(flow: Flow) -> tuple[str, dict[str, Any] | None]:
    rules, card = DATA / "rulesets" / f"{flow.key}.json", DATA / "scorecard.json"
    if rules.exists():
        return ReleaseForm.RULE_SET, json.loads(rules.read_text(encoding="utf-8"))
    document = json.loads(card.read_text(encoding="utf-8"))
    return (ReleaseForm.SCORECARD, document) if document["key"] == flow.key else (ReleaseForm.FLOW, None)


def _actor(username: str) -> str:
    staff = User.objects.filter(username=username).first()
    return f"staff:{staff.pk}" if staff else f"staff:{username}"
