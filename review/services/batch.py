"""One verdict for many cases, where stage and risk band allow it: each case on its own, each with its result."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from lending.common.errors import DomainError, Forbidden
from review.models import BatchRule, Case, CaseStatus, ChecklistNeed
from review.models.case import WAITING, WORKED
from review.services import checklist, claims, gate, verdicts

MOST = 100


class OutsideBatch(Forbidden):
    code, title = "outside_batch", "This case is decided on its own page"


@dataclass(frozen=True, slots=True)
class Result:
    """`refused` is empty where it was done, or could be."""

    case_id: int
    refused: str


def why_not(case: Case, action: str, by_id: int) -> str:
    """Why a case cannot be part of this batch of this reviewer; "" where it can, as far as can be seen before."""
    if case.status not in (*WAITING, *WORKED):
        return f"It is {CaseStatus(case.status).label}."
    if case.status in WORKED and case.claimed_by_id != by_id:
        return "Somebody else holds it."
    rule = _rule(case, action)
    if rule is None:
        return f"No batch of this action at the {case.stage} stage."
    if case.is_exception or case.is_appeal:
        return "An exception or an appeal is decided on its own page."
    if case.grade not in rule.grades:
        return f"Grade {case.grade or 'missing'} is outside the band."
    if case.amount_cents > rule.amount_to_cents:
        return "The amount is above the band."
    if rule.checklist == ChecklistNeed.WAIVED:
        return ""
    try:
        checklist.check_done(case, action)
    except checklist.ChecklistOpen as error:
        return error.detail
    return ""


def _rule(case: Case, action: str) -> BatchRule | None:
    return BatchRule.objects.filter(stage=case.stage, action=action).first()


def run_batch(
    *, case_ids: Sequence[int], action: str, reasons: Sequence[str], note: str, by_id: int, now: datetime
) -> tuple[Result, ...]:
    """Recommend or decide each of at most 100 cases, in a transaction of its own; what one is refused stops no other.

    A waiting case is claimed first, by the rules of every claim. Raises NotAReviewer.
    """
    gate.reviewer(by_id)
    results = []
    for case_id in list(dict.fromkeys(case_ids))[:MOST]:
        try:
            with transaction.atomic(durable=True):
                _do(case_id, action, reasons, note, by_id, now)
            results.append(Result(case_id, ""))
        except DomainError as error:
            results.append(Result(case_id, error.detail))
    return tuple(results)


def _do(case_id: int, action: str, reasons: Sequence[str], note: str, by_id: int, at: datetime) -> None:
    case = gate.lock(case_id)
    if refused := why_not(case, action, by_id):
        raise OutsideBatch(refused)
    if case.status in WAITING and claims.claim_next(by_id=by_id, at=at, only=case_id) is None:
        raise OutsideBatch("It is not offered to you, or five cases are open already.")
    say = verdicts.recommend if case.stage == "initial" else verdicts.decide
    rule = _rule(case, action)
    waived = rule is not None and rule.checklist == ChecklistNeed.WAIVED
    say(case_id=case_id, by_id=by_id, outcome=action, reasons=reasons, note=note, checklist_waived=waived, at=at)
