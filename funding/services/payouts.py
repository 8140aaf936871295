"""A drawdown's principal is paid out, once: key stored first, an unknown outcome queried until it is known."""

import logging
from datetime import date, datetime
from uuid import uuid4

from django.db import transaction
from django.db.models import Q

from funding.models import Allocation, AllocationState, Payout, PayoutState
from funding.models.allocation import ReleaseCause
from funding.providers import PAYMENTS
from funding.providers.base import Payment, PaymentAnswer
from funding.queries import openings
from funding.services import headroom
from funding.services.routing import let_go
from lending.common import work
from lending.common.errors import Conflict, PermanentError, TransientError, UnknownOutcome
from lending.common.wake import wake
from lending.models import Drawdown, DrawdownStatus
from lending.services import drawdowns
from lending.services.drawdowns import CardNotUsable
from users import queries as users
from users.services import notices

logger = logging.getLogger(__name__)

PROVIDER = "payment-v1"
OPEN = (PayoutState.DUE, PayoutState.SENT, PayoutState.UNKNOWN)
DUE = Q(state__in=OPEN)
LEASE_SECONDS = 30
ATTEMPTS_BEFORE_NOTICE = 3


class NotReadyToPay(Conflict):
    code, title = "not_ready_to_pay", "This drawdown is not ready to be paid out"


def check_card(*, drawdown_id: int, card_id: int) -> None:
    """Raises CardNotUsable where the bank has refused to pay this drawdown to that card."""
    if Payout.objects.filter(drawdown_id=drawdown_id, card_id=card_id, fault="card").exists():
        raise CardNotUsable("The bank refused this card. Choose another one.")


def start_payout(*, drawdown_id: int, at: datetime) -> int | None:
    """Order the payout of a signed drawdown (or of one whose card was replaced): DISBURSING.

    Outside the funder's hours the order waits for its opening. None where the funder's day of payout has no headroom
    left: the drawdown goes back to ROUTING. Raises NotReadyToPay, CardNotUsable.
    """
    drawdown = drawdowns.lock(drawdown_id)
    if drawdown.status not in (DrawdownStatus.SIGNED, DrawdownStatus.CARD_FIX):
        raise NotReadyToPay(f"The drawdown is {drawdown.status}.", state=drawdown.status)
    if drawdown.status == DrawdownStatus.CARD_FIX:
        check_card(drawdown_id=drawdown_id, card_id=drawdown.card_id)
    allocation = (
        Allocation.objects.select_for_update(of=("self",))
        .select_related("programme__funder", "reservation")
        .filter(drawdown=drawdown, state=AllocationState.ACCEPTED)
        .first()
    )
    if allocation is None:
        raise NotReadyToPay("No funder has accepted it.")
    opening, day = openings.pay_day(allocation.programme, at)
    if not _hold_for(allocation, day, at):
        _leave_funder(drawdown, allocation, cause=ReleaseCause.NO_HEADROOM, reason="M01", at=at)
        return None
    payout = Payout.objects.create(
        key=f"payout-{uuid4()}",
        drawdown=drawdown,
        allocation=allocation,
        card_id=drawdown.card_id,
        amount_cents=drawdown.amount_cents,
        provider=PROVIDER,
        not_before=opening if opening > at else None,
        created_at=at,
    )
    drawdowns.disbursing(drawdown_id=drawdown_id, at=at)
    wake("funding.tasks.run_payout", payout_id=payout.pk)
    return payout.pk


def _hold_for(allocation: Allocation, day: date, at: datetime) -> bool:
    """Money counts on the funder's day it goes out: a reservation of an earlier day moves to that day."""
    held = allocation.reservation
    if held.business_date == day:
        return True
    headroom.release(reservation_id=held.pk, at=at)
    moved = headroom.reserve(
        programme_code=allocation.programme_id,
        drawdown_id=allocation.drawdown_id,
        amount_cents=allocation.amount_cents,
        day=day,
        at=at,
    )
    if moved is None:
        return False
    allocation.reservation_id = moved
    allocation.save(update_fields=["reservation"])
    return True


def _leave_funder(
    drawdown: Drawdown, allocation: Allocation, *, cause: ReleaseCause, reason: str, at: datetime
) -> None:
    """The funder cannot pay: back to ROUTING for another, with a new contract set."""
    if drawdown.status != DrawdownStatus.DISBURSING:
        drawdowns.disbursing(drawdown_id=drawdown.pk, at=at)
    let_go(allocation, cause=cause, at=at)
    drawdowns.payout_failed(drawdown_id=drawdown.pk, fault="funder", reasons=[reason], at=at)


def run_payout(*, payout_id: int, now: datetime) -> bool:
    """Send a due order, or query one that may have been sent. False where it is not due, or another worker has it.

    Opens its own transactions. An order is sent again only after the channel has said that it never received it,
    and then under the same key.
    """
    with transaction.atomic(durable=True):
        payout, send = _claim(payout_id, now)
    if payout is None:
        return False
    channel = PAYMENTS[payout.provider]
    try:
        answer = channel.pay(_order(payout)) if send else channel.query_payout(payout.key)
    except (TransientError, UnknownOutcome, PermanentError) as error:
        with transaction.atomic(durable=True):
            _note_fault(payout, error, sending=send, now=now)
        return True
    with transaction.atomic(durable=True):
        settle_payout(payout_id=payout_id, answer=answer, at=now)
    return True


def _claim(payout_id: int, now: datetime) -> tuple[Payout | None, bool]:
    """The claimed order, and whether it is to be sent (else queried). SENT is written before anything leaves."""
    if not work.claim(Payout, due=DUE, at=now, lease_seconds=LEASE_SECONDS, pk=payout_id):
        return None, False
    payout = Payout.objects.get(pk=payout_id)
    send = payout.state == PayoutState.DUE
    if send:
        payout.state, payout.sent_at = PayoutState.SENT, now
        payout.save(update_fields=["state", "sent_at"])
    return payout, send


def _order(payout: Payout) -> Payment:
    card = users.card(None, payout.card_id)
    return Payment(key=payout.key, amount_cents=payout.amount_cents, card_number=card.number, name=card.holder)


def _note_fault(payout: Payout, error: Exception, *, sending: bool, now: datetime) -> None:
    """No answer. Transient while sending: nothing happened, due again. Anything else that may have happened: query."""
    _, row = _lock(payout.pk)
    if row.state not in OPEN or row.attempts != payout.attempts:
        return  # a callback or a later claim has moved it on
    logger.warning("payment channel gave no answer", extra={"payout_id": row.pk, "error": str(error)})
    row.leased_until, row.not_before = None, now + work.back_off(row.attempts)
    row.last_error = str(error)[:200]
    if sending:
        # An order refused as such (a wrong secret, a key already used) is ours to repair, not the borrower's to pay
        # for: it is asked about, and where it never arrived, sent again.
        row.state = PayoutState.DUE if isinstance(error, TransientError) else PayoutState.UNKNOWN
    row.save()
    if isinstance(error, PermanentError):
        notices.raise_notice(
            kind="payout_refused", subject=f"payout:{row.pk}", text=f"The payment channel refused it: {error}", at=now
        )
    elif row.state != PayoutState.DUE and row.attempts >= ATTEMPTS_BEFORE_NOTICE:
        notices.raise_notice(
            kind="payout_unknown",
            subject=f"payout:{row.pk}",
            text=f"Asked {row.attempts} times without an answer: {row.last_error}",
            at=now,
        )


def settle_payout(*, payout_id: int, answer: PaymentAnswer, at: datetime) -> str:
    """Write down what the channel said. "applied", or "late" where it was known already (recorded, changes nothing)."""
    drawdown, payout = _lock(payout_id)
    if payout.state not in OPEN:
        if payout.state == PayoutState.PAID and answer.state == "returned":
            _return(payout, answer, at)
            return "applied"
        if payout.state == PayoutState.FAILED and answer.state in ("succeeded", "returned"):
            notices.raise_notice(
                kind="payout_contradiction",
                subject=f"payout:{payout.pk}",
                text="The payment channel first reported a failure, then a payment.",
                at=at,
                severity="critical",
            )
        return "late"
    payout.reference = answer.reference[:80] or payout.reference
    payout.answer, payout.last_error, payout.leased_until = dict(answer.raw), "", None
    match answer.state:
        case "processing":
            payout.state, payout.not_before = PayoutState.SENT, at + work.back_off(payout.attempts + 1)
            payout.save()
        case "absent":
            payout.state, payout.not_before = PayoutState.DUE, None
            payout.save()
        case "failed":
            _fail(drawdown, payout, answer, at)
        case "succeeded" | "returned" if answer.moved_cents != payout.amount_cents:
            _dispute(payout, answer, at)
        case "succeeded":
            _pay(payout, answer, at)
        case "returned":  # the news of the payment itself was overtaken
            _pay(payout, answer, at)
            _return(payout, answer, at)
    return "applied"


def _pay(payout: Payout, answer: PaymentAnswer, at: datetime) -> None:
    # The channel's clock need not be ours: money cannot have moved before it was sent, nor after now.
    sent = payout.sent_at or payout.created_at
    payout.paid_at = min(max(answer.completed_at or at, sent), at)
    payout.state, payout.not_before = PayoutState.PAID, None
    payout.save()
    allocation = Allocation.objects.select_for_update().get(pk=payout.allocation_id)
    allocation.state = AllocationState.COMMITTED
    allocation.save(update_fields=["state"])
    headroom.commit(reservation_id=allocation.reservation_id, at=at)
    drawdowns.paid(drawdown_id=payout.drawdown_id, paid_at=payout.paid_at, at=at)


def _return(payout: Payout, answer: PaymentAnswer, at: datetime) -> None:
    payout.state, payout.returned_at, payout.code = PayoutState.RETURNED, at, answer.code[:40]
    payout.answer = dict(answer.raw)
    payout.save()
    allocation = Allocation.objects.select_for_update().get(pk=payout.allocation_id)
    allocation.state, allocation.release_cause = AllocationState.RELEASED, ReleaseCause.RETURNED
    allocation.save(update_fields=["state", "release_cause"])
    headroom.return_(reservation_id=allocation.reservation_id, at=at)
    drawdowns.returned(drawdown_id=payout.drawdown_id, at=at)


def _fail(drawdown: Drawdown, payout: Payout, answer: PaymentAnswer, at: datetime) -> None:
    """The card's fault: same funder, reservation kept, another card. Else the funder's: another funder."""
    payout.state, payout.fault = PayoutState.FAILED, answer.fault or "funder"
    payout.code, payout.not_before, payout.leased_until = answer.code[:40], None, None
    payout.save()
    if payout.fault == "card":
        drawdowns.payout_failed(drawdown_id=drawdown.pk, fault="card", reasons=["M03"], at=at)
        return
    allocation = Allocation.objects.select_for_update().get(pk=payout.allocation_id)
    _leave_funder(drawdown, allocation, cause=ReleaseCause.PAYOUT_FAILED, reason="M04", at=at)


def _dispute(payout: Payout, answer: PaymentAnswer, at: datetime) -> None:
    """Another amount than ordered: nothing is booked on it, people are told, the query goes on."""
    payout.state, payout.not_before = PayoutState.UNKNOWN, at + work.back_off(payout.attempts + 1)
    payout.last_error = f"reported {answer.moved_cents} cents, ordered {payout.amount_cents}"
    payout.save()
    notices.raise_notice(
        kind="payout_amount", subject=f"payout:{payout.pk}", text=payout.last_error, at=at, severity="critical"
    )


def _lock(payout_id: int) -> tuple[Drawdown, Payout]:
    """The drawdown with its parents, then the payout."""
    drawdown = drawdowns.lock(Payout.objects.values_list("drawdown_id", flat=True).get(pk=payout_id))
    return drawdown, Payout.objects.select_for_update().get(pk=payout_id)


def due_payouts(*, at: datetime, limit: int) -> list[int]:
    """Ids of payouts to run now, oldest first."""
    free = DUE & (Q(leased_until=None) | Q(leased_until__lt=at)) & (Q(not_before=None) | Q(not_before__lte=at))
    return list(Payout.objects.filter(free).order_by("id").values_list("pk", flat=True)[:limit])
