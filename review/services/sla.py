"""Cases that are at risk or late: their attention rises, and the leads are told, once at each step."""

from datetime import datetime

from django.db.models import Q

from review.models import Action, Attention, Case, CaseStatus
from review.services import gate
from users.models import Severity
from users.services import notices

KINDS = ("case_at_risk", "case_breached")


def raise_late(*, at: datetime, limit: int = 100) -> int:
    """Raise the attention of what has become at risk or late; a case whose clock stands is neither. How many."""
    running = Case.objects.filter(closed_at=None).exclude(status=CaseStatus.SUPPLEMENT)
    due = running.filter(
        Q(attention=Attention.IN_TIME, at_risk_at__lte=at) | Q(attention__lt=Attention.BREACHED, due_at__lte=at)
    )
    found = list(due.select_for_update(of=("self",), skip_locked=True).select_related("queue").order_by("pk")[:limit])
    for case in found:
        _raise(case, Attention.BREACHED if case.due_at <= at else Attention.AT_RISK, at=at)
    return len(found)


def _raise(case: Case, attention: Attention, *, at: datetime) -> None:
    changes = {"attention": [case.attention, int(attention)]}
    case.attention = attention
    case.save(update_fields=["attention"])
    gate.record(case, Action.LATE, source=case.status, by="system", at=at, changes=changes)
    settle(case.pk, at=at)  # the milder notice of the same case
    subject = f"case:{case.pk}"
    text = f"{case.queue.code}, {case.status}, due {case.due_at:%Y-%m-%d %H:%M} UTC"
    if attention == Attention.BREACHED:
        notices.raise_notice(kind="case_breached", subject=subject, text=text, severity=Severity.CRITICAL, at=at)
    else:
        notices.raise_notice(kind="case_at_risk", subject=subject, text=text, severity=Severity.WARNING, at=at)


def settle(case_id: int, *, at: datetime) -> None:
    """Close what the leads were told about a case that has moved on."""
    notices.close_about(kinds=KINDS, subject=f"case:{case_id}", reason="The case has moved on", at=at)
