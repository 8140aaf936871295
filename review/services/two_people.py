"""What one person drafts and another puts in force: how a draft ends."""

from datetime import datetime

from review.models import AuthorityVersion, BatchChange
from users.services import acts


def decide(row: AuthorityVersion | BatchChange, act: str, *, reason: str, by: str, at: datetime) -> None:
    """Keep who decided a draft that was just approved or discarded, and why. Raises ReasonRequired."""
    row.decided_by, row.decided_at, row.decision_note = by, at, acts.checked(reason)
    row.save()
    acts.record(by=by, act=act, subject=f"{row._meta.model_name}:{row.pk}", reason=reason, at=at)
