"""What came back from a source: settled, read, kept for its time, and read again where it could not be read."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from lending.common import breaker, bulk
from lending.common.errors import Conflict, NotFound
from risk.models import DataPull, PullState
from risk.rules.catalogue import Unreadable, VariableSpec, read
from risk.services import register
from risk.services.calls import Answer
from users.services import acts, notices

WRITTEN = (*("state", "payload", "quarantined", "failure", "settled_at", "leased_until", "price_cents", "latency_ms"),)
MAY_READ_AGAIN = "risk.change_datapull"
PURGED_AT_ONCE = 500


TOKEN_REFUSED = frozenset({"token_expired", "token_unknown"})  # as vendors say it; nothing is out of order


class NotQuarantined(Conflict):
    code, title = "not_quarantined", "This answer is not in quarantine"


class StillUnreadable(Conflict):
    code, title = "still_unreadable", "The catalogue does not fit this answer yet"


def settle(rows: Mapping[int, DataPull], answers: Sequence[Answer], at: datetime) -> None:
    """Write what came, on rows that are still open; the others are brought up to what another worker wrote.

    A dead source raises a notice: somebody must see an outage that the fallback hides.
    """
    for answer in answers:
        row = rows[answer.pull_id]
        if answer.is_dead:
            row.died()
        else:
            row.answered()
        row.payload = None if answer.payload is None else dict(answer.payload)
        row.quarantined = answer.is_dead and row.payload is not None
        row.failure, row.settled_at, row.leased_until = answer.failure, at, None
        row.price_cents, row.latency_ms = answer.spent_cents, answer.latency_ms
    changed = [rows[answer.pull_id] for answer in answers]
    written = bulk.update_rows(changed, WRITTEN, where={"state": PullState.PENDING})
    for row in changed:
        if row.pk not in written:
            row.refresh_from_db()
    died = [row for row in changed if row.pk in written and row.state == PullState.DEAD and not is_token_refused(row)]
    for row in sorted(died, key=lambda row: row.source_code):  # one order for all, or two outages at once deadlock
        _tell(row, at)


def is_token_refused(row: DataPull) -> bool:
    """Whether the vendor does not take the person's authorisation, or no more."""
    return row.state == PullState.DEAD and row.failure.partition(":")[0] in TOKEN_REFUSED


def _tell(row: DataPull, at: datetime) -> None:
    subject, text = f"source:{row.source_code}", f"{row}: {row.failure}"
    if row.failure.startswith(breaker.CODE):
        text = f"{row.source_code} is not called for seconds at a time: it failed too often."
        notices.raise_notice(kind="breaker_open", subject=subject, text=text, at=at)
    elif row.quarantined:
        notices.raise_notice(kind="answer_quarantined", subject=subject, text=text, at=at)
    else:
        notices.raise_notice(kind="source_dead", subject=subject, text=text, at=at)


def values(row: DataPull, specs: Sequence[VariableSpec]) -> dict[str, Any]:
    """The variables of a pull, None where unknown; of one that did not answer, or whose raw answer is gone, none."""
    if row.state != PullState.ANSWERED:
        return {}
    origin = row.reused_from or row
    if origin.payload is None:
        return {}
    try:
        return read(specs, origin.payload["data"])
    except Unreadable:
        return {}  # an earlier answer, and the catalogue has changed since


def read_again(*, pull_id: int, by: str, reason: str, at: datetime) -> None:
    """Out of quarantine, once catalogue or adapter fit: from now on the answer stands, for what is decided later.

    Raises NotFound, NotQuarantined, StillUnreadable, NotAllowed, ReasonRequired.
    """
    row = DataPull.objects.select_for_update().filter(pk=pull_id).first()
    if row is None:
        raise NotFound("There is no such pull.")
    acts.record(by=by, act="read_again", subject=f"pull:{row.pk}", reason=reason, at=at, permission=MAY_READ_AGAIN)
    if not row.quarantined or row.payload is None:
        raise NotQuarantined(f"{row} is {row.state}.")
    specs = register.catalogue().specs.get(row.answers_for, [])
    try:
        read(specs, row.payload.get("data"))
    except Unreadable as error:
        raise StillUnreadable(f"{row}: {error}") from None
    row.read_again()
    row.quarantined, row.failure = False, ""
    row.save(update_fields=["state", "quarantined", "failure"])


def run_retention(*, now: datetime) -> int:
    """Delete raw answers older than their source keeps them; what was decided on them stays. Returns how many."""
    total = 0
    for source in register.asked().values():
        before = now - timedelta(days=source.retention_days)
        while True:
            with transaction.atomic(durable=True):
                old = DataPull.objects.filter(source_id=source.id, settled_at__lt=before, payload__isnull=False)
                ids = list(old.order_by("settled_at").values_list("pk", flat=True)[:PURGED_AT_ONCE])
                total += DataPull.objects.filter(pk__in=ids).update(payload=None, purged_at=now)
            if len(ids) < PURGED_AT_ONCE:
                break
    return total
