"""Erasing a borrower from funding: what was ordered, and what came of it, stays; what the other side wrote goes."""

from funding.models import Allocation, CallbackEvent, Collection, Payout


def erase(*, user_id: int) -> None:
    """Empty the raw replies and callbacks of lenders and payment channels, and a lender's own words."""
    allocations = Allocation.objects.filter(user_id=user_id)
    payouts = Payout.objects.filter(drawdown__user_id=user_id)
    collections = Collection.objects.filter(loan__user_id=user_id)
    keys: set[str] = set()
    for rows in (allocations, payouts, collections):
        keys.update(rows.values_list("key", flat=True))
        rows.update(answer=None, last_error="")
    allocations.update(refusal="")
    CallbackEvent.objects.filter(key__in=keys).update(payload={})
