"""What people said against a rule, handed to the analysts: a draft of its artefact, test cases, and a backtest."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lending.common.errors import DomainError
from risk.models import Decision, Draft, DraftState, Release, ReleaseForm
from risk.rules import proposing
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
    """A draft of the newest release of `key` with the smallest change that fits what people said, where one can be
    computed, the disputed decisions as its test cases, and a backtest that compares it with that release over the
    stored decisions of the period. A draft that somebody writes already is left as it is, and tried as it is.

    The draft stays one: analysts submit it, others approve it, or nobody does. Raises NotAllowed.
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
        decisions = Decision.objects.in_bulk([each.decision_id for each in disputed])
        change, said = _change(base, disputed, decisions)
        tests = [*draft.tests, *_cases(base, disputed[:MOST_CASES], decisions, change)]
        authored = change.authored if change else None
        draft.notes = f"{notes}\n\n{said}"
        draft.save(update_fields=["notes"])
        draft = drafts.save(draft_id=draft.pk, revision=draft.revision, authored=authored, tests=tests, by=by, at=at)
        added = len(tests) - len(base.tests)
        told = f"A draft begins as {base} is; {added} of the cases are its test cases. {said}"
    backtest_id, why = _tried(draft, base, since=since, until=until, by=by, at=at)
    return Proposal(draft.pk, backtest_id, f"{told} {why}".strip())


def _change(
    base: Release, disputed: Sequence[Disputed], decisions: Mapping[int, Decision]
) -> tuple[proposing.Change | None, str]:
    """What would have let the verdicts stand, and the sentence about it; None where it would be a guess."""
    said, rules = [each.said for each in disputed], {each.rule for each in disputed}
    try:
        if base.form == ReleaseForm.RULE_SET and len(rules) == 1:
            change = proposing.softened(base.authored or {}, rules.pop(), said)
        elif base.form == ReleaseForm.FLOW and rules == {""}:
            known = [decisions[each.decision_id].score for each in disputed if each.decision_id in decisions]
            scores = [score for score in known if score is not None]
            change = proposing.moved_cut_off(base.graph, scores, said)
        else:
            raise proposing.NothingComputed(f"A {base.get_form_display().lower()} has no row that could be moved.")
    except proposing.NothingComputed as error:
        return None, f"No change is proposed: {error} The draft is as {base}."
    return change, change.told


def _cases(
    base: Release,
    disputed: Sequence[Disputed],
    decisions: Mapping[int, Decision],
    change: proposing.Change | None,
) -> list[dict[str, Any]]:
    """What the proposed change promises. Without one, what people wanted: the rule that was overruled not to hit; of a
    score, the verdict they gave; such cases fail until the analysts change the draft, or the cases because the rule is
    right."""
    own = [rule["id"] for rule in (base.authored or {}).get("rules", ())] if base.form == ReleaseForm.RULE_SET else []
    cases = []
    for each in disputed:
        row = decisions.get(each.decision_id)
        if row is None:
            continue
        known = json.loads(row.inputs)
        inputs = {name: known.get(name) for name in base.scenario.inputs}
        hits = list(dict.fromkeys(str(hit.get("rule")) for hit in row.hits if hit.get("rule") in own))
        expect: dict[str, Any]
        if change is not None and change.grade:
            expect = {"grade": change.grade}
        elif change is not None:
            expect = {"outcome": _outcome(change, each.rule, row.hits, own)}
        elif each.rule in own:
            expect = {"hits": [rule for rule in hits if rule != each.rule]}
        else:
            expect = {"outcome": each.said}
        cases.append({"name": each.name, "inputs": inputs, "expect": expect})
    return cases


def _outcome(change: proposing.Change, rule: str, hits: Sequence[Mapping[str, Any]], own: Sequence[str]) -> str:
    """Of the changed rule set where these hits were stored: the hardest of what its rules do then."""
    changed = next(row["action"] for row in change.authored["rules"] if row["id"] == rule)
    does = {
        changed if hit.get("rule") == rule and not hit.get("unknown") else hit.get("action")
        for hit in hits
        if hit.get("rule") in own
    }
    return next((action for action in ("decline", "refer") if action in does), "approve")


def _tried(
    draft: Draft, base: Release, *, since: datetime, until: datetime, by: str, at: datetime
) -> tuple[int | None, str]:
    """The backtest of the draft against what it began from, or why there is none."""
    asked: dict[str, Any] = {"period": backtests.Period(since, until), "baseline_id": base.pk, "by": by, "at": at}
    try:
        return backtests.start(draft_id=draft.pk, **asked).pk, ""
    except DomainError as refused:
        return None, f"No backtest was started: {refused.detail}"
