"""The checklist of a case: what its holder has looked at, and what stands in the way of a verdict."""

from collections.abc import Collection
from datetime import datetime

from lending.common.errors import Conflict, Invalid
from review.models import Case, CaseOutcome, ChecklistItem, ChecklistTick, NeededFor
from review.services import gate


class UnknownItem(Invalid):
    code, title = "unknown_checklist_item", "The checklist of this queue has no such item"


class ChecklistOpen(Conflict):
    code, title = "checklist_open", "The checklist is not complete"


def mark(*, case_id: int, by_id: int, keys: Collection[str], at: datetime) -> None:
    """Make exactly `keys` of the list of the case's queue ticked; who ticked one before stays who did.

    Raises what `gate.hold` raises, UnknownItem.
    """
    case, _, _ = gate.hold(case_id, by_id)
    items = {item.key: item for item in ChecklistItem.objects.filter(queue_id=case.queue_id, active=True)}
    if unknown := sorted(set(keys) - set(items)):
        raise UnknownItem(f"Unknown: {', '.join(unknown)}.", unknown=unknown)
    ticked = ChecklistTick.objects.filter(case=case, item__in=items.values(), taken_back_at=None)
    ticked.exclude(item__key__in=keys).update(taken_back_by=by_id, taken_back_at=at)
    there = set(ticked.values_list("item__key", flat=True))
    ChecklistTick.objects.bulk_create(
        ChecklistTick(case=case, item=items[key], by_id=by_id, ticked_at=at) for key in sorted(set(keys) - there)
    )


def check_done(case: Case, outcome: str) -> None:
    """Raises ChecklistOpen, naming what is not ticked, where a verdict of `outcome` needs it."""
    needed = [NeededFor.ANY, NeededFor.APPROVE] if outcome == CaseOutcome.APPROVE else [NeededFor.ANY]
    ticked = ChecklistTick.objects.filter(case=case, taken_back_at=None).values("item_id")
    missing = list(
        ChecklistItem.objects.filter(queue_id=case.queue_id, active=True, needed_for__in=needed).exclude(pk__in=ticked)
    )
    if missing:
        raise ChecklistOpen(
            "Tick on the checklist first: " + "; ".join(map(str, missing)) + ".", items=[item.key for item in missing]
        )
