"""The batch rules change by two people: a row is drafted by one and put in force by another."""

from collections.abc import Sequence
from datetime import datetime

from lending.common.errors import Conflict, Forbidden, Invalid, NotFound
from review.models import BatchAction, BatchChange, BatchRule, ChecklistNeed, Stage
from review.models.authority import VersionState
from review.services import two_people
from users.services import acts

DRAFT, APPROVE = "review.draft_batchchange", "review.approve_batchchange"
GRADES = ("A", "B", "C", "D", "E")


class NotADraft(Conflict):
    code, title = "batch_change_not_a_draft", "This change was decided already"


class SamePerson(Forbidden):
    code, title = "batch_change_same_person", "Somebody else approves what you drafted"


class BeingChanged(Conflict):
    code, title = "batch_rule_being_changed", "A change of this row is drafted already"


def draft(
    *,
    stage: str,
    action: str,
    grades: Sequence[str],
    amount_to_cents: int,
    checklist: str,
    reason: str,
    by: str,
    at: datetime,
) -> int:
    """What the row of a stage and an action shall become; no `grades`: no batch. Its id.

    Raises NotAllowed, ReasonRequired, Invalid, BeingChanged.
    """
    acts.require(by=by, permission=DRAFT)
    faults = {
        "stage": stage not in Stage.values,
        "action": action not in BatchAction.values,
        "grades": bool(set(grades) - set(GRADES)),
        "amount_to_cents": not 0 < amount_to_cents <= 10**12,
        "checklist": checklist not in ChecklistNeed.values,
    }
    if wrong := [name for name, fault in faults.items() if fault]:
        raise Invalid("This row is not possible.", fields=dict.fromkeys(wrong, "not possible"))
    if BatchChange.objects.filter(stage=stage, action=action, state=VersionState.DRAFT).exists():
        raise BeingChanged()
    row = BatchChange.objects.create(
        stage=stage,
        action=action,
        grades=sorted(set(grades)),
        amount_to_cents=amount_to_cents,
        checklist=checklist,
        reason=acts.checked(reason),
        drafted_by=by,
        drafted_at=at,
    )
    acts.record(by=by, act="draft_batch_rule", subject=f"batchchange:{row.pk}", reason=reason, at=at)
    return row.pk


def approve(change_id: int, *, reason: str, by: str, at: datetime) -> None:
    """Put a draft in force. Raises NotFound, NotADraft, SamePerson, NotAllowed, ReasonRequired."""
    row = _draft(change_id)
    acts.require(by=by, permission=APPROVE)
    if row.drafted_by == by:
        raise SamePerson()
    row.approve()
    two_people.decide(row, "approve_batch_rule", reason=reason, by=by, at=at)
    BatchRule.objects.update_or_create(
        stage=row.stage,
        action=row.action,
        defaults={"grades": row.grades, "amount_to_cents": row.amount_to_cents, "checklist": row.checklist},
    )


def discard(change_id: int, *, reason: str, by: str, at: datetime) -> None:
    """Drop a draft; its author may, too. Raises NotFound, NotADraft, NotAllowed, ReasonRequired."""
    row = _draft(change_id)
    acts.require(by=by, permission=DRAFT)
    row.discard()
    two_people.decide(row, "discard_batch_rule", reason=reason, by=by, at=at)


def _draft(change_id: int) -> BatchChange:
    row = BatchChange.objects.select_for_update().filter(pk=change_id).first()
    if row is None:
        raise NotFound("There is no such change.")
    if row.state != VersionState.DRAFT:
        raise NotADraft(f"It is {row.state}.")
    return row
