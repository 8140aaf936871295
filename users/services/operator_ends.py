"""How an operator authorisation ends, whoever ends it."""

from collections.abc import Iterable
from datetime import datetime

from users.models import LIVE, OperatorAuthorisation, OperatorEnd

WRITTEN = ("state", "why", "ended_at", "token", "code", "page", "leased_until", "not_before")


def end(row: OperatorAuthorisation, why: OperatorEnd, at: datetime, *, refused: bool = False) -> None:
    """The row is locked and live. What it was asked with is gone with it."""
    if refused:
        row.refused()
    else:
        row.expired()
    row.why, row.ended_at = why, at
    row.token = row.code = row.page = row.leased_until = row.not_before = None
    row.save(update_fields=WRITTEN)


def end_under(*, consents: Iterable[int], at: datetime) -> None:
    """Those that stand on one of these consents, which were withdrawn."""
    rows = OperatorAuthorisation.objects.select_for_update().filter(consent__in=list(consents), state__in=LIVE)
    for row in rows.order_by("pk"):
        end(row, OperatorEnd.CONSENT_WITHDRAWN, at)


def erase(*, user_id: int, at: datetime) -> None:
    """That there was an authorisation, and when, stays; neither token nor number."""
    for row in OperatorAuthorisation.objects.select_for_update().filter(user_id=user_id).order_by("pk"):
        if row.state in LIVE:
            end(row, OperatorEnd.ERASED, at)
        row.phone_index = ""
        row.save(update_fields=["phone_index"])
