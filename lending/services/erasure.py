"""Erasing a borrower from the shared rows: loans and the books stay, what was written and brought goes."""

from datetime import date, datetime

from django.db import transaction

from lending.common import clock, vault
from lending.common.errors import Conflict
from lending.models import (
    Application,
    Drawdown,
    Event,
    Grant,
    GrantStatus,
    IdempotencyKey,
    Loan,
    SupplementItem,
)
from lending.models.application import OPEN_STATUSES
from lending.models.drawdown import ENDED
from lending.models.loan import OWING
from lending.services import grants


class StillOpen(Conflict):
    code, title = "still_open", "Something of yours is still open"


def in_the_way(user_id: int) -> tuple[str, ...]:
    """What has to end first: application, drawdown, loan, or a step that is still to be taken (work)."""
    found = {
        "application": Application.objects.filter(user_id=user_id, status__in=OPEN_STATUSES),
        "drawdown": Drawdown.objects.filter(user_id=user_id).exclude(status__in=ENDED),
        "loan": Loan.objects.filter(user_id=user_id, status__in=OWING),
        "work": Event.objects.filter(application__user_id=user_id, handled_at=None),
    }
    return tuple(name for name, rows in found.items() if rows.exists())


def last_loan_ended_on(user_id: int) -> date | None:
    """The business day; None where there never was a loan."""
    ended = Loan.objects.filter(user_id=user_id).order_by("-closed_at").values_list("closed_at", flat=True).first()
    return clock.business_date(ended) if ended else None


def erase(*, user_id: int, by: str, at: datetime) -> None:
    """Close what could still be drawn; empty what the borrower wrote and brought. The caller has looked `in_the_way`.

    Files go once this is committed: a roll-back leaves them.
    """
    Event.objects.filter(application__user_id=user_id, actor=f"user:{user_id}").exclude(reason="").update(reason="")
    for grant in Grant.objects.filter(user_id=user_id, status__in=[GrantStatus.ACTIVE, GrantStatus.FROZEN]):
        grants.close(grant_id=grant.pk, reason="account erased", by=by, at=at)
    for item in SupplementItem.objects.filter(supplement__application__user_id=user_id).order_by("pk"):
        name, item.answer_text = item.file.name, None
        item.file, item.file_sha256, item.file_size = "", "", None
        item.save(update_fields=["answer_text", "file", "file_sha256", "file_size"])
        if name:
            transaction.on_commit(lambda name=name: vault.forget(name))  # type: ignore[misc]
    IdempotencyKey.objects.filter(caller=f"user:{user_id}").delete()
