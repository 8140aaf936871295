"""Erasing a borrower from what was decided: decisions stay, on figures; what the sources wrote goes."""

from datetime import datetime

from risk.models import DataPull, Decision, Exemption


def erase(*, user_id: int, at: datetime) -> None:
    """Delete every raw answer, as after its time, and the index of what was sent.

    The inputs of decisions are figures, without name or number.
    """
    DataPull.objects.filter(user_id=user_id, payload__isnull=False).update(payload=None, purged_at=at)
    DataPull.objects.filter(user_id=user_id).exclude(subject_index="").update(subject_index="")
    Exemption.objects.filter(user_id=user_id).update(reason="erased")


def forget(*, user_id: int) -> dict[str, int]:
    """Empty the figures of decisions, once the kept years are over; what was decided stays, and cannot be replayed."""
    rows = Decision.objects.filter(assessment__user_id=user_id)
    return {"figures of decisions": rows.update(inputs="{}")}
