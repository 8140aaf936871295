"""A borrower goes to the platform they chose: claim (commit), ask or tell (no transaction), settle (commit)."""

import logging
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID, uuid4

from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q

from lending.common import clock, work
from lending.common.errors import Conflict, NotFound, PermanentError, TransientError, UnknownOutcome
from lending.common.wake import wake
from lending.models import Application
from traffic.models import Lead, LeadEnd, LeadState, Offer, OfferState, Platform, PlatformDay
from traffic.models.lead import ASKING, OVER, TAKEN, UNSENT
from traffic.providers import PLATFORMS
from traffic.providers.base import LeadAnswer, PlatformDesk, Push
from traffic.queries import distribution
from traffic.services import platform_lines
from users import queries as users
from users.services import acts, notices

logger = logging.getLogger(__name__)

ASK = "traffic.ask_lead"
DUE = Q(state__in=[*UNSENT, *ASKING]) | Q(watched=True)
LEASE_SECONDS = 30
POLL_AFTER = timedelta(seconds=5)  # the callback is the answer; the query stands in for a lost one
WATCH_EVERY = timedelta(hours=6)
WATCH_FOR = timedelta(days=30)
LIMIT = 50
ATTEMPTS_BEFORE_NOTICE = 10  # some nine minutes


class OfferGone(Conflict):
    code, title = "offer_gone", "This offer is not open any more"


class NotOffered(Conflict):
    """Why stays ours: some of it must not be told."""

    code, title = "not_offered", "We cannot hand you on to another platform at present"


class AnotherChosen(Conflict):
    code, title = "another_chosen", "You have chosen another platform for this already"


class PlatformFull(Conflict):
    code, title = "platform_full", "This platform takes nobody more today"


class NothingToAsk(Conflict):
    code, title = "nothing_to_ask", "What became of this lead is known, or it was not sent yet"


# --- the choice ---------------------------------------------------------------------------------------------------


def choose(*, user_id: int, offer_id: UUID, consent_id: int, at: datetime) -> int:
    """The borrower takes an offer, under the consent that names its platform; the lead's id. A place of the platform's
    day and the price of the lead are spoken for in the statements that look whether there is one.

    Raises NotFound (also another's), OfferGone, NotOffered, AnotherChosen, PlatformFull.
    """
    offer = _choosable(user_id, offer_id, at)
    platform = Platform.objects.get(pk=offer.platform_id)
    today = clock.business_date(at)
    if not _take_place(platform, today) or not _hold(platform, offer.commission_cents):
        raise PlatformFull()
    lead = Lead.objects.create(
        key=f"lead-{uuid4()}",
        offer=offer,
        application_id=offer.application_id,
        user_id=user_id,
        platform=platform,
        consent_id=consent_id,
        recipient=str(platform.pk),
        on_date=today,
        amount_cents=offer.amount_cents,
        currency=offer.currency,
        held_cents=offer.commission_cents,
        created_at=at,
    )
    offer.take()
    offer.save(update_fields=["state"])
    wake("traffic.tasks.run_lead", lead_id=lead.pk)
    return lead.pk


def check_can_choose(*, user_id: int, offer_id: UUID, at: datetime) -> str:
    """The platform to be named by the consent. Raises NotFound, OfferGone, NotOffered, AnotherChosen."""
    return str(_choosable(user_id, offer_id, at).platform_id)


def _choosable(user_id: int, offer_id: UUID, at: datetime) -> Offer:
    """Locked, after its application. Raises NotFound, OfferGone, NotOffered, AnotherChosen."""
    found = Offer.objects.filter(user_id=user_id, public_id=offer_id).values_list("application_id", flat=True).first()
    if found is None:
        raise NotFound("There is no such offer.")
    Application.objects.select_for_update(of=("self",)).get(pk=found)
    offer = Offer.objects.select_for_update(of=("self",)).get(public_id=offer_id)
    if Lead.objects.filter(application_id=found).exclude(state__in=OVER).exists():
        raise AnotherChosen()
    if offer.state != OfferState.OPEN or offer.expires_at <= at:
        raise OfferGone()
    if distribution.exclusions(found, at):
        raise NotOffered()
    return offer


TAKE_PLACE = """
INSERT INTO traffic_platformday (platform_id, date, used)
SELECT code, %(date)s, 1 FROM traffic_platform WHERE code = %(platform)s AND enabled AND cap_day > 0
ON CONFLICT (platform_id, date) DO UPDATE SET used = traffic_platformday.used + 1
WHERE traffic_platformday.used < (SELECT cap_day FROM traffic_platform WHERE code = %(platform)s AND enabled)
RETURNING used
"""


def _take_place(platform: Platform, day: date) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(TAKE_PLACE, {"platform": str(platform.pk), "date": day})
        return cursor.fetchone() is not None


def _hold(platform: Platform, cents: int) -> bool:
    rows = Platform.objects.filter(pk=platform.pk, enabled=True, balance_cents__gte=F("held_cents") + cents)
    return rows.update(held_cents=F("held_cents") + cents) == 1


def _give_back(lead: Lead) -> None:
    """What was held of the balance; the place of the day, too, where nothing of the borrower has left."""
    platform_lines.let_go(lead)
    if lead.sent_at is None:
        PlatformDay.objects.filter(platform=lead.platform_id, date=lead.on_date, used__gt=0).update(used=F("used") - 1)


# --- the work -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Claim:
    """What this worker holds: the row as it was when claimed. `attempts` tells a later claim from this one."""

    lead: Lead
    state: str


def run_lead(*, lead_id: int, now: datetime) -> bool:
    """Take one lead a step further. False where it is not due, or another worker has it.

    Opens its own transactions; may run twice, late, or after a crash: a push that may have left is queried.
    """
    try:
        with transaction.atomic(durable=True):
            claim = _claim(lead_id, now)
    except IntegrityError as error:
        if "consent_not_live" not in str(error):
            raise
        with transaction.atomic(durable=True):
            _end(_locked(lead_id), LeadEnd.NO_CONSENT, now)
        return True
    if claim is None:
        return False
    if claim.lead.state == LeadState.ENDED:
        return True
    try:
        if claim.state == LeadState.CHOSEN:
            takes = _desk(claim.lead).precheck(users.person(claim.lead.user_id).phone)
            with transaction.atomic(durable=True):
                _prechecked(claim, takes, now)
            return True
        answer = _tell(claim) if claim.state == LeadState.READY else _desk(claim.lead).query(claim.lead.key)
    except (TransientError, UnknownOutcome, PermanentError) as error:
        with transaction.atomic(durable=True):
            _note_fault(claim, error, now)
        return True
    with transaction.atomic(durable=True):
        settle_lead(lead_id=lead_id, answer=answer, at=now)
    return True


def _claim(lead_id: int, now: datetime) -> _Claim | None:
    """Locked after its application, so that a refusal or an appeal that comes now comes before or after."""
    found = Lead.objects.filter(pk=lead_id).values_list("application_id", flat=True).first()
    if found is None:
        return None
    Application.objects.select_for_update(of=("self",)).get(pk=found)
    if not work.claim(Lead, due=DUE, at=now, lease_seconds=LEASE_SECONDS, pk=lead_id):
        return None
    lead = Lead.objects.select_related("platform", "consent", "offer").get(pk=lead_id)
    claim = _Claim(lead, state=lead.state)
    if lead.state in UNSENT and (not lead.platform.enabled or distribution.exclusions(found, now)):
        _end(lead, LeadEnd.EXCLUDED, now)
    elif lead.state == LeadState.READY:
        # Written before the call: whoever finds the row after a crash asks what became of it.
        Lead.objects.filter(pk=lead_id).update(state=LeadState.SENT, sent_at=now)
    return claim


def _desk(lead: Lead) -> PlatformDesk:
    protocol = lead.platform.protocol
    if protocol not in PLATFORMS:
        raise PermanentError(f"no adapter for {protocol!r}", vendor=lead.recipient, code="no_protocol")
    return PLATFORMS[protocol]


def _tell(claim: _Claim) -> LeadAnswer:
    lead = claim.lead
    person = users.person(lead.user_id)
    return _desk(lead).push(
        Push(
            key=lead.key,
            name=person.name,
            phone=person.phone,
            amount_cents=lead.amount_cents,
            months=lead.offer.months,
            consent_id=str(lead.consent.public_id),
            consent_version=lead.consent.version,
            consent_given_at=lead.consent.given_at,
        )
    )


def _prechecked(claim: _Claim, takes: bool, now: datetime) -> None:
    lead = _locked(claim.lead.pk)
    if lead.state != LeadState.CHOSEN or lead.attempts != claim.lead.attempts:
        return
    if not takes:
        _end(lead, LeadEnd.KNOWN, now)
        return
    lead.state, lead.leased_until, lead.not_before, lead.last_error = LeadState.READY, None, None, ""
    lead.save(update_fields=["state", "leased_until", "not_before", "last_error"])
    wake("traffic.tasks.run_lead", lead_id=lead.pk)


def settle_lead(*, lead_id: int, answer: LeadAnswer, at: datetime) -> str:
    """Write down what the platform said. "applied", or "late" where it is known already or the lead is over."""
    lead = _locked(lead_id)
    lead.leased_until = None
    asked = lead.state in ASKING
    match answer.state:
        case "pending" if asked:
            lead.state = LeadState.SENT
            lead.not_before = at + max(POLL_AFTER, work.back_off(lead.attempts))
        case "absent" if asked:  # it never arrived; the same key again is safe
            lead.state, lead.not_before = LeadState.READY, at + work.back_off(lead.attempts)
        case "accepted" if asked:
            lead.state, lead.decided_at = LeadState.ACCEPTED, at
        case "paid" if asked or lead.state == LeadState.ACCEPTED:
            lead.state, lead.decided_at = LeadState.PAID, lead.decided_at or at
            lead.paid_at, lead.paid_cents = at, answer.paid_cents
        case "refused" if asked or lead.state == LeadState.ACCEPTED:
            lead.state, lead.decided_at, lead.refusal = LeadState.REFUSED, at, answer.reason[:200]
        case "returned" if asked or lead.state in TAKEN:
            lead.state, lead.returned_at = LeadState.RETURNED, at
        case _:
            _watch(lead, at)
            lead.save(update_fields=["leased_until", "watched", "not_before"])
            return "late"
    lead.reference, lead.link = answer.reference or lead.reference, answer.link or lead.link
    lead.answer, lead.last_error = dict(answer.raw), ""
    notices.close_about(kinds=["lead_unknown"], subject=f"lead:{lead.pk}", reason="The platform has answered", at=at)
    _watch(lead, at)
    lead.save()
    platform_lines.settle(lead, at=at)
    return "applied"


def _watch(lead: Lead, at: datetime) -> None:
    """Asked about from time to time while something may still come of it."""
    if lead.state in OVER:
        lead.watched, lead.not_before = False, None
    if lead.state in TAKEN:
        since = lead.paid_at or lead.decided_at or at
        lead.watched, lead.not_before = at < since + WATCH_FOR, at + WATCH_EVERY
        if not lead.watched:
            platform_lines.let_go(lead)


def _note_fault(claim: _Claim, error: TransientError | UnknownOutcome | PermanentError, now: datetime) -> None:
    """No answer. Nothing sent: the same again later. Perhaps sent: query. Not taken as sent: it ends here."""
    lead = _locked(claim.lead.pk)
    if lead.attempts != claim.lead.attempts or lead.state in OVER:
        return  # a callback or a later claim has moved it on
    logger.warning("platform gave no answer", extra={"lead_id": lead.pk, "error": str(error)})
    lead.last_error = str(error)[:200]
    if isinstance(error, PermanentError) and claim.state in UNSENT:
        lead.sent_at = None
        _end(lead, LeadEnd.NOT_TAKEN, now)
        return
    if claim.state == LeadState.READY and lead.state == LeadState.SENT:
        if isinstance(error, TransientError):
            lead.state, lead.sent_at = LeadState.READY, None
        else:
            lead.state = LeadState.UNKNOWN
    lead.leased_until, lead.not_before = None, now + work.back_off(lead.attempts)
    lead.save(update_fields=["state", "sent_at", "leased_until", "not_before", "last_error"])
    if lead.state == LeadState.UNKNOWN and lead.attempts >= ATTEMPTS_BEFORE_NOTICE:
        notices.raise_notice(
            kind="lead_unknown",
            subject=f"lead:{lead.pk}",
            text=f"{lead.recipient} was asked {lead.attempts} times without an answer: {lead.last_error}",
            at=now,
        )


def _end(lead: Lead, why: LeadEnd, at: datetime) -> None:
    """Nothing leaves under it any more. The lead's row is locked."""
    if lead.state in OVER:
        return
    _give_back(lead)
    lead.state, lead.end, lead.decided_at = LeadState.ENDED, why, at
    lead.leased_until, lead.not_before, lead.watched = None, None, False
    lead.save()


def _locked(lead_id: int) -> Lead:
    """After its application."""
    application_id = Lead.objects.values_list("application_id", flat=True).get(pk=lead_id)
    Application.objects.select_for_update(of=("self",)).get(pk=application_id)
    return Lead.objects.select_for_update(of=("self",)).get(pk=lead_id)


def due_leads(*, at: datetime, limit: int = LIMIT) -> list[int]:
    """Ids of leads to run now, oldest first."""
    free = DUE & (Q(leased_until=None) | Q(leased_until__lt=at)) & (Q(not_before=None) | Q(not_before__lte=at))
    return list(Lead.objects.filter(free).order_by("id").values_list("pk", flat=True)[:limit])


def run_due_leads(*, now: datetime) -> int:
    """One that fails does not stop the others: it is logged, and stays leased until its lease runs out."""
    done = 0
    for pk in due_leads(at=now):
        try:
            done += run_lead(lead_id=pk, now=now)
        except Exception:
            logger.exception("lead failed", extra={"lead_id": pk})
    return done


def ask_lead(*, lead_id: int, reason: str, by: str, at: datetime) -> None:
    """Ask the platform now what became of a lead, instead of at its next turn. Never sends it again.

    Raises NotFound, NothingToAsk, NotAllowed, ReasonRequired.
    """
    acts.require(by=by, permission=ASK)
    if not Lead.objects.filter(pk=lead_id).exists():
        raise NotFound("There is no such lead.")
    lead = _locked(lead_id)
    if lead.state not in ASKING and not lead.watched:
        raise NothingToAsk(f"It is {lead.state}.", state=lead.state)
    acts.record(by=by, act="ask_lead", subject=f"lead:{lead_id}", reason=reason, at=at)
    lead.not_before = None  # a worker that asks just now keeps its lease
    lead.save(update_fields=["not_before"])
    wake("traffic.tasks.run_lead", lead_id=lead_id)
