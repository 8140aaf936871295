"""One funder is asked about one drawdown: claim (commit), ask or query by key (no transaction), settle (commit)."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q

from funding.models import Allocation, AllocationState
from funding.models.allocation import ASKING, ReleaseCause
from funding.providers import FUNDERS
from funding.providers.base import FunderAnswer, Submission
from funding.services import headroom
from funding.services.routing import let_go, lock
from lending.common import work
from lending.common.errors import PermanentError, TransientError, UnknownOutcome
from lending.models import DrawdownStatus
from lending.queries import lifetime_seconds
from lending.services import drawdowns
from users import queries as users
from users.services import notices

logger = logging.getLogger(__name__)

DUE = Q(state__in=ASKING) | Q(withdraw_due=True)
LEASE_SECONDS = 30
POLL_AFTER = timedelta(seconds=5)  # the callback is the answer; the query stands in for a lost one
LONGEST_APPROVAL = timedelta(days=366)  # whatever the dates say that a funder writes


@dataclass(frozen=True)
class _Claim:
    """What this worker holds: the row as it was when claimed. `attempts` tells a later claim from this one."""

    allocation: Allocation
    state: str
    attempts: int


def run_allocation(*, allocation_id: int, now: datetime) -> bool:
    """Take one allocation a step further. False where it is not due, or another worker has it.

    Opens its own transactions; may run twice, late, or after a crash: a submission that may have left is queried.
    """
    try:
        with transaction.atomic(durable=True):
            claim = _claim(allocation_id, now)
    except IntegrityError as error:
        if "consent_not_live" not in str(error):
            raise
        with transaction.atomic(durable=True):
            _end_without_consent(allocation_id, now)
        return True
    if claim is None:
        return False
    if claim.state == AllocationState.RELEASED:
        _withdraw(claim, now)
        return True
    try:
        answer = _ask(claim)
    except (TransientError, UnknownOutcome, PermanentError) as error:
        with transaction.atomic(durable=True):
            _note_fault(claim, error, now)
        return True
    with transaction.atomic(durable=True):
        settle_allocation(allocation_id=allocation_id, answer=answer, at=now)
    return True


def _claim(allocation_id: int, now: datetime) -> _Claim | None:
    if not work.claim(Allocation, due=DUE, at=now, lease_seconds=LEASE_SECONDS, pk=allocation_id):
        return None
    allocation = Allocation.objects.select_related("programme__funder").get(pk=allocation_id)
    claim = _Claim(allocation, state=allocation.state, attempts=allocation.attempts)
    if allocation.state == AllocationState.RESERVED:
        # Written before the call: whoever finds the row after a crash asks what became of it.
        Allocation.objects.filter(pk=allocation_id).update(state=AllocationState.SUBMITTED)
    return claim


def _ask(claim: _Claim) -> FunderAnswer:
    allocation = claim.allocation
    protocol = allocation.programme.funder.protocol
    if protocol not in FUNDERS:
        raise PermanentError(f"no adapter for {protocol!r}", vendor=allocation.recipient, code="no_protocol")
    desk = FUNDERS[protocol]
    if claim.state == AllocationState.RESERVED:
        return desk.submit(_submission(allocation))
    return desk.query(allocation.key)


def _submission(allocation: Allocation) -> Submission:
    drawdown, person = allocation.drawdown, users.person(allocation.user_id)
    return Submission(
        key=allocation.key,
        name=person.name,
        id_number=person.id_number,
        phone=person.phone,
        amount_cents=allocation.amount_cents,
        months=drawdown.months,
        annual_rate=drawdown.annual_rate,
        method=drawdown.method,
        purpose=drawdown.purpose,
        product=drawdown.product.code,
        grade=drawdown.grant.application.grade,
        programme=allocation.programme_id,
        guarantor=drawdown.guarantor_code,
        guarantee_rate=drawdown.guarantee_rate,
    )


def settle_allocation(*, allocation_id: int, answer: FunderAnswer, at: datetime) -> str:
    """Write down what the funder said. "applied", or "late" where the question was closed meanwhile."""
    allocation = lock(allocation_id)
    if allocation.state not in ASKING:
        return "late"
    allocation.reference = answer.reference[:80] or allocation.reference
    allocation.answer, allocation.last_error, allocation.leased_until = dict(answer.raw), "", None
    match answer.state:
        case "pending":
            allocation.state = AllocationState.SUBMITTED
            allocation.not_before = at + max(POLL_AFTER, work.back_off(allocation.attempts))
            allocation.save()
        case "absent":  # it never arrived; the same key again is safe
            allocation.state, allocation.not_before = AllocationState.RESERVED, None
            allocation.save()
        case "accepted":
            _accept(allocation, answer, at)
        case "refused" | "withdrawn":
            _refuse(allocation, answer.reason or answer.state, at)
    return "applied"


def _accept(allocation: Allocation, answer: FunderAnswer, at: datetime) -> None:
    # The funder's clock need not be ours: what it grants is a length of time.
    valid_for = min(answer.valid_for or timedelta(seconds=lifetime_seconds("funder_approval")), LONGEST_APPROVAL)
    allocation.state, allocation.decided_at, allocation.not_before = AllocationState.ACCEPTED, at, None
    allocation.approval_expires_at = at + valid_for
    allocation.save()
    if not drawdowns.funder_accepted(
        drawdown_id=allocation.drawdown_id, expires_at=allocation.approval_expires_at, at=at
    ):
        let_go(allocation, cause=ReleaseCause.CLOSED, at=at)


def _refuse(allocation: Allocation, words: str, at: datetime) -> None:
    allocation.state, allocation.decided_at, allocation.not_before = AllocationState.REFUSED, at, None
    allocation.refusal = words[:200]
    allocation.save()
    headroom.release(reservation_id=allocation.reservation_id, at=at)
    drawdowns.funder_refused(drawdown_id=allocation.drawdown_id, reasons=["M02"], at=at)


def _note_fault(claim: _Claim, error: TransientError | UnknownOutcome | PermanentError, now: datetime) -> None:
    """No answer. Nothing sent: the same again later. Perhaps sent: query. Not accepted as sent: the next funder."""
    allocation = lock(claim.allocation.pk)
    if allocation.state not in ASKING or allocation.attempts != claim.attempts:
        return  # a callback or a later claim has moved it on
    submitting = claim.state == AllocationState.RESERVED
    logger.warning("funder gave no answer", extra={"allocation_id": allocation.pk, "error": str(error)})
    if submitting and isinstance(error, PermanentError):
        # Ours to repair, and not the funder's verdict on the borrower.
        notices.raise_notice(
            kind="submission_refused", subject=f"funder:{allocation.recipient}", text=str(error), at=now
        )
        allocation.last_error = str(error)[:200]
        let_go(allocation, cause=ReleaseCause.NO_ANSWER, at=now)
        drawdowns.funder_refused(drawdown_id=allocation.drawdown_id, reasons=["M01"], at=now)
        return
    if submitting:
        transient = isinstance(error, TransientError)
        allocation.state = AllocationState.RESERVED if transient else AllocationState.UNKNOWN
    allocation.leased_until, allocation.not_before = None, now + work.back_off(allocation.attempts)
    allocation.last_error = str(error)[:200]
    allocation.save()


def _withdraw(claim: _Claim, now: datetime) -> None:
    """Tell a funder that it is no longer needed; one that refuses to hear it for good is left alone."""
    allocation = claim.allocation
    desk = FUNDERS.get(allocation.programme.funder.protocol)
    fault, done = "", True
    try:
        if desk is not None:
            desk.withdraw(allocation.key, allocation.release_cause)
    except (TransientError, UnknownOutcome) as error:
        fault, done = str(error), False
    except PermanentError as error:
        fault = str(error)
    with transaction.atomic(durable=True):
        Allocation.objects.filter(pk=allocation.pk).update(
            withdraw_due=not done,
            last_error=fault[:200],
            leased_until=None,
            not_before=None if done else now + work.back_off(allocation.attempts),
        )


def _end_without_consent(allocation_id: int, now: datetime) -> None:
    """The borrower withdrew the consent before the funder was asked: nothing leaves, nobody else is asked under it."""
    allocation = lock(allocation_id)
    if allocation.state not in ASKING:
        return
    let_go(allocation, cause=ReleaseCause.NO_CONSENT, at=now)
    if allocation.drawdown.status == DrawdownStatus.FUNDER_PENDING:
        drawdowns.funder_refused(drawdown_id=allocation.drawdown_id, reasons=["M01"], at=now)


def due_allocations(*, at: datetime, limit: int) -> list[int]:
    """Ids of allocations to run now, oldest first."""
    free = DUE & (Q(leased_until=None) | Q(leased_until__lt=at)) & (Q(not_before=None) | Q(not_before__lte=at))
    return list(Allocation.objects.filter(free).order_by("id").values_list("pk", flat=True)[:limit])
