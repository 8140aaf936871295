"""Every write to a drawdown (用信), from the borrower's yes to the payout."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from django_fsm import can_proceed

from lending.common import clock
from lending.common.errors import Conflict, Invalid, NotFound
from lending.common.money import format_cents
from lending.models import Drawdown, DrawdownStatus, Grant
from lending.models.drawdown import ENDED
from lending.models.loan import OWING
from lending.rules import offer
from lending.services import events, gates, grants, loans
from users import queries as users
from users.services import messages


class WrongState(Conflict):
    code, title = "wrong_state", "The present state does not allow this"


class TooManyLoans(Conflict):
    code, title = "too_many_loans", "You have as many open loans as this product allows"


class CardNotUsable(Conflict):
    code, title = "card_not_usable", "This bank card is not confirmed, or is not yours"


class NoLender(Conflict):
    code, title = "no_lender", "No lender takes this amount and term from us at the moment"


class ConsentNotLive(Conflict):
    code, title = "consent_not_live", "A consent is missing, withdrawn, or does not name these lenders"


MAX_CANDIDATES = 3
ENDINGS_TOLD = {DrawdownStatus.DECLINED: "drawdown_declined", DrawdownStatus.EXPIRED: "drawdown_expired"}


def lock(drawdown_id: int) -> Drawdown:
    """Lock application, grant, drawdown, in this order."""
    grant_id = Drawdown.objects.filter(pk=drawdown_id).values_list("grant_id", flat=True).first()
    if grant_id is None:
        raise NotFound("There is no such drawdown.")
    grant = grants.lock(grant_id)
    drawdown = Drawdown.objects.select_for_update(of=("self",)).select_related("product").get(pk=drawdown_id)
    drawdown.grant = grant
    return drawdown


def confirm(
    *,
    grant_id: int,
    amount_cents: int,
    months: int,
    method: str,
    card_id: int,
    purpose: str,
    consent_id: int,
    bureau_consent_id: int,
    candidates: Sequence[str],
    guarantors: Sequence[str] = (),
    by: str,
    at: datetime,
) -> int:
    """The borrower takes money against the grant: REQUESTED, the amount held against the limit.

    `candidates`: the funders the two consents name, in the order they will be asked (1 to 3); `guarantors`: theirs,
    whom the consents name too.
    Raises what `check_asked` raises, ConsentNotLive, AboveCeiling.
    """
    grant = check_asked(
        grant_id=grant_id,
        amount_cents=amount_cents,
        months=months,
        method=method,
        card_id=card_id,
        purpose=purpose,
        at=at,
    )
    product = grant.product
    _check_consents(grant.user_id, (consent_id, bureau_consent_id), candidates, guarantors, at)
    cost = offer.quote(
        amount_cents=amount_cents,
        months=months,
        annual_rate=grant.annual_rate,
        method=method,
        disbursed_on=clock.business_date(at),
    )
    offer.check_ceiling(cost.xirr, product.ceiling_xirr)
    grant.pending_cents += amount_cents
    grant.save(update_fields=["pending_cents"])
    drawdown = Drawdown(
        grant=grant,
        user_id=grant.user_id,
        product=product,
        amount_cents=amount_cents,
        months=months,
        method=method,
        annual_rate=grant.annual_rate,
        irr12=cost.irr12,
        xirr=cost.xirr,
        ceiling_xirr=product.ceiling_xirr,
        purpose=purpose,
        card_id=card_id,
        consent_id=consent_id,
        bureau_consent_id=bureau_consent_id,
        candidates=list(candidates),
        confirmed_at=at,
        status_at=at,
    )
    drawdown.save()
    events.record(subject=drawdown, source="", actor=by, at=at)
    return drawdown.pk


def check_asked(
    *, grant_id: int, amount_cents: int, months: int, method: str, card_id: int, purpose: str, at: datetime
) -> Grant:
    """The grant, held, where this may be taken against it.

    Raises InvalidRequest, GrantNotUsable, TooManyLoans, CardNotUsable.
    """
    grant = grants.lock(grant_id)
    gates.check_asked(
        product=grant.product,
        amount_cents=amount_cents,
        months=months,
        method=method,
        minimum_cents=grant.product.drawdown_min_cents,
    )
    gates.check_purpose(purpose)
    if months > grant.months:
        raise gates.InvalidRequest(fields={"months": f"at most {grant.months}"})
    grants.check_can_draw(grant, amount_cents, at)
    _check_open_loans(grant)
    _check_card(grant.user_id, card_id)
    return grant


def _check_open_loans(grant: Grant) -> None:
    pending = Drawdown.objects.filter(user_id=grant.user_id, product=grant.product).exclude(status__in=ENDED)
    owing = Drawdown.objects.filter(user_id=grant.user_id, product=grant.product, loan__status__in=OWING)
    if pending.count() + owing.count() >= grant.product.max_open_loans:
        raise TooManyLoans(f"At most {grant.product.max_open_loans}.")


def _check_card(user_id: int, card_id: int) -> None:
    card = users.card(user_id, card_id)
    if card.state != "confirmed":
        raise CardNotUsable()


def _check_consents(
    user_id: int, ids: Sequence[int], candidates: Sequence[str], guarantors: Sequence[str], at: datetime
) -> None:
    if not 1 <= len(candidates) <= MAX_CANDIDATES:
        raise ConsentNotLive("No lender is named.")
    named = [*candidates, *guarantors]
    for code, consent_id in zip(("funder_share", "funder_bureau"), ids, strict=True):
        live = users.live_consent_naming(user_id, code, named, at)
        if live is None or live.id != consent_id:
            raise ConsentNotLive(f"{code} does not name {', '.join(named)}.", document=code, recipients=named)


def record_check(
    *, drawdown_id: int, outcome: str, reasons: Sequence[str], decision_id: int | None, at: datetime
) -> bool:
    """The drawdown scenario's verdict: ROUTING or DECLINED. False where it came too late."""
    drawdown = lock(drawdown_id)
    if drawdown.status != DrawdownStatus.REQUESTED:
        return False
    drawdown.decision_id, drawdown.reasons = decision_id, list(reasons)
    match outcome:
        case "approve":
            _move(drawdown, "route", by="system", at=at)
        case "decline":
            _end(drawdown, "decline", reasons=reasons, by="system", at=at)
        case _:
            raise Invalid(f"{outcome!r} is not an outcome.")
    return True


def funder_pending(
    *,
    drawdown_id: int,
    funder_code: str,
    guarantor_code: str,
    mode: str,
    at: datetime,
    guarantee_rate: Decimal = Decimal(0),
) -> None:
    """ROUTING → FUNDER_PENDING with the funder that holds the reservation; it must be a named candidate.

    guarantee_rate: of the customer's price, what the guarantor gets; the price itself stays.
    """
    drawdown = lock(drawdown_id)
    if funder_code not in drawdown.candidates:
        raise ConsentNotLive(f"{funder_code} is not named in the consent.", recipient=funder_code)
    drawdown.funder_code, drawdown.guarantor_code, drawdown.mode = funder_code, guarantor_code, mode
    drawdown.guarantee_rate = guarantee_rate
    _move(drawdown, "ask_funder", by="system", at=at, reason=funder_code)


def no_funder(*, drawdown_id: int, reasons: Sequence[str], at: datetime) -> None:
    """ROUTING → NO_FUNDER. M01: it is looked at again by itself; else those that were named have all said no."""
    drawdown = lock(drawdown_id)
    drawdown.reasons = list(reasons)
    _move(drawdown, "find_no_funder", by="system", at=at, reason=" ".join(reasons))
    template = "no_funder" if "M01" in reasons else "drawdown_declined"
    key = f"no-funder-{drawdown.pk}-{at:%Y%m%d}"
    messages.queue(user_id=drawdown.user_id, template=template, params={}, key=key, at=at)


def reopen_routing(*, drawdown_id: int, at: datetime) -> None:
    """NO_FUNDER → ROUTING at the next opening."""
    drawdown = lock(drawdown_id)
    if drawdown.status != DrawdownStatus.NO_FUNDER:
        raise WrongState(f"The drawdown is {drawdown.status}.", state=drawdown.status)
    _move(drawdown, "route", by="system", at=at)


def rerouted(*, drawdown_id: int, by: str, at: datetime) -> None:
    """FUNDER_PENDING, SIGNING or NO_FUNDER → ROUTING: people took it from its funder, or want another look.

    What the funder held is released by the caller. Raises WrongState.
    """
    drawdown = lock(drawdown_id)
    if drawdown.status == DrawdownStatus.NO_FUNDER:
        _move(drawdown, "route", by=by, at=at, reason="rerouted")
        return
    if drawdown.status not in (DrawdownStatus.FUNDER_PENDING, DrawdownStatus.SIGNING):
        raise WrongState(f"The drawdown is {drawdown.status}.", state=drawdown.status)
    _leave_funder(drawdown)
    _move(drawdown, "reroute", by=by, at=at, reason="rerouted")


def funder_accepted(*, drawdown_id: int, expires_at: datetime, at: datetime) -> bool:
    """FUNDER_PENDING → SIGNING. False where the drawdown had ended meanwhile."""
    drawdown = lock(drawdown_id)
    if drawdown.status != DrawdownStatus.FUNDER_PENDING:
        return False
    drawdown.approval_expires_at = expires_at
    _move(drawdown, "accept", by=f"vendor:{drawdown.funder_code}", at=at)
    messages.queue(
        user_id=drawdown.user_id,
        template="sign_now",
        params={},
        key=f"sign-{drawdown.pk}-{drawdown.funder_code}",
        at=at,
    )
    return True


def funder_refused(*, drawdown_id: int, reasons: Sequence[str], at: datetime) -> bool:
    """FUNDER_PENDING → ROUTING: the reservation is released by the caller, the next named funder is sought."""
    drawdown = lock(drawdown_id)
    if drawdown.status != DrawdownStatus.FUNDER_PENDING:
        return False
    actor = f"vendor:{drawdown.funder_code}"
    drawdown.reasons = list(reasons)
    _leave_funder(drawdown)
    _move(drawdown, "reroute", by=actor, at=at, reason=" ".join(reasons))
    return True


def approval_ran_out(*, drawdown_id: int, at: datetime) -> None:
    """SIGNING or CARD_FIX → ROUTING: the funder's approval is no longer valid."""
    drawdown = lock(drawdown_id)
    if drawdown.status not in (DrawdownStatus.SIGNING, DrawdownStatus.CARD_FIX):
        raise WrongState(f"The drawdown is {drawdown.status}.", state=drawdown.status)
    _leave_funder(drawdown)
    _move(drawdown, "reroute", by="system", at=at, reason="approval ran out")


def _leave_funder(drawdown: Drawdown) -> None:
    drawdown.funder_code = drawdown.guarantor_code = drawdown.mode = drawdown.contract_set_sha256 = ""
    drawdown.approval_expires_at = None
    drawdown.guarantee_rate = Decimal(0)


def signed(*, drawdown_id: int, contract_set_sha256: str, at: datetime) -> bool:
    """SIGNING → SIGNED with the hash of the complete set; in CARD_FIX the set has its annex and flow pays again.

    False where the drawdown had ended or moved on.
    """
    drawdown = lock(drawdown_id)
    if drawdown.status not in (DrawdownStatus.SIGNING, DrawdownStatus.CARD_FIX):
        return False
    drawdown.contract_set_sha256 = contract_set_sha256
    if drawdown.status == DrawdownStatus.SIGNING:
        _move(drawdown, "sign", by="system", at=at)
    else:
        drawdown.save(update_fields=["contract_set_sha256"])
        events.record(subject=drawdown, source=drawdown.status, actor="system", at=at, reason="annex signed")
    return True


def disbursing(*, drawdown_id: int, at: datetime) -> None:
    """SIGNED or CARD_FIX → DISBURSING; from here nobody cancels."""
    _move(lock(drawdown_id), "disburse", by="system", at=at)


def payout_failed(*, drawdown_id: int, fault: str, reasons: Sequence[str], at: datetime) -> bool:
    """DISBURSING → CARD_FIX (`fault` "card") or ROUTING ("funder"). False where it came too late."""
    drawdown = lock(drawdown_id)
    if drawdown.status != DrawdownStatus.DISBURSING:
        return False
    drawdown.reasons = list(reasons)
    match fault:
        case "card":
            _move(drawdown, "ask_card", by="system", at=at, reason=" ".join(reasons))
            messages.queue(
                user_id=drawdown.user_id, template="card_fix", params={}, key=f"card-fix-{drawdown.pk}", at=at
            )
        case "funder":
            _leave_funder(drawdown)
            _move(drawdown, "reroute", by="system", at=at, reason=" ".join(reasons))
        case _:
            raise Invalid(f"{fault!r} is not a fault.")
    return True


def fix_card(*, drawdown_id: int, card_id: int, by: str, at: datetime) -> bool:
    """Name another confirmed card while in CARD_FIX; the account annex is issued and signed next. False where it is
    named already. Raises WrongState, CardNotUsable, NotFound."""
    drawdown = lock(drawdown_id)
    if drawdown.status != DrawdownStatus.CARD_FIX:
        raise WrongState(f"The drawdown is {drawdown.status}.", state=drawdown.status)
    _check_card(drawdown.user_id, card_id)
    if card_id == drawdown.card_id:
        return False
    drawdown.card_id = card_id
    drawdown.save(update_fields=["card"])
    return True


def paid(*, drawdown_id: int, paid_at: datetime, at: datetime) -> int:
    """DISBURSING → PAID: the held amount becomes used, the loan opens. Returns the loan's id; again: the same."""
    drawdown = lock(drawdown_id)
    if drawdown.status == DrawdownStatus.PAID:
        return drawdown.loan.pk
    drawdown.paid_at = paid_at
    _move(drawdown, "pay", by=f"vendor:{drawdown.funder_code}", at=at)
    grant = drawdown.grant
    grant.pending_cents -= drawdown.amount_cents
    grant.used_cents += drawdown.amount_cents
    grant.save(update_fields=["pending_cents", "used_cents"])
    messages.queue(
        user_id=drawdown.user_id,
        template="paid",
        params={"amount": format_cents(drawdown.amount_cents, drawdown.product.currency)},
        key=f"paid-{drawdown.pk}",
        at=at,
    )
    return loans.open(drawdown=drawdown, at=at)


def returned(*, drawdown_id: int, at: datetime) -> None:
    """PAID → RETURNED (退票): the bank sent the money back; journals are reversed, the loan is cancelled."""
    drawdown = lock(drawdown_id)
    if drawdown.status == DrawdownStatus.RETURNED:
        return
    drawdown.reasons = ["M03"]
    _move(drawdown, "return_", by="vendor:payment", at=at, reason="M03")
    loan_id = drawdown.loan.pk
    loans.cancel_returned(loan_id=loan_id, at=at)


def cancel(*, drawdown_id: int, by: str, at: datetime) -> None:
    """The borrower changed their mind before the payout."""
    _end(lock(drawdown_id), "cancel", reasons=["B01"], by=by, at=at)


def expire(*, drawdown_id: int, reasons: Sequence[str], at: datetime) -> None:
    """A lifetime ran out; the grant stays. One without a funder keeps the reason that it has."""
    drawdown = lock(drawdown_id)
    own = drawdown.reasons if drawdown.status == DrawdownStatus.NO_FUNDER else ()
    _end(drawdown, "expire", reasons=own or reasons, by="system", at=at)


def _end(drawdown: Drawdown, transition: str, *, reasons: Sequence[str], by: str, at: datetime) -> None:
    """Leave without money: what was held against the limit is free again."""
    drawdown.reasons = list(reasons)
    _move(drawdown, transition, by=by, at=at, reason=" ".join(reasons))
    if template := ENDINGS_TOLD.get(drawdown.status):
        key = f"{template}-{drawdown.pk}"
        messages.queue(user_id=drawdown.user_id, template=template, params={}, key=key, at=at)
    grant = drawdown.grant
    grant.pending_cents -= drawdown.amount_cents
    grant.save(update_fields=["pending_cents"])


def _move(drawdown: Drawdown, transition: str, *, by: str, at: datetime, reason: str = "") -> None:
    if not can_proceed(getattr(drawdown, transition)):
        raise WrongState(f"The drawdown is {drawdown.status}.", state=drawdown.status)
    source = drawdown.status
    getattr(drawdown, transition)()
    drawdown.status_at = at
    drawdown.save()
    events.record(subject=drawdown, source=source, actor=by, at=at, reason=reason)
