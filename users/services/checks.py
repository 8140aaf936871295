"""Identity and card checks: asked once, by a row; answered by the vendor or, where it fails, by its fallback."""

import hashlib
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from lending.common import clock, vault, wake, work
from lending.common.crypto import blind_index
from lending.common.errors import Conflict, Invalid, Malformed, TooManyRequests, UnknownOutcome, VendorError
from users import queries
from users.models import (
    BankCard,
    CardState,
    Certificate,
    CertificateKind,
    CertificateState,
    Check,
    CheckKind,
    CheckState,
    CodePurpose,
    Profile,
    User,
)
from users.providers import CHECKERS
from users.providers.base import Subject, Verdict
from users.services import codes, consents, notices

MAX_ATTEMPTS = 3
LIVENESS = re.compile(r"[A-Za-z0-9._~+/=-]{8,500}")
CHECKS_A_DAY = 5


class DetailsMissing(Conflict):
    code, title = "profile_incomplete", "Name and ID number are needed first"


class PicturesMissing(Conflict):
    code, title = "pictures_missing", "Photos of both sides of the ID card are needed first"


class LivenessRefused(Invalid):
    code, title = "liveness_refused", "The camera's answer cannot be used: try once more"


class TooManyChecks(TooManyRequests):
    code, title = "too_many_checks", "No more checks today"


def request(*, user_id: int, kind: str, card_id: int | None = None, liveness: str = "", at: datetime) -> int:
    """The id of the check. One that waits, or was answered for the same data and is fresh, is returned again.

    `kind`: id2, ocr of the two sides that are kept, face with `liveness`, which works once, or card4 with `card_id`.
    Raises DetailsMissing, PicturesMissing, LivenessRefused, ConsentMissing, TooManyChecks, NotFound.
    """
    User.objects.select_for_update().get(pk=user_id)
    profile = Profile.objects.filter(user_id=user_id).first()
    if profile is None or not profile.name or not profile.id_number:
        raise DetailsMissing(missing=["name", "id_number"])
    source = queries.source(kind)
    sides = _sides(user_id) if kind == CheckKind.OCR else {}
    index = _subject_index(profile, kind, user_id, card_id, sides)
    key = f"{kind}-{uuid.uuid4().hex}"
    former = Check.objects.filter(user_id=user_id, kind=kind).order_by("-pk")
    same = former.filter(subject_index=index)
    if kind == CheckKind.FACE:
        key = _face_key(user_id, liveness)
        same = former.filter(key=key)  # another look at the camera is another question
    for row in same[:1]:
        fresh = row.checked_at is not None and at < row.checked_at + timedelta(days=max(source.fresh_days, 1))
        if row.state == CheckState.PENDING or (fresh and row.state != CheckState.DEAD) or row.key == key:
            return row.pk
    if former.filter(created_at__gt=at - timedelta(days=1)).count() >= CHECKS_A_DAY:
        raise TooManyChecks(retry_after=3600)
    for row in former.select_for_update().filter(kind__in=(CheckKind.ID2, CheckKind.FACE), state=CheckState.PENDING):
        _close(row, "died", at, failure="asked again with other data")
    check = Check.objects.create(
        key=key,
        user_id=user_id,
        kind=kind,
        card_id=card_id,
        **sides,
        liveness=liveness or None,
        subject_index=index,
        consent_id=consents.require(user_id=user_id, code=source.consent_code, recipient=source.recipient, at=at),
        recipient=source.recipient,
        created_at=at,
    )
    wake.wake("users.tasks.run_check", check_id=check.pk)
    return check.pk


def run_check(*, check_id: int, now: datetime) -> None:
    """Ask the vendor and, where it fails, its fallback; in three acts. Returns at once where it is done or claimed."""
    with transaction.atomic(durable=True):
        claimed = work.claim(Check, due=Q(state=CheckState.PENDING), at=now, pk=check_id)
    if not claimed:
        return
    check = Check.objects.get(pk=check_id)
    answer = _ask(check)
    with transaction.atomic(durable=True):
        _settle(check_id, answer, now)


def run_due(*, now: datetime, limit: int = 50) -> int:
    """Run what is due; returns how many rows were looked at."""
    due = Check.objects.filter(
        Q(leased_until=None) | Q(leased_until__lt=now),
        Q(not_before=None) | Q(not_before__lte=now),
        state=CheckState.PENDING,
    )
    ids = list(due.order_by("pk").values_list("pk", flat=True)[:limit])
    for check_id in ids:
        run_check(check_id=check_id, now=now)
    return len(ids)


@dataclass
class _Answer:
    """`unread`: what came and could not be read."""

    verdict: Verdict | None = None
    source: queries.SourceView | None = None
    spent_cents: int = 0
    failures: list[str] = field(default_factory=list)
    unread: Mapping[str, Any] | None = None


def _ask(check: Check) -> _Answer:
    subject = _subject(check)
    answer = _Answer()
    code: str | None = check.kind
    while code is not None:
        source = queries.source(code)
        code = source.fallback
        if not source.enabled or source.protocol not in CHECKERS:
            answer.failures.append(f"{source.code}: {'no adapter' if source.enabled else 'switched off'}")
            continue
        try:
            answer.verdict = CHECKERS[source.protocol](source, subject)
        except VendorError as error:
            answer.failures.append(str(error))
            # A vendor that took the question and lost the answer may well bill it.
            answer.spent_cents += source.price_cents if isinstance(error, UnknownOutcome) else 0
            if isinstance(error, Malformed):
                answer.unread = error.raw
        else:
            answer.source = source
            answer.spent_cents += source.price_cents
            return answer
    return answer


def _subject(check: Check) -> Subject:
    profile = Profile.objects.get(user_id=check.user_id)
    name, number = profile.name or "", profile.id_number or ""
    if check.kind == CheckKind.ID2:
        return Subject(name, number)
    if check.kind == CheckKind.FACE:
        return Subject(name, number, key=check.key, liveness=check.liveness or "")
    if check.front is not None and check.back is not None:
        pictures = tuple(vault.load(side.file) for side in (check.front, check.back))
        return Subject(name, number, key=check.key, pictures=pictures)
    card = BankCard.objects.get(checks=check)
    return Subject(card.holder, number, card.phone, card.number, key=check.key)


def _settle(check_id: int, answer: _Answer, now: datetime) -> None:
    card_id = Check.objects.values_list("card_id", flat=True).get(pk=check_id)
    card = BankCard.objects.select_for_update().get(pk=card_id) if card_id else None
    check = Check.objects.select_for_update().get(pk=check_id)
    if check.state != CheckState.PENDING:
        return  # withdrawn, replaced or settled by another worker meanwhile: the late answer changes nothing
    check.price_cents += answer.spent_cents
    failure = "; ".join(answer.failures)
    if answer.verdict is None or answer.source is None:
        if check.attempts < MAX_ATTEMPTS:
            check.leased_until, check.failure = None, failure[:200]
            check.not_before = now + work.back_off(check.attempts)
            check.save(update_fields=["leased_until", "failure", "not_before", "price_cents"])
            return
        notices.raise_notice(kind="source_dead", subject=f"source:{check.kind}", text=failure, at=now)
        _close(check, "died", now, failure=failure, reply=answer.unread)
        return
    failure = _failure(answer.verdict, now)
    _close(
        check,
        "failed" if failure else "passed",
        now,
        failure=failure,
        source_id=answer.source.id,
        reply=answer.verdict.raw,
    )
    if answer.verdict.printed is not None and answer.verdict.result == "match":
        _keep_expiry(check, answer.verdict.printed.expires_on, now)
    if card is not None:
        _settle_card(card, answer.verdict, now)


def _failure(verdict: Verdict, at: datetime) -> str:
    """Why the check fails; "" where it passes. An ID card that has run out proves nobody."""
    if verdict.result != "match":
        return verdict.result
    until = verdict.printed.expires_on if verdict.printed else None
    return "expired" if until is not None and until < clock.business_date(at) else ""


def _keep_expiry(check: Check, expires_on: date | None, at: datetime) -> None:
    """What the card itself says, run out or not, stands from now on in place of what was typed."""
    profile = Profile.objects.select_for_update().get(user_id=check.user_id)
    profile.id_expires_on, profile.expiry_check = expires_on, check
    profile.updated_at, profile.updated_by = at, f"check:{check.pk}"
    profile.save(update_fields=["id_expires_on", "expiry_check", "updated_at", "updated_by"])


def _settle_card(card: BankCard, verdict: Verdict, at: datetime) -> None:
    """What the bank said about a locked card: refused, or waiting for the code, which is sent."""
    if card.state != CardState.ADDED:
        return  # removed meanwhile
    card.bank = verdict.bank[:40]
    if verdict.result != "match" or verdict.card_type != "debit":
        card.refused()
        card.save(update_fields=["state", "bank"])
        return
    card.checked()
    card.save(update_fields=["state", "bank"])
    try:
        codes.request_code(
            phone=card.phone,
            purpose=CodePurpose.CARD,
            subject=str(card.public_id),
            ip=None,
            at=at,
            language=queries.account(card.user_id).language,
        )
    except TooManyRequests:
        return  # the day's codes for this phone are spent: the card waits, and the borrower may ask tomorrow


def _close(check: Check, transition: str, at: datetime, **facts: Any) -> None:
    getattr(check, transition)()
    check.checked_at, check.leased_until = at, None
    for name, value in facts.items():
        setattr(check, name, value)
    check.failure = check.failure[:200]
    names = ["source" if name == "source_id" else name for name in facts]
    check.save(update_fields=["state", "checked_at", "leased_until", "price_cents", *names])


def _face_key(user_id: int, liveness: str) -> str:
    """One for each token, whoever brings it. Raises LivenessRefused."""
    if not LIVENESS.fullmatch(liveness):
        raise LivenessRefused(fields={"liveness_token": "Not a token."})
    key = f"face-{hashlib.sha256(liveness.encode()).hexdigest()}"
    if Check.objects.filter(key=key).exclude(user_id=user_id).exists():
        raise LivenessRefused(fields={"liveness_token": "Not a token."})
    return key


def _sides(user_id: int) -> dict[str, Certificate]:
    """The two sides of the card that are kept now. Raises PicturesMissing."""
    kept = Certificate.objects.filter(user_id=user_id, state=CertificateState.KEPT)
    found = {row.kind: row for row in kept.filter(kind__in=(CertificateKind.ID_FRONT, CertificateKind.ID_BACK))}
    if len(found) < 2:
        wanted = [str(kind) for kind in (CertificateKind.ID_FRONT, CertificateKind.ID_BACK) if kind not in found]
        raise PicturesMissing(missing=wanted)
    return {"front": found[CertificateKind.ID_FRONT], "back": found[CertificateKind.ID_BACK]}


def _subject_index(
    profile: Profile, kind: str, user_id: int, card_id: int | None, sides: Mapping[str, Certificate]
) -> str:
    match kind:
        case CheckKind.OCR:
            pictures = "\0".join(row.sha256 for row in sides.values())
            return blind_index(f"{queries.identity_index(profile)}\0{pictures}", "id_card")
        case CheckKind.ID2 | CheckKind.FACE:
            return queries.identity_index(profile)
        case CheckKind.CARD4 if card_id is not None:
            queries.card(user_id, card_id)
            return BankCard.objects.values_list("number_index", flat=True).get(pk=card_id)
    raise Invalid(fields={"kind": "Not one of the choices."})
