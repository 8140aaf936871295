"""A drawdown finds the funder it will be asked of, or none; and lets one go."""

from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import uuid4

from django.db.models import Q

from funding import queries
from funding.models import Allocation, AllocationState, Funder, Payout, PayoutState, Programme, Routing
from funding.models.allocation import ASKING, LIVE, ReleaseCause
from funding.queries import openings
from funding.rules import eligibility, pricing
from funding.services import headroom
from lending.common import clock
from lending.common.errors import Conflict
from lending.common.wake import wake
from lending.models import Drawdown, DrawdownStatus
from lending.queries import lifetime_seconds
from lending.services import drawdowns
from users import queries as users
from users.models import Consent

# A funder that let a drawdown go for one of these reasons is not asked for it again.
CLOSED_FOR_GOOD = (ReleaseCause.PAYOUT_FAILED, ReleaseCause.NO_CONSENT, ReleaseCause.REROUTED)


class NotRouting(Conflict):
    code, title = "not_routing", "This drawdown is not looking for a funder"


class PayoutUnresolved(Conflict):
    code, title = "payout_unresolved", "A payout of this drawdown is not known to have failed"


def allocate(*, drawdown_id: int, at: datetime) -> int | None:
    """Reserve with the first named, eligible funder that has headroom: the drawdown waits for its answer.

    None where there is no such funder: NO_FUNDER with the reason. Raises NotRouting, PayoutUnresolved.
    """
    drawdown = drawdowns.lock(drawdown_id)
    if drawdown.status != DrawdownStatus.ROUTING:
        raise NotRouting(f"The drawdown is {drawdown.status}.", state=drawdown.status)
    check_no_payout_open(drawdown_id)
    if held := _held(drawdown_id):  # lending's lifetimes brought it here
        let_go(held, cause=ReleaseCause.APPROVAL_RAN_OUT, at=at)
    explanation: list[dict[str, Any]] = []
    chosen: tuple[eligibility.Programme, int] | None = None
    ask = _ask(drawdown, at)
    for verdict in queries.examine(ask, user_id=drawdown.user_id, at=at):
        outcome = "not needed" if chosen and verdict.eligible else _obstacle(drawdown, verdict, at)
        if not outcome:
            reservation_id, outcome = _reserve(drawdown, verdict.programme, ask, at)
            chosen = None if reservation_id is None else (verdict.programme, reservation_id)
        explanation.append(verdict.explained() | {"outcome": outcome})
    if chosen is None:
        Routing.objects.create(drawdown=drawdown, explanation=explanation, at=at)
        drawdowns.no_funder(drawdown_id=drawdown_id, reasons=[_why_none(drawdown)], at=at)
        return None
    return _ask_funder(drawdown, *chosen, explanation=explanation, at=at)


def check_no_payout_open(drawdown_id: int) -> None:
    """Raises PayoutUnresolved while a payout may have gone out: nobody else is asked meanwhile."""
    if Payout.objects.filter(drawdown_id=drawdown_id).exclude(state=PayoutState.FAILED).exists():
        raise PayoutUnresolved()


def _ask(drawdown: Drawdown, at: datetime) -> eligibility.Ask:
    person, application = users.person(drawdown.user_id), drawdown.grant.application
    return eligibility.Ask(
        product_code=drawdown.product.code,
        channel_code=application.channel_code,
        grade=application.grade,
        amount_cents=drawdown.amount_cents,
        months=drawdown.months,
        province=person.province,
        birth_date=person.birth_date,
        as_of=clock.business_date(at),
        **queries.known_of(drawdown.user_id, at),
    )


def _obstacle(drawdown: Drawdown, verdict: eligibility.Verdict, at: datetime) -> str:
    """Why this programme is not even tried; empty where it is."""
    funder = verdict.programme.funder_code
    if not verdict.eligible:
        return "not eligible"
    if funder not in drawdown.candidates:
        return "not named by the borrower"
    if funder in _asked_before(drawdown.pk, at):
        return "asked before"
    both = Consent.objects.filter(pk__in=[drawdown.consent_id, drawdown.bureau_consent_id])
    guarantor = verdict.programme.guarantor_code
    if guarantor and both.filter(recipients__contains=[guarantor]).count() < 2:
        return "guarantor not named"  # the programme took it on after the borrower had agreed
    live = both.filter(Q(withdrawn_at=None) | Q(withdrawn_at__gt=at), recipients__contains=[funder])
    return "consent withdrawn" if live.count() < 2 else ""


def _asked_before(drawdown_id: int, at: datetime) -> set[str]:
    """Funders that refused, failed to pay, or gave no answer today."""
    closed = (
        Q(state=AllocationState.REFUSED)
        | Q(release_cause__in=CLOSED_FOR_GOOD)
        | Q(release_cause__in=[ReleaseCause.NO_ANSWER, ReleaseCause.NO_HEADROOM], created_at__gt=_midnight(at))
    )
    return set(Allocation.objects.filter(closed, drawdown_id=drawdown_id).values_list("recipient", flat=True))


def _midnight(at: datetime) -> datetime:
    return clock.local(at).replace(hour=0, minute=0, second=0, microsecond=0)


def _reserve(
    drawdown: Drawdown, programme: eligibility.Programme, ask: eligibility.Ask, at: datetime
) -> tuple[int | None, str]:
    """The reservation, or none; and what came of it, in words.

    Shares of a month are sums over many drawdowns: a funder that bounds them is held until the end of the transaction,
    and they are looked at once more under that lock. Everybody takes funders in routing order, so nobody waits in a
    circle.
    """
    row = Programme.objects.select_related("funder").get(pk=programme.code)
    _, day = openings.pay_day(row, at)
    bounded = row.funder.channel_share_max is not None or row.funder.province_share_max is not None
    if bounded:
        Funder.objects.select_for_update(no_key=True).get(pk=row.funder_id)
    reservation_id = headroom.reserve(
        programme_code=programme.code, drawdown_id=drawdown.pk, amount_cents=drawdown.amount_cents, day=day, at=at
    )
    if reservation_id is None:
        return None, "no headroom"
    if bounded and not queries.shares_hold(row, ask, day):
        headroom.release(reservation_id=reservation_id, at=at)
        return None, "share is full"
    return reservation_id, "reserved"


def _ask_funder(
    drawdown: Drawdown,
    programme: eligibility.Programme,
    reservation_id: int,
    *,
    explanation: list[dict[str, Any]],
    at: datetime,
) -> int:
    allocation = Allocation.objects.create(
        key=f"allocation-{uuid4()}",
        drawdown=drawdown,
        user_id=drawdown.user_id,
        programme_id=programme.code,
        routing=Routing.objects.create(drawdown=drawdown, programme_id=programme.code, explanation=explanation, at=at),
        reservation_id=reservation_id,
        consent_id=drawdown.consent_id,
        bureau_consent_id=drawdown.bureau_consent_id,
        recipient=programme.funder_code,
        amount_cents=drawdown.amount_cents,
        created_at=at,
    )
    drawdowns.funder_pending(
        drawdown_id=drawdown.pk,
        funder_code=programme.funder_code,
        guarantor_code=programme.guarantor_code,
        guarantee_rate=_guarantee_rate(programme.code, drawdown.grant.application.grade),
        mode=programme.mode,
        at=at,
    )
    wake("funding.tasks.run_allocation", allocation_id=allocation.pk)
    return allocation.pk


def _guarantee_rate(programme_code: str, grade: str) -> Decimal:
    row = Programme.objects.get(pk=programme_code)
    share = pricing.share_of(row.guarantee_share) if row.guarantor_id else Fraction(0)
    return pricing.guarantee_rate(interest=Decimal(row.interest[grade]), share=share) if share else Decimal(0)


def _why_none(drawdown: Drawdown) -> str:
    """M01 while a named funder may still take it another day; else what the last of them did: M02, M04."""
    gone = Allocation.objects.filter(Q(state=AllocationState.REFUSED) | Q(release_cause__in=CLOSED_FOR_GOOD))
    asked = list(gone.filter(drawdown=drawdown).order_by("pk"))
    if not asked or set(drawdown.candidates) - {row.recipient for row in asked}:
        return "M01"
    if asked[-1].state == AllocationState.REFUSED:
        return "M02"
    return "M04" if asked[-1].release_cause == ReleaseCause.PAYOUT_FAILED else "M01"


def let_go(allocation: Allocation, *, cause: ReleaseCause, at: datetime) -> None:
    """Release a locked allocation and its reservation; a funder that has been asked is told so."""
    allocation.withdraw_due = allocation.state != AllocationState.RESERVED
    allocation.state, allocation.release_cause = AllocationState.RELEASED, cause
    allocation.leased_until = allocation.not_before = None
    allocation.save()
    headroom.release(reservation_id=allocation.reservation_id, at=at)
    if allocation.withdraw_due:
        wake("funding.tasks.run_allocation", allocation_id=allocation.pk)


def release(*, drawdown_id: int, at: datetime) -> bool:
    """The drawdown is closed: give back what it holds. False where it holds nothing (again: False).

    Raises PayoutUnresolved: headroom of a payout that may have gone out is never given back.
    """
    drawdowns.lock(drawdown_id)
    held = _held(drawdown_id)
    if held is None:
        return False
    check_no_payout_open(drawdown_id)
    let_go(held, cause=ReleaseCause.CLOSED, at=at)
    return True


def _held(drawdown_id: int) -> Allocation | None:
    """The one live allocation of a locked drawdown, locked."""
    return Allocation.objects.select_for_update().filter(drawdown_id=drawdown_id, state__in=LIVE).first()


def end_unanswered(*, allocation_id: int, at: datetime) -> bool:
    """A reservation is held for 30 minutes before signing: past that, the next named funder is sought."""
    allocation = lock(allocation_id)
    ttl = timedelta(seconds=lifetime_seconds("reservation"))
    if allocation.state not in ASKING or allocation.created_at + ttl > at:
        return False
    let_go(allocation, cause=ReleaseCause.NO_ANSWER, at=at)
    drawdowns.funder_refused(drawdown_id=allocation.drawdown_id, reasons=["M01"], at=at)
    return True


def lock(allocation_id: int) -> Allocation:
    """Lock the drawdown and its parents, then the allocation."""
    drawdowns.lock(Allocation.objects.values_list("drawdown_id", flat=True).get(pk=allocation_id))
    return Allocation.objects.select_for_update(of=("self",)).select_related("programme__funder").get(pk=allocation_id)
