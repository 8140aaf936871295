"""Who may see a borrower's data in clear: not a reviewer who must not review this borrower."""

from collections.abc import Sequence
from datetime import datetime

from review.models import Reviewer
from review.services import gate
from users.services import access, acts


def record_reveal(*, by: str, subject: str, fields: Sequence[str], reason: str, at: datetime) -> None:
    """Keep who sees what of whom ("user:17"), before it is shown. Raises ConflictOfInterest, ReasonRequired."""
    by_id, borrower_id = _id(by), _id(subject)
    if Reviewer.objects.filter(user_id=by_id).exists():
        gate.check_no_interest(borrower_id=borrower_id, by_id=by_id)
    access.record(by=by, subject=subject, fields=fields, reason=reason, at=at)


def record_refusal(*, by: str, subject: str, fields: Sequence[str], reason: str, at: datetime) -> None:
    """Keep that somebody asked who must not see it."""
    acts.record(by=by, act="reveal_refused", subject=subject, reason=f"{', '.join(fields)}: {reason}", at=at)


def _id(word: str) -> int:
    """Of "staff:3" or "user:17"."""
    return int(word.partition(":")[2])
