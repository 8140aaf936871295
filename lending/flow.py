"""What happens next: status → step. The whole product on one screen, and the only module that knows every app.

`run_due` takes the oldest due event that has no earlier unhandled event of the same subject or its parents, runs the
step of its target, queues the channel's status push and marks it handled: one durable transaction. A step touches
only our database; it inserts work rows that the apps' tasks execute.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import models, transaction

import contracts.queries
import contracts.services
import funding.queries
import funding.services
import review.services
import risk.queries
import risk.services
import traffic.queries
import traffic.services
from funding.queries import openings
from lending import queries
from lending.common import clock, work
from lending.common.errors import NotFound
from lending.models import (
    Application,
    ApplicationStatus,
    Drawdown,
    DrawdownStatus,
    Event,
    Grant,
    Loan,
    LoanStatus,
)
from lending.services import drawdowns, erasure, grants, lifetimes, repayments
from users import queries as users
from users.rules import erasure as rules
from users.services import acts, checks, codes, consents, faces, notices, profiles
from users.services import erasure as accounts

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 8

# --- the steps ----------------------------------------------------------------------------------------------------


def begin_assessment(event: Event, at: datetime) -> None:
    risk.services.start_assessment(application_id=event.application_id, at=at)


def open_or_resume_case(event: Event, at: datetime) -> None:
    review.services.open_or_resume_case(application_id=event.application_id, at=at)


def open_grant(event: Event, at: datetime) -> None:
    grants.open(application_id=event.application_id, at=at)
    traffic.services.freeze_attribution(application_id=event.application_id, at=at)
    application = queries.application(event.application_id)
    traffic.services.release_held(user_id=application.user_id, at=at)
    if application.terms and application.amount_cents and application.amount_cents > application.terms.amount_cents:
        traffic.services.match_offers(application_id=application.id, trigger="asked_more_than_granted", at=at)


def close_and_offer(event: Event, at: datetime) -> None:
    wind_down(event, at)
    application = queries.application(event.application_id)
    if all(reason.distribute for reason in queries.reasons(application.reasons)):
        traffic.services.match_offers(application_id=application.id, trigger="declined", at=at)


def wind_down(event: Event, at: datetime) -> None:
    risk.services.cancel(application_id=event.application_id, at=at)
    review.services.close_case(application_id=event.application_id, at=at)
    traffic.services.release_held(user_id=queries.application(event.application_id).user_id, at=at)


def check_drawdown(event: Event, at: datetime) -> None:
    risk.services.start_drawdown_check(drawdown_id=event.subject_id, at=at)


def seek_funder(event: Event, at: datetime) -> None:
    contracts.services.void(drawdown_id=event.subject_id, at=at)
    funding.services.allocate(drawdown_id=event.subject_id, at=at)


def offer_elsewhere(event: Event, at: datetime) -> None:
    traffic.services.match_offers(application_id=event.application_id, trigger="no_funder", at=at)


def issue_contracts(event: Event, at: datetime) -> None:
    contracts.services.issue(drawdown_id=event.subject_id, at=at)


def begin_payout(event: Event, at: datetime) -> None:
    contracts.services.check_complete(drawdown_id=event.subject_id)
    funding.services.start_payout(drawdown_id=event.subject_id, at=at)


def resume_payout(event: Event, at: datetime) -> None:
    """Once the annex with the new account is signed; the event of the bank's refusal itself waits for the borrower."""
    if event.source == DrawdownStatus.CARD_FIX:
        begin_payout(event, at)


def issue_note(event: Event, at: datetime) -> None:
    loan = Loan.objects.get(drawdown_id=event.subject_id)
    contracts.services.issue_note(drawdown_id=event.subject_id, loan_id=loan.pk, at=at)


def release(event: Event, at: datetime) -> None:
    funding.services.release(drawdown_id=event.subject_id, at=at)
    contracts.services.void(drawdown_id=event.subject_id, at=at)


def issue_letter(event: Event, at: datetime) -> None:
    contracts.services.issue_letter(loan_id=event.subject_id, at=at)


Step = Callable[[Event, datetime], None]

STEPS: dict[tuple[type[models.Model], str], Step] = {
    (Application, ApplicationStatus.SUBMITTED): begin_assessment,
    (Application, ApplicationStatus.REFERRED): open_or_resume_case,
    (Application, ApplicationStatus.GRANTED): open_grant,
    (Application, ApplicationStatus.DECLINED): close_and_offer,
    (Application, ApplicationStatus.WITHDRAWN): wind_down,
    (Application, ApplicationStatus.EXPIRED): wind_down,
    (Drawdown, DrawdownStatus.REQUESTED): check_drawdown,
    (Drawdown, DrawdownStatus.ROUTING): seek_funder,
    (Drawdown, DrawdownStatus.NO_FUNDER): offer_elsewhere,
    (Drawdown, DrawdownStatus.SIGNING): issue_contracts,
    (Drawdown, DrawdownStatus.SIGNED): begin_payout,
    (Drawdown, DrawdownStatus.CARD_FIX): resume_payout,
    (Drawdown, DrawdownStatus.PAID): issue_note,
    (Drawdown, DrawdownStatus.CANCELLED): release,
    (Drawdown, DrawdownStatus.DECLINED): release,
    (Drawdown, DrawdownStatus.EXPIRED): release,
    (Drawdown, DrawdownStatus.RETURNED): release,
    (Loan, LoanStatus.SETTLED): issue_letter,
}

SUBJECTS: dict[str, type[models.Model]] = {
    "application": Application,
    "grant": Grant,
    "drawdown": Drawdown,
    "loan": Loan,
}

# --- the loop -----------------------------------------------------------------------------------------------------

# An event waits for earlier ones of its own subject and of its parents (the keys it carries), not for other subjects.
NEXT_EVENT = """
SELECT id FROM lending_event e
WHERE handled_at IS NULL AND parked_at IS NULL AND (not_before IS NULL OR not_before <= %s)
  AND NOT EXISTS (
    SELECT 1 FROM lending_event b
    WHERE b.application_id = e.application_id AND b.id < e.id AND b.handled_at IS NULL
      AND ((b.subject = 'application')
        OR (b.subject = 'grant' AND b.grant_id = e.grant_id)
        OR (b.subject = 'drawdown' AND b.drawdown_id = e.drawdown_id)
        OR (b.subject = 'loan' AND b.loan_id = e.loan_id)))
ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
"""


def run_due(*, at: datetime, limit: int = 100) -> int:
    """Handle up to `limit` events; the number that were taken (handled, put off or parked)."""
    for taken in range(limit):
        if not _run_one(at):
            return taken
    return limit


def _run_one(at: datetime) -> bool:
    event_id = None
    try:
        with transaction.atomic(durable=True):
            event = next(iter(Event.objects.raw(NEXT_EVENT, [at])), None)
            if event is None:
                return False
            event_id = event.pk
            subject = SUBJECTS[event.subject]
            step = STEPS.get((subject, event.target))
            if step is not None and _still_there(subject, event):
                step(event, at)
            # Last, because it locks the channel: everybody's events of that channel wait for this commit.
            traffic.services.push_status(event_id=event.pk, at=at)
            event.handled_at = at
            event.save(update_fields=["handled_at"])
    except Exception as error:
        if event_id is None:
            raise
        _put_off(event_id, error, at)
    return True


def _still_there(subject: type[models.Model], event: Event) -> bool:
    return subject._default_manager.filter(pk=event.subject_id, status=event.target).exists()


def _put_off(event_id: int, error: Exception, at: datetime) -> None:
    """Later, longer each time; after MAX_ATTEMPTS parked with a notice: its subject waits, others go on."""
    logger.exception("step failed", exc_info=error, extra={"event_id": event_id})
    with transaction.atomic(durable=True):
        event = Event.objects.select_for_update().get(pk=event_id)
        if event.handled_at:
            return
        event.attempts += 1
        event.last_error = f"{type(error).__name__}: {error}"[:2000]
        event.not_before = at + work.back_off(event.attempts)
        if event.attempts >= MAX_ATTEMPTS:
            event.parked_at = at
            notices.raise_notice(
                kind="step_parked",
                subject=f"event:{event.pk}",
                text=f"{event} could not go on after {event.attempts} tries: {type(error).__name__}",
                at=at,
                severity="critical",
            )
        event.save(update_fields=["attempts", "last_error", "not_before", "parked_at"])


def unpark(*, event_id: int, reason: str, by: str, at: datetime) -> None:
    """Operations have removed the cause: try again. Raises NotFound where that step is not parked, NotAllowed."""
    event = Event.objects.select_for_update().filter(pk=event_id, parked_at__isnull=False).first()
    if event is None:
        raise NotFound("This step is not parked.")
    event.parked_at = event.not_before = None
    event.attempts = 0
    event.save(update_fields=["parked_at", "not_before", "attempts"])
    acts.record(
        by=by,
        act="try_again",
        subject=f"event:{event_id}",
        reason=reason,
        at=at,
        permission="lending.unpark_event",
    )
    logger.info("step tried again", extra={"event_id": event_id, "by": by, "reason": reason})


# --- writes over several apps -------------------------------------------------------------------------------------


def identify(
    *,
    user_id: int,
    name: str,
    id_number: str,
    id_expires_on: date | None,
    consent_version: str,
    ip: str,
    by: str,
    at: datetime,
) -> int:
    """Keep name and ID number, the consent to have them checked, and ask for the check. Returns the check's id."""
    profiles.save(user_id=user_id, name=name, id_number=id_number, id_expires_on=id_expires_on, by=by, at=at)
    consents.give(user_id=user_id, code="identity", version=consent_version, recipients=(), ip=ip, at=at)
    return checks.request(user_id=user_id, kind="id2", at=at)


def confirm_drawdown(
    *,
    user_id: int,
    grant_id: int,
    amount_cents: int,
    months: int,
    method: str,
    card_id: int,
    purpose: str,
    by: str,
    at: datetime,
    consent_context: str | None = None,
) -> int:
    """Take money against a grant, asking the funders that routing names now and the borrower's consents name too,
    each with its guarantor.

    `consent_context`: only consents given for that count. Raises FaceNeeded, NoLender, and what `drawdowns.confirm`
    raises.
    """
    faces.check_passed(user_id=user_id, at=at)
    drawdowns.check_asked(
        grant_id=grant_id,
        amount_cents=amount_cents,
        months=months,
        method=method,
        card_id=card_id,
        purpose=purpose,
        at=at,
    )
    found = candidates(grant_id=grant_id, amount_cents=amount_cents, months=months, at=at)
    if not found:
        raise drawdowns.NoLender("Another amount or term, or another day, may work.")
    named = to_be_named(found)
    share = users.live_consent_naming(user_id, "funder_share", named, at, context=consent_context)
    bureau = users.live_consent_naming(user_id, "funder_bureau", named, at, context=consent_context)
    if share is None or bureau is None:
        missing = "funder_share" if share is None else "funder_bureau"
        raise drawdowns.ConsentNotLive(f"{missing} must name {', '.join(named)}.", document=missing, recipients=named)
    return drawdowns.confirm(
        grant_id=grant_id,
        amount_cents=amount_cents,
        months=months,
        method=method,
        card_id=card_id,
        purpose=purpose,
        consent_id=share.id,
        bureau_consent_id=bureau.id,
        candidates=[one.funder_code for one in found],
        guarantors=[one.guarantor_code for one in found if one.guarantor_code],
        by=by,
        at=at,
    )


def to_be_named(found: Sequence[funding.queries.Candidate]) -> list[str]:
    """What the two consents have to name: the funders in the order they are asked, then their guarantors."""
    guarantors = [one.guarantor_code for one in found if one.guarantor_code]
    return list(dict.fromkeys([*(one.funder_code for one in found), *guarantors]))


def candidates(*, grant_id: int, amount_cents: int, months: int, at: datetime) -> tuple[funding.queries.Candidate, ...]:
    """The funders that would be asked now, in order."""
    grant = queries.grant(grant_id)
    application = queries.application(grant.application_id)
    person = users.person(grant.user_id)
    return funding.queries.candidates(
        product_code=grant.product_code,
        channel_code=application.channel_code,
        grade=application.grade,
        amount_cents=amount_cents,
        months=months,
        province=person.province,
        birth_date=person.birth_date,
        user_id=grant.user_id,
        at=at,
    )


def send_sign_code(*, drawdown_id: int, ip: str, at: datetime) -> None:
    """The code that signs the set, sent only where it could be used now.

    Raises NotSignable, ContractsNotReady, CostSheetNotRead, AboveCeiling, CodeTooSoon, TooManyCodes.
    """
    drawdown = drawdowns.lock(drawdown_id)
    contracts.services.check_can_sign(drawdown, at=at)
    subject = str(drawdown.public_id)
    codes.request_code_for(user_id=drawdown.user_id, purpose="sign", subject=subject, ip=ip, at=at)


def change_card(*, drawdown_id: int, card_id: int, by: str, at: datetime) -> None:
    """Another card after the bank refused one: same funder, same set, an annex with the new account to be signed.

    Naming the same card again does nothing more. Raises WrongState, CardNotUsable, NotFound.
    """
    drawdowns.lock(drawdown_id)
    funding.services.check_card(drawdown_id=drawdown_id, card_id=card_id)
    if drawdowns.fix_card(drawdown_id=drawdown_id, card_id=card_id, by=by, at=at):
        contracts.services.issue_annex(drawdown_id=drawdown_id, at=at)


def repay(*, loan_id: int, amount_cents: int, card_id: int | None, key: str, by: str, at: datetime) -> int:
    """Collect from the borrower's card; posted when the payment channel says so. Returns the collection's id."""
    repayments.check_can_repay(loan_id=loan_id, amount_cents=amount_cents, at=at)
    return funding.services.start_collection(
        loan_id=loan_id, amount_cents=amount_cents, card_id=card_id, key=key, by=by, at=at
    )


def withdraw_loan(*, loan_id: int, key: str, by: str, at: datetime) -> int:
    """The right to give the money back: collect the principal; nothing else is owed. Returns the collection's id."""
    principal_cents = repayments.request_withdrawal(loan_id=loan_id, by=by, at=at)
    return funding.services.start_collection(
        loan_id=loan_id, amount_cents=principal_cents, card_id=None, key=key, by=by, at=at
    )


def send_offer_code(*, user_id: int, offer_id: UUID, ip: str, at: datetime) -> None:
    """The code that signs the consent for an offer, sent only where the offer could be taken now.

    Raises what `traffic.services.check_can_choose` raises, CodeTooSoon, TooManyCodes.
    """
    traffic.services.check_can_choose(user_id=user_id, offer_id=offer_id, at=at)
    codes.request_code_for(user_id=user_id, purpose="consent", subject="distribution", ip=ip, at=at)


def accept_offer(*, user_id: int, offer_id: UUID, version: str, otp: str, ip: str, at: datetime) -> int:
    """Take a platform's offer, and sign with a code the consent that names it, for this offer alone. The lead's id.

    Raises what `traffic.services.choose` and `consents.give` raise; the code stays good where the offer is gone.
    """
    platform = traffic.services.check_can_choose(user_id=user_id, offer_id=offer_id, at=at)
    consent_id = consents.give(
        user_id=user_id,
        code="distribution",
        version=version,
        recipients=(platform,),
        context=f"offer:{offer_id}",
        ip=ip,
        otp=otp,
        at=at,
    )
    return traffic.services.choose(user_id=user_id, offer_id=offer_id, consent_id=consent_id, at=at)


@dataclass(frozen=True, slots=True)
class Erasing:
    """`in_the_way`: what has to end first, none if it may be done; `kept`: what stays, in codes of users.rules.erasure.

    `keep_until`: the last day of what stays.
    """

    in_the_way: tuple[str, ...]
    kept: tuple[str, ...]
    keep_until: date


def erasing(*, user_id: int, at: datetime) -> Erasing:
    """What erasing this account would mean now."""
    waiting = dict.fromkeys(erasure.in_the_way(user_id))
    asking = risk.queries.is_asking(user_id, at) or traffic.queries.is_telling(user_id)
    if asking or contracts.queries.being_made(user_id):
        waiting["work"] = None
    ended_on = erasure.last_loan_ended_on(user_id)
    kept = [*(["loans"] if ended_on else []), *(["decisions"] if risk.queries.has_decided(user_id) else [])]
    keep_until = rules.keep_until(erased_on=clock.business_date(at), ended_on=ended_on)
    return Erasing(tuple(waiting), (*kept, *rules.ALWAYS_TOLD), keep_until)


def erase(*, user_id: int, code: str, by: str, at: datetime) -> Erasing:
    """Erase the account with a code of purpose `erase`; what stays is in the answer.

    Raises StillOpen (`in_the_way`), NotFound, WrongCode, TooManyTries, TooManyWrongCodes.
    """
    accounts.begin(user_id=user_id, code=code, at=at)
    found = erasing(user_id=user_id, at=at)
    if found.in_the_way:
        raise erasure.StillOpen(f"First: {', '.join(found.in_the_way)}.", in_the_way=list(found.in_the_way))
    erasure.erase(user_id=user_id, by=by, at=at)
    contracts.services.erase(user_id=user_id)
    funding.services.erase(user_id=user_id)
    review.services.erase(user_id=user_id)
    risk.services.erase(user_id=user_id, at=at)
    traffic.services.erase(user_id=user_id)
    kept = [name for name in found.kept if name != "lists"]
    accounts.erase(user_id=user_id, kept=kept, keep_until=found.keep_until, by=by, at=at)
    logger.info("account erased", extra={"user_id": user_id})
    return found


def forget_due(*, at: datetime, limit: int = 100) -> int:
    """Delete or empty what was kept of erased accounts whose years are over; how many accounts.

    Each in a transaction of its own: it may be stopped and run again, and by several at once.
    """
    done = 0
    for erasure_id in accounts.over(on=clock.business_date(at), limit=limit):
        with transaction.atomic(durable=True):
            user_id = accounts.begin_forgetting(erasure_id=erasure_id, at=at)
            if user_id is None:
                continue
            funding.services.erase(user_id=user_id)  # what was called back since
            traffic.services.erase(user_id=user_id)
            gone = contracts.services.forget(user_id=user_id) | risk.services.forget(user_id=user_id)
            accounts.forget(user_id=user_id, elsewhere=gone, at=at)
        done += 1
    return done


def expire_due(*, at: datetime) -> int:
    """End what has waited longer than its lifetime; how many."""
    return lifetimes.expire_due(at=at)


def sweep(*, at: datetime) -> int:
    """What the clock alone brings about: lifetimes, and drawdowns without a funder at the next opening."""
    done = expire_due(at=at)
    for drawdown_id in _waiting_for_money(at):
        try:
            with transaction.atomic(durable=True):
                drawdowns.reopen_routing(drawdown_id=drawdown_id, at=at)
        except drawdowns.WrongState:
            continue  # cancelled or expired meanwhile
        done += 1
    return done


def _waiting_for_money(at: datetime) -> Sequence[int]:
    """NO_FUNDER for want of money (M01), and a named funder has opened since. Who refused is not asked twice."""
    waiting = Drawdown.objects.filter(status=DrawdownStatus.NO_FUNDER, reasons__contains=["M01"]).order_by("pk")
    return openings.due_for_another_look(waiting.values_list("pk", "candidates", "status_at"), at)[:50]
