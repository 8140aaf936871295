"""The log of who looked at whose personal data, and why."""

from collections.abc import Sequence
from datetime import datetime

from lending.common.errors import Invalid
from users.models import AccessLog


class ReasonRequired(Invalid):
    code, title = "reason_required", "Say why you need to see this"


def record(*, by: str, subject: str, fields: Sequence[str], reason: str, at: datetime) -> None:
    """Write before showing. Raises ReasonRequired for fewer than five characters."""
    if len(reason.strip()) < 5:
        raise ReasonRequired(fields={"reason": "At least five characters."})
    AccessLog.objects.create(by=by, subject=subject, fields=list(fields), reason=reason.strip()[:300], at=at)
