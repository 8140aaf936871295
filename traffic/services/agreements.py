"""What a borrower agrees to in a channel's app: ticks, and codes that we send to the borrower ourselves.

A channel knows somebody's phone, and that is not enough to agree for them: a tick counts together with a code, and only
what was given for this very order lets it be submitted.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from lending.common.crypto import mask_phone
from lending.common.errors import DomainError, Invalid
from lending.services import applications
from traffic import queries
from traffic.models import ChannelOrder
from traffic.rules.flows import OF_THE_PHONE
from traffic.services.intake import BorrowerRefused
from traffic.services.operator import CONSENT, RECIPIENT
from users import queries as users
from users.models import UNDER_WAY, AcceptedBy, CheckKind, CodePurpose, Consent
from users.services import auth, checks, codes, consents, operator

logger = logging.getLogger(__name__)

NEEDED = (*auth.FIRST_NOTICE, *applications.CONSENTS_BEFORE_SUBMIT)
LIMIT = 50  # in one pass; the next pass takes the rest


class TickWithoutCode(Invalid):
    code, title = "code_needed_first", "Send these together with a document that the borrower signs with a code"


@dataclass(frozen=True, slots=True)
class Given:
    """A document that the borrower has read and accepted. `otp`: the code that we sent them, where it needs one."""

    code: str
    version: str
    recipients: tuple[str, ...] = ()
    otp: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """Documents for which a code is on its way; nothing is recorded yet. None: everything is."""

    documents: tuple[str, ...]
    phone: str


def give_agreements(
    *, channel_code: str, public_id: UUID, documents: Sequence[Given], ip: str, at: datetime
) -> Sent | None:
    """First without codes, which sends them; then the same with the codes, which records all or nothing.

    With the last that an application needs, the identity check is asked for, and the draft is submitted as soon as
    that is answered and no authorisation at the phone operator is under way. `ip`: where the borrower is.

    Raises NotFound, BorrowerRefused, UnknownDocument, DocumentOutdated, ProfileIncomplete, AgreementsNotAccepted,
    TickWithoutCode, CodeTooSoon, and what `consents.give` and `checks.request` raise.
    """
    application = queries.ordered(channel_code, public_id)
    user_id, context = application.user_id, queries.consent_context(public_id)
    account = users.account(user_id)
    if not account.is_active:
        raise BorrowerRefused()
    if application.status == "DRAFT" and (missing := users.missing_details(user_id)):
        raise applications.ProfileIncomplete("Bring it anew with: " + ", ".join(missing) + ".", missing=list(missing))
    by_code = [one for one in documents if _accepted_by(one, at) == AcceptedBy.OTP]
    waiting = [one.code for one in by_code if not one.otp]
    if waiting:
        _check_notice(user_id, documents, at)
        for code in waiting:
            codes.request_code_for(user_id=user_id, purpose=CodePurpose.CONSENT, subject=code, ip=ip, at=at)
        return Sent(tuple(waiting), mask_phone(users.person(user_id).phone))
    if not by_code and not has_agreed(user_id, public_id):
        raise TickWithoutCode(fields={one.code: "needs a code beside it" for one in documents})
    for one in sorted(documents, key=lambda one: one.code not in auth.FIRST_NOTICE):
        consents.give(
            user_id=user_id,
            code=one.code,
            version=one.version,
            recipients=one.recipients,
            otp=one.otp or None,
            context=context,
            ip=ip,
            at=at,
        )
    _go_on(application.id, user_id, context, at)
    return None


def has_agreed(user_id: int, public_id: UUID) -> bool:
    """By a code of the borrower's own, to something of this order."""
    context = queries.consent_context(public_id)
    return Consent.objects.filter(user_id=user_id, context=context, otp__isnull=False).exists()


def _accepted_by(one: Given, at: datetime) -> str:
    """How the document is accepted. Raises UnknownDocument, DocumentOutdated."""
    document = users.document(one.code, at)
    if document is None or not document.is_consent or one.code in OF_THE_PHONE:
        raise consents.UnknownDocument(f"{one.code} is not accepted here.", fields={one.code: "Unknown document."})
    if document.version != one.version:
        raise consents.DocumentOutdated(f"Version {document.version} is in force.", version=document.version)
    return document.accepted_by


def _check_notice(user_id: int, documents: Sequence[Given], at: datetime) -> None:
    """The notice names who sends our messages: it is accepted before the first one. Raises AgreementsNotAccepted."""
    accepted = {one.code for one in documents}  # of the version in force, as was checked
    missing = {}
    for code in auth.FIRST_NOTICE:
        live, document = users.live_consent(user_id, code, "platform", at), users.document(code, at)
        if code not in accepted and (live is None or document is None or live.version != document.version):
            missing[code] = "must be accepted first"
    if missing:
        raise auth.AgreementsNotAccepted(fields=missing)


def _go_on(application_id: int, user_id: int, context: str, at: datetime) -> None:
    order = ChannelOrder.objects.select_for_update(of=("self",)).get(application_id=application_id)
    live = {
        code for code in NEEDED if users.live_consent_naming(user_id, code, ("platform",), at, context=context)
    }  # fmt: skip
    if order.application.status != "DRAFT" or len(live) < len(NEEDED):
        return
    checks.request(user_id=user_id, kind=CheckKind.ID2, at=at)
    _begin_operator(user_id, context, at)
    order.waits_since = at
    order.save(update_fields=["waits_since"])
    _submit(order, at)


def _begin_operator(user_id: int, context: str, at: datetime) -> None:
    if users.live_consent_naming(user_id, CONSENT, (RECIPIENT,), at, context=context):
        try:
            operator.start(user_id=user_id, at=at)
        except (operator.OperatorNotAsked, operator.TooManyBeginnings) as error:
            logger.info("operator not asked", extra={"user_id": user_id, "code": error.code})  # it goes on without


def submit_due(*, now: datetime) -> int:
    """Submit what everything is agreed for and whose identity check is answered by now; how many. Each by itself."""
    waiting = ChannelOrder.objects.exclude(waits_since=None).order_by("pk").values_list("pk", flat=True)[:LIMIT]
    done = 0
    for pk in list(waiting):
        with transaction.atomic(durable=True):
            order = ChannelOrder.objects.select_for_update(of=("self",), skip_locked=True).filter(pk=pk).first()
            if order is not None and order.waits_since is not None:
                done += _submit(order, now)
    return done


def _is_waiting(user_id: int, at: datetime) -> bool:
    """An authorisation that is not finished ends by itself after half an hour."""
    return users.identity_result(user_id, at) is None or users.operator(user_id, at).state in UNDER_WAY


def _submit(order: ChannelOrder, at: datetime) -> bool:
    """False where an answer is still to come. What cannot be submitted any more waits no longer."""
    application = order.application
    if application.status == "DRAFT" and _is_waiting(application.user_id, at):
        return False
    order.waits_since = None
    order.save(update_fields=["waits_since"])
    try:
        with transaction.atomic():
            applications.submit(
                application_id=application.pk,
                amount_cents=application.asked_cents or 0,
                months=application.asked_months or 0,
                method=application.method,
                purpose=application.purpose,
                by=f"channel:{order.channel_id}",
                at=at,
            )
    except DomainError as error:  # cancelled, expired, or a consent withdrawn meanwhile: as its status shows
        logger.info("order not submitted", extra={"order_id": order.pk, "code": error.code})
    return True
