"""What staff must look at."""

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from lending.common.errors import NotFound
from users.models import Notice, Severity
from users.services import acts

MAY_CLOSE = "users.change_notice"


def raise_notice(*, kind: str, subject: str, text: str, at: datetime, severity: str = Severity.WARNING) -> None:
    """Open a notice, or count it once more where one of this kind and subject is open. Safe in any transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO users_notice (kind, subject, text, severity, times, raised_at, last_at, closed_by,
                                      closed_reason)
            VALUES (%(kind)s, %(subject)s, %(text)s, %(severity)s, 1, %(at)s, %(at)s, '', '')
            ON CONFLICT (kind, subject) WHERE closed_at IS NULL DO UPDATE
            SET times = users_notice.times + 1, last_at = excluded.last_at, text = excluded.text,
                severity = excluded.severity
            """,
            {"kind": kind, "subject": subject[:80], "text": text[:500], "severity": severity, "at": at},
        )


def close_about(*, kinds: Sequence[str], subject: str, reason: str, at: datetime) -> None:
    """The platform itself sees that what it was about is over."""
    told = Notice.objects.filter(kind__in=kinds, subject=subject, closed_at=None)
    told.update(closed_by="system", closed_at=at, closed_reason=reason)


def close(*, notice_id: int, reason: str, by: str, at: datetime) -> None:
    """What it was about is dealt with. Raises NotFound where it is not open, NotAllowed, ReasonRequired."""
    notice = Notice.objects.select_for_update().filter(pk=notice_id, closed_at=None).first()
    if notice is None:
        raise NotFound("There is no such open notice.")
    notice.closed_by, notice.closed_at, notice.closed_reason = by, at, acts.checked(reason)
    notice.save(update_fields=["closed_by", "closed_at", "closed_reason"])
    acts.record(by=by, act="close_notice", subject=f"notice:{notice_id}", reason=reason, at=at, permission=MAY_CLOSE)
