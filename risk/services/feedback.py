"""What people said against a rule, handed to the analysts: a draft of its artefact, test cases, and a backtest."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lending.common.errors import DomainError
from risk.models import Decision, Draft, DraftState, Release, ReleaseForm
from risk.services import backtests, drafts, releases

MOST_CASES = 20


@dataclass(frozen=True)
class Disputed:
    """A stored decision a person judged otherwise about; `rule`: of the artefact, "" for its score; `said`: approve or
    decline. `name` is what its test case is called."""

    decision_id: int
    rule: str
    said: str
    name: str


@dataclass(frozen=True)
class Proposal:
    """`told`: what was done, and why something could not be, in sentences."""

    draft_id: int | None
    backtest_id: int | None
    told: str


def homes(decision_id: int) -> dict[str, str]:
    """Of every rule that hit in a stored decision, the key of the rule set it stands in; "" is the flow that decided.

    Empty where there is no such decision.
    """
    row = Decision.objects.select_related("release__scenario").filter(pk=decision_id).first()
    if row is None:
        return {}
    hit = {str(found.get("rule")) for found in row.hits}
    found = {"": row.release.key}
    for part in releases.closure(row.release):
        if part.form == ReleaseForm.RULE_SET and isinstance(part.authored, Mapping):
            found |= {rule["id"]: part.key for rule in part.authored.get("rules", ()) if rule["id"] in hit}
    return found


def propose(
    *, key: str, notes: str, disputed: Sequence[Disputed], since: datetime, until: datetime, by: str, at: datetime
) -> Proposal:
    """A draft of the newest release of `key`, with the disputed decisions as test cases, and its backtest over the
    stored decisions of the period. A draft that somebody writes already is left as it is, and tried as it is.

    Raises NotAllowed.
    """
    base = releases.latest(key)
    if base is None:
        return Proposal(None, None, f"{key} was never released, so there is nothing to begin a draft from.")
    working = Draft.objects.filter(key=key, state__in=[DraftState.OPEN, DraftState.SUBMITTED]).first()
    if working is not None:
        draft, told = working, f"{key} is being written already; that draft was left as it is."
    else:
        draft = drafts.fork(release_id=base.pk, by=by, at=at)
        draft.notes = notes
        draft.save(update_fields=["notes"])
        tests = [*draft.tests, *_cases(base, disputed[:MOST_CASES])]
        draft = drafts.save(draft_id=draft.pk, revision=draft.revision, tests=tests, by=by, at=at)
        told = f"A draft begins as {base} is; {len(tests) - len(base.tests)} of the cases are its test cases."
    backtest_id, why = _tried(draft, since=since, until=until, by=by, at=at)
    return Proposal(draft.pk, backtest_id, f"{told} {why}".strip())


def _cases(base: Release, disputed: Sequence[Disputed]) -> list[dict[str, Any]]:
    """What people wanted: the rule that was overruled not to hit; of a score, the verdict they gave. The cases fail
    until the analysts change the draft, or change the cases because the rule is right."""
    decisions = Decision.objects.in_bulk([each.decision_id for each in disputed])
    own = [rule["id"] for rule in (base.authored or {}).get("rules", ())] if base.form == ReleaseForm.RULE_SET else []
    cases = []
    for each in disputed:
        row = decisions.get(each.decision_id)
        if row is None:
            continue
        known = json.loads(row.inputs)
        inputs = {name: known.get(name) for name in base.scenario.inputs}
        hits = list(dict.fromkeys(str(hit.get("rule")) for hit in row.hits if hit.get("rule") in own))
        if each.rule in own:
            expect: dict[str, Any] = {"hits": [rule for rule in hits if rule != each.rule]}
        else:
            expect = {"outcome": each.said}
        cases.append({"name": each.name, "inputs": inputs, "expect": expect})
    return cases


def _tried(draft: Draft, *, since: datetime, until: datetime, by: str, at: datetime) -> tuple[int | None, str]:
    """The backtest of the draft, or why there is none."""
    asked: dict[str, Any] = {"period": backtests.Period(since, until), "by": by, "at": at}
    try:
        return backtests.start(draft_id=draft.pk, **asked).pk, ""
    except DomainError as refused:
        return None, f"No backtest was started: {refused.detail}"
