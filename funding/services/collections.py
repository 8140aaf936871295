"""A borrower's card is debited for a loan, once per key; what came is posted as a repayment."""

import logging
from datetime import datetime
from uuid import uuid4

from django.db import transaction
from django.db.models import F, Q, Sum

from funding.models import Allocation, AllocationState, Collection, CollectionState
from funding.providers import PAYMENTS
from funding.providers.base import Payment, PaymentAnswer
from funding.services import headroom
from lending.common import work
from lending.common.errors import Conflict, Invalid, PermanentError, TransientError, UnknownOutcome
from lending.common.wake import wake
from lending.models import Loan, LoanStatus
from lending.models.loan import OWING
from lending.services import loans, repayments
from users import queries as users
from users.services import notices

logger = logging.getLogger(__name__)

PROVIDER = "payment-v1"
OPEN = (CollectionState.DUE, CollectionState.SENT, CollectionState.UNKNOWN)
DUE = Q(state__in=OPEN)
LEASE_SECONDS = 30
OWED_TO_FUNDER = (LoanStatus.ACTIVE, LoanStatus.OVERDUE, LoanStatus.WRITTEN_OFF)  # else the guarantor, or nobody


class CollectionOpen(Conflict):
    code, title = "collection_open", "A payment of this loan is already under way"


class LoanClosed(Conflict):
    code, title = "loan_closed", "Nothing is owed on this loan"


class KeyReused(Conflict):
    code, title = "key_reused", "This key was used for another payment"


class NothingToCollect(Invalid):
    code, title = "nothing_to_collect", "The amount must be more than nothing"


def start_collection(
    *,
    loan_id: int,
    amount_cents: int,
    key: str,
    by: str,
    at: datetime,
    card_id: int | None = None,
    allow_partial: bool = False,
) -> int:
    """Order a debit of the borrower's card (without `card_id`, the one the loan was paid to). The collection's id.

    The same key again for this loan answers the first one's id, with another amount KeyReused. One payment of a loan
    at a time: CollectionOpen. Raises NotFound for a card that is not the borrower's, LoanClosed, NothingToCollect.
    """
    loan = loans.lock(loan_id)
    if earlier := Collection.objects.filter(loan=loan, request_key=key).first():
        if earlier.amount_cents != amount_cents:
            raise KeyReused()
        return earlier.pk
    if amount_cents <= 0:
        raise NothingToCollect()
    if loan.status not in OWING:
        raise LoanClosed(f"The loan is {loan.status}.", state=loan.status)
    if Collection.objects.filter(loan=loan, state__in=OPEN).exists():
        raise CollectionOpen("Wait until it is done.")
    card = users.card(loan.user_id, card_id or loan.drawdown.card_id)
    collection = Collection.objects.create(
        key=f"collection-{uuid4()}",
        request_key=key,
        loan=loan,
        card_id=card.id,
        amount_cents=amount_cents,
        allow_partial=allow_partial,
        provider=PROVIDER,
        by=by,
        created_at=at,
    )
    wake("funding.tasks.run_collection", collection_id=collection.pk)
    return collection.pk


def run_collection(*, collection_id: int, now: datetime) -> bool:
    """Send a due debit, or query one that may have been sent. False where it is not due, or another worker has it.

    Opens its own transactions. Sent again only after the channel has said that it never received it, and then under
    the same key.
    """
    with transaction.atomic(durable=True):
        collection, send = _claim(collection_id, now)
    if collection is None:
        return False
    channel = PAYMENTS[collection.provider]
    try:
        answer = channel.collect(_order(collection)) if send else channel.query_collection(collection.key)
    except (TransientError, UnknownOutcome, PermanentError) as error:
        with transaction.atomic(durable=True):
            _note_fault(collection, error, sending=send, now=now)
        return True
    with transaction.atomic(durable=True):
        settle_collection(collection_id=collection_id, answer=answer, at=now)
    return True


def _claim(collection_id: int, now: datetime) -> tuple[Collection | None, bool]:
    """The claimed debit, and whether it is to be sent (else queried). SENT is written before anything leaves."""
    if not work.claim(Collection, due=DUE, at=now, lease_seconds=LEASE_SECONDS, pk=collection_id):
        return None, False
    collection = Collection.objects.get(pk=collection_id)
    send = collection.state == CollectionState.DUE
    if send:
        collection.state, collection.sent_at = CollectionState.SENT, now
        collection.save(update_fields=["state", "sent_at"])
    return collection, send


def _order(collection: Collection) -> Payment:
    card = users.card(None, collection.card_id)
    return Payment(
        key=collection.key,
        amount_cents=collection.amount_cents,
        card_number=card.number,
        name=card.holder,
        allow_partial=collection.allow_partial,
    )


def _note_fault(collection: Collection, error: Exception, *, sending: bool, now: datetime) -> None:
    """No answer. Transient while sending: nothing happened, due again. Anything else that may have happened: query."""
    row = Collection.objects.select_for_update().get(pk=collection.pk)
    if row.state not in OPEN or row.attempts != collection.attempts:
        return  # a callback or a later claim has moved it on
    logger.warning("payment channel gave no answer", extra={"collection_id": row.pk, "error": str(error)})
    row.leased_until, row.not_before = None, now + work.back_off(row.attempts)
    row.last_error = str(error)[:200]
    if sending and isinstance(error, TransientError):
        row.state = CollectionState.DUE
    elif sending and isinstance(error, PermanentError) and error.code != "key_reused":
        row.state, row.code, row.not_before = CollectionState.FAILED, error.code[:40], None
    elif sending:
        row.state = CollectionState.UNKNOWN
    row.save()
    if isinstance(error, PermanentError):
        notices.raise_notice(
            kind="collection_refused",
            subject=f"collection:{row.pk}",
            text=f"The payment channel refused it: {error}",
            at=now,
        )


def settle_collection(*, collection_id: int, answer: PaymentAnswer, at: datetime) -> str:
    """Write down what the channel said. "applied", or "late" where it was known already (recorded, changes nothing)."""
    loan_id = Collection.objects.values_list("loan_id", flat=True).get(pk=collection_id)
    loans.lock(loan_id)
    row = Collection.objects.select_for_update().get(pk=collection_id)
    if row.state not in OPEN:
        if row.state == CollectionState.FAILED and answer.state == "succeeded":
            _notify(row, "The payment channel first reported a failure, then a payment.", at)
        return "late"
    row.reference = answer.reference[:80] or row.reference
    row.answer, row.last_error, row.leased_until = dict(answer.raw), "", None
    match answer.state:
        case "processing":
            row.state, row.not_before = CollectionState.SENT, at + work.back_off(row.attempts + 1)
        case "absent":
            row.state, row.not_before = CollectionState.DUE, None
        case "succeeded" if not _plausible(row, answer):
            row.state, row.not_before = CollectionState.UNKNOWN, at + work.back_off(row.attempts + 1)
            row.last_error = f"reported {answer.moved_cents} cents, ordered {row.amount_cents}"
            _notify(row, row.last_error, at)
        case "succeeded":
            _book(row, answer, at)
        case "failed" | "returned":
            row.state, row.code, row.not_before = CollectionState.FAILED, answer.code[:40], None
    row.save()
    return "applied"


def _plausible(row: Collection, answer: PaymentAnswer) -> bool:
    if row.allow_partial:
        return 0 < answer.moved_cents <= row.amount_cents
    return answer.moved_cents == row.amount_cents


def _book(row: Collection, answer: PaymentAnswer, at: datetime) -> None:
    # The channel's clock need not be ours: money cannot have come before it was asked for, nor after now.
    sent = row.sent_at or row.created_at
    row.collected_at = min(max(answer.completed_at or at, sent), at)
    row.state, row.not_before = CollectionState.COLLECTED, None
    row.collected_cents, row.code = answer.moved_cents, answer.code[:40]
    row.repayment_id = repayments.post(
        loan_id=row.loan_id, amount_cents=row.collected_cents, received_at=row.collected_at, key=row.key, at=at
    )
    give_back(loan_id=row.loan_id, at=at)


def give_back(*, loan_id: int, at: datetime) -> bool:
    """What a funder is no longer owed of a locked loan may be lent again. False where nothing has come back."""
    loan = Loan.objects.get(pk=loan_id)
    owed = loan.instalments.aggregate(cents=Sum(F("principal_cents") - F("paid_principal_cents")))["cents"]
    paid = Allocation.objects.filter(drawdown_id=loan.drawdown_id, state=AllocationState.COMMITTED).first()
    if paid is None:  # the bank has sent it back: given back with it
        return False
    still = (owed or 0) if loan.status in OWED_TO_FUNDER else 0
    return headroom.repay(reservation_id=paid.reservation_id, owed_cents=still, at=at)


def _notify(row: Collection, text: str, at: datetime) -> None:
    notices.raise_notice(
        kind="collection_contradiction", subject=f"collection:{row.pk}", text=text, at=at, severity="critical"
    )


def due_collections(*, at: datetime, limit: int) -> list[int]:
    """Ids of collections to run now, oldest first."""
    free = DUE & (Q(leased_until=None) | Q(leased_until__lt=at)) & (Q(not_before=None) | Q(not_before__lte=at))
    return list(Collection.objects.filter(free).order_by("id").values_list("pk", flat=True)[:limit])
