"""What staff changed in a register, value by value. The shipped tables never overwrite it."""

from collections.abc import Mapping
from datetime import datetime

from users.models import Amendment
from users.services import acts

LONGEST = 300  # of a value as it is kept


def record(*, subject: str, changed: Mapping[str, tuple[str, str]], by: str, reason: str, at: datetime) -> None:
    """`changed`: {field: (before, after)}, as text. Raises ReasonRequired."""
    kept = acts.checked(reason)
    Amendment.objects.bulk_create(
        Amendment(
            subject=subject[:80], field=field, before=before[:LONGEST], after=after[:LONGEST], by=by, reason=kept, at=at
        )
        for field, (before, after) in changed.items()
    )


def fields_of(subject: str) -> frozenset[str]:
    """Those that somebody has changed since they were shipped."""
    return frozenset(Amendment.objects.filter(subject=subject).order_by().values_list("field", flat=True).distinct())
