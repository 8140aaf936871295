"""Consents: given once to one version for named recipients, and withdrawn at any time."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from lending.common.errors import Conflict, Invalid, NotFound
from users import queries
from users.models import AcceptedBy, Check, CheckState, CodePurpose, CollectedFeatures, Consent, User
from users.rules import withdrawal
from users.services import accounts, codes, operator_ends

MAX_NAMED = 4  # three candidate lenders and a guarantor
RECIPIENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")


class UnknownDocument(Invalid):
    code, title = "unknown_document", "There is no such document"


class DocumentOutdated(Conflict):
    code, title = "document_outdated", "A newer version is in force"


class WrongRecipients(Invalid):
    code, title = "wrong_recipients", "The recipients are not those of the document"


class CodeRequired(Invalid):
    code, title = "code_required", "This document is signed with a code sent by message"


class ConsentMissing(Conflict):
    code, title = "consent_missing", "A consent is missing"


class AlreadyWithdrawn(Conflict):
    code, title = "already_withdrawn", "This consent is already withdrawn"


def give(
    *,
    user_id: int,
    code: str,
    version: str,
    recipients: Sequence[str],
    ip: str,
    otp: str | None = None,
    context: str = "",
    at: datetime,
) -> int:
    """Record a consent and return its id; the same one, still live, is returned again.

    `recipients`: the named ones where the document names them at the moment (at most MAX_NAMED), else empty or the
    document's own. `otp`: the code sent for purpose "consent", subject = the document's code.
    Raises UnknownDocument, DocumentOutdated, WrongRecipients, CodeRequired, WrongCode, TooManyTries.
    """
    user = User.objects.select_for_update().get(pk=user_id)
    document = queries.document(code, at)
    if document is None or not document.is_consent or code in queries.not_collected():
        raise UnknownDocument(fields={"code": "Unknown document."})
    if version != document.version:
        raise DocumentOutdated(f"Version {document.version} is in force.", version=document.version)
    named = _recipients(document, recipients)
    live = queries.live_consent(user_id, code, named[0], at)
    if live and (live.version, set(live.recipients), live.context) == (version, set(named), context) and otp is None:
        return live.id
    otp_id = None
    if document.accepted_by == AcceptedBy.OTP:
        if not otp:
            raise CodeRequired(fields={"otp": "Ask for a code first."})
        phone = user.phone or ""
        otp_id = codes.verify_code(phone=phone, purpose=CodePurpose.CONSENT, subject=code, code=otp, at=at)
    consent = Consent.objects.create(
        user_id=user_id,
        document_id=document.id,
        code=code,
        version=version,
        accepted_by=document.accepted_by,
        recipients=list(named),
        context=context,
        ip=ip,
        otp_id=otp_id,
        given_at=at,
    )
    return consent.pk


def give_all(*, user_id: int, versions: Mapping[str, str], ip: str, at: datetime) -> None:
    """Several that need only a tick, `versions` by document code. Raises as `give`."""
    for code, version in versions.items():
        give(user_id=user_id, code=code, version=version, recipients=(), ip=ip, at=at)


def withdraw(*, user_id: int, consent_id: int | UUID, by: str, at: datetime) -> None:
    """From now on nothing more leaves under it; checks still waiting to be sent end without an answer.

    The same consent given before, in any version and to the same recipients, is withdrawn with it: else that one would
    go on allowing what was just forbidden. An authorisation at the phone operator that stands on it is over, and what
    was counted in the phone's data under it is deleted. Without the agreements of the account, every sign-in ends too.
    Raises NotFound (also another user's), AlreadyWithdrawn.
    """
    ident = {"public_id": consent_id} if isinstance(consent_id, UUID) else {"pk": consent_id}
    User.objects.select_for_update().get(pk=user_id)
    consent = Consent.objects.filter(user_id=user_id, **ident).select_related("document").first()
    if consent is None:
        raise NotFound("There is no such consent.")
    same = Consent.objects.select_for_update().filter(user_id=user_id, code=consent.code, withdrawn_at=None)
    rows = [row for row in same.order_by("pk") if _same_recipients(row, consent)]
    if consent.pk not in [row.pk for row in rows]:
        raise AlreadyWithdrawn()
    for row in rows:
        row.withdrawn_at, row.withdrawn_by = at, by
        row.save(update_fields=["withdrawn_at", "withdrawn_by"])
    for check in Check.objects.select_for_update().filter(consent__in=rows, state=CheckState.PENDING).order_by("pk"):
        check.died()
        check.checked_at, check.failure = at, "consent withdrawn"
        check.save(update_fields=["state", "checked_at", "failure"])
    operator_ends.end_under(consents=[row.pk for row in rows], at=at)
    CollectedFeatures.objects.filter(user_id=user_id, kind=consent.code).delete()
    if consent.code in withdrawal.OF_THE_ACCOUNT:
        accounts.end_sign_ins(user_id=user_id, at=at)


def _same_recipients(one: Consent, other: Consent) -> bool:
    """A document that names its recipients itself is one consent whatever its version says; named lenders are not."""
    return not other.document.named_recipients or set(one.recipients) == set(other.recipients)


def require(*, user_id: int, code: str, recipient: str, at: datetime) -> int:
    """The id of the live consent that lets data go to `recipient`. Raises ConsentMissing."""
    consent = queries.live_consent(user_id, code, recipient, at)
    if consent is None:
        raise ConsentMissing(f"Read and accept first: {code}.", missing=[code])
    return consent.id


def require_latest(*, user_id: int, code: str, recipient: str, at: datetime) -> int:
    """As `require`, and the very text in force was read: it says more than the one before. Raises DocumentOutdated."""
    consent_id = require(user_id=user_id, code=code, recipient=recipient, at=at)
    document, live = queries.document(code, at), queries.live_consent(user_id, code, recipient, at)
    if document and live and live.version != document.version:
        raise DocumentOutdated(f"Version {document.version} is in force.", version=document.version)
    return consent_id


def _recipients(document: queries.DocumentView, asked: Sequence[str]) -> tuple[str, ...]:
    if not document.named_recipients:
        if asked and set(asked) != set(document.recipients):
            raise WrongRecipients(fields={"recipients": "Leave empty, or repeat the document's."})
        return document.recipients
    unique = tuple(dict.fromkeys(asked))
    if not 1 <= len(unique) <= MAX_NAMED or not all(RECIPIENT.fullmatch(name) for name in unique):
        raise WrongRecipients(fields={"recipients": f"Name one to {MAX_NAMED} recipients."})
    return unique
