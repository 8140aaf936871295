"""Erasing in traffic: which channels knew somebody. Orders and attribution stay with their application."""

from traffic.models import JoinLink, Lead, Offer, OfferState, PlatformCallback, PrecheckSubject, Touch


def erase(*, user_id: int) -> None:
    """No channel finds the borrower by a hash any more, no link opens, and who brought them is forgotten.

    To which platform they were handed on stays, with the consent that allowed it; what the platform wrote goes.
    """
    for model in (PrecheckSubject, JoinLink, Touch):
        model.objects.filter(user_id=user_id).delete()
    for offer in Offer.objects.select_for_update().filter(user_id=user_id, state=OfferState.OPEN):
        offer.close()
        offer.save(update_fields=["state"])
    leads = Lead.objects.filter(user_id=user_id)
    PlatformCallback.objects.filter(key__in=leads.values("key")).update(payload={})
    leads.update(answer=None, link="", refusal="", last_error="", watched=False)
