"""The log of who looked at whose personal data, and why."""

from collections.abc import Sequence
from datetime import datetime

from users.models import AccessLog
from users.services import acts


def record(*, by: str, subject: str, fields: Sequence[str], reason: str, at: datetime) -> None:
    """Write before showing. Raises ReasonRequired for fewer than five characters."""
    AccessLog.objects.create(by=by, subject=subject, fields=list(fields), reason=acts.checked(reason), at=at)
