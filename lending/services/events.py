"""The history row of a transition, which is also flow's to-do row."""

from datetime import datetime
from typing import Any

from lending.common import bulk
from lending.common.wake import wake
from lending.models import Application, Drawdown, Event, Grant, Loan


def record(
    *, subject: Application | Grant | Drawdown | Loan, source: str, actor: str, at: datetime, reason: str = ""
) -> int:
    """Write the event of a transition that has just been saved on `subject`; flow handles it after commit."""
    event = Event(**_keys(subject), source=source, target=subject.status, actor=actor, reason=reason, occurred_at=at)
    bulk.insert_rows([event])
    wake("lending.tasks.run_flow")
    return event.pk


def _keys(subject: Application | Grant | Drawdown | Loan) -> dict[str, Any]:
    """The subject's own key and those of its parents."""
    match subject:
        case Application():
            return {"subject": "application", "application_id": subject.pk}
        case Grant():
            return {"subject": "grant", "application_id": subject.application_id, "grant_id": subject.pk}
        case Drawdown():
            return _keys(subject.grant) | {"subject": "drawdown", "drawdown_id": subject.pk}
        case Loan():
            return _keys(subject.drawdown) | {"subject": "loan", "loan_id": subject.pk}
