"""Drafts, submissions and releases that are made through the real services."""

import json
from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime
from typing import Any

from risk.models import Draft, Release, Submission
from risk.rules.document import Flow
from risk.rules.ruleset import compile_rules
from risk.rules.strategy import DATA, schema_of
from risk.services import backtest_runs, backtests, begin_draft, datasets, release, save_draft, submit_strategy
from risk.services.releases import Scope

OPEN_APPLICATION = {
    "id": "one_at_a_time",
    "when": {"open_applications": [">", 0]},
    "reason": "H06",
    "action": "decline",
    "unknown": "refer",
}
KNOWN = {
    "as_of": "2026-09-07",
    "product": "LINE",
    "open_applications": 0,
    "open_loans": 0,
    "worst_days_late_here": 0,
    "black_listed": False,
    "grey_listed": False,
    "white_listed": False,
    "exempt_rules": [],
}
CASES: list[dict[str, Any]] = [
    {"name": "has none", "inputs": KNOWN, "expect": {"outcome": "approve"}},
    {
        "name": "has one",
        "inputs": KNOWN | {"open_applications": 1},
        "expect": {"outcome": "decline", "reasons": ["H06"]},
    },
    {
        "name": "nobody knows",
        "inputs": {name: value for name, value in KNOWN.items() if name != "open_applications"},
        "expect": {"outcome": "refer", "reasons": ["N01"]},
    },
]


def precheck_draft(
    at: datetime, *, key: str = "precheck", by: str = "system", rules: Any = None, tests: Any = None
) -> Draft:
    """A sound rule set of the scenario nobody serves yet."""
    draft = begin_draft(key=key, scenario="precheck", form="rule_set", title="Precheck", by=by, at=at)
    return save_draft(
        draft_id=draft.pk,
        revision=draft.revision,
        authored={"rules": deepcopy(rules if rules is not None else [OPEN_APPLICATION])},
        tests=deepcopy(tests if tests is not None else CASES),
        by=by,
        at=at,
    )


def rows_of(known: Mapping[str, Any]) -> bytes:
    """Three complete rows as a CSV, by the number of open applications."""
    told = {name: value for name, value in known.items() if name != "open_applications" and not isinstance(value, list)}
    cells = [str(value).lower() if isinstance(value, bool) else str(value) for value in told.values()]
    lines = [[*told, "open_applications"], *([*cells, str(count)] for count in range(3))]
    return "\n".join(",".join(line) for line in lines).encode()


def backtested(draft: Draft, at: datetime, known: Mapping[str, Any] = KNOWN) -> None:
    """The draft tried to the end: one of credit over the sample, others over three rows."""
    if draft.scenario.code == "credit":
        dataset = datasets.from_sample(scenario="credit", by="system", at=at)
    else:
        dataset = datasets.import_csv(name="three", content=rows_of(known), by="system", at=at)
    row = backtests.start(draft_id=draft.pk, dataset_id=dataset.pk, by="system", at=at)
    while backtest_runs.run_next(backtest_id=row.pk, now=at):
        pass


def submitted_precheck(at: datetime, *, key: str = "precheck", by: str = "system", **asked: Any) -> Submission:
    draft = precheck_draft(at, key=key, by=by)
    backtested(draft, at)
    asked = {"scope": Scope("precheck"), "note": "a first precheck"} | asked
    return submit_strategy(draft_id=draft.pk, revision=draft.revision, by=by, at=at, **asked)


def stricter_admission(at: datetime, age: int = 21, *more: dict[str, Any]) -> Release:
    """The shipped admission with a higher age and `more` rules, released by two people."""
    authored = json.loads((DATA / "rulesets" / "admission.json").read_text(encoding="utf-8"))
    authored["rules"][0]["when"] = {"age_years": ["<", age]}
    authored["rules"] += more
    graph = compile_rules(authored | {"schema": schema_of("admission")})
    flow = Flow("admission", graph, "admission")
    return release(flow=flow, form="rule_set", authored=authored, author="staff:1", approver="staff:2", at=at)
