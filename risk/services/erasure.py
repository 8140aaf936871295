"""Erasing a borrower from what was decided: decisions stay, on figures; what the sources wrote goes."""

from risk.models import DataPull, Exemption


def erase(*, user_id: int) -> None:
    """Empty every raw answer. The inputs of decisions are figures, without name or number."""
    for pull in DataPull.objects.filter(user_id=user_id, payload__isnull=False).only("pk").order_by("pk"):
        pull.payload = {}
        pull.save(update_fields=["payload"])
    Exemption.objects.filter(user_id=user_id).update(reason="erased")
