"""Identity and card checks: asked once, by a row; answered by the vendor or, where it fails, by its fallback."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from lending.common import wake, work
from lending.common.errors import Conflict, Invalid, TooManyRequests, UnknownOutcome, VendorError
from users import queries
from users.models import BankCard, CardState, Check, CheckKind, CheckState, CodePurpose, Profile, User
from users.providers import CHECKERS
from users.providers.base import Subject, Verdict
from users.services import codes, consents, notices

MAX_ATTEMPTS = 3
CHECKS_A_DAY = 5


class DetailsMissing(Conflict):
    code, title = "profile_incomplete", "Name and ID number are needed first"


class TooManyChecks(TooManyRequests):
    code, title = "too_many_checks", "No more checks today"


def request(*, user_id: int, kind: str, card_id: int | None = None, at: datetime) -> int:
    """The id of the check. One that waits, or was answered for the same data and is fresh, is returned again.

    `kind`: id2, or card4 with `card_id`. Raises DetailsMissing, ConsentMissing, TooManyChecks, NotFound.
    """
    User.objects.select_for_update().get(pk=user_id)
    profile = Profile.objects.filter(user_id=user_id).first()
    if profile is None or not profile.name or not profile.id_number:
        raise DetailsMissing(missing=["name", "id_number"])
    source = queries.source(kind)
    index = _subject_index(profile, kind, user_id, card_id)
    former = Check.objects.filter(user_id=user_id, kind=kind).order_by("-pk")
    for row in former.filter(subject_index=index)[:1]:
        fresh = row.checked_at is not None and at < row.checked_at + timedelta(days=max(source.fresh_days, 1))
        if row.state == CheckState.PENDING or (fresh and row.state != CheckState.DEAD):
            return row.pk
    if former.filter(created_at__gt=at - timedelta(days=1)).count() >= CHECKS_A_DAY:
        raise TooManyChecks(retry_after=3600)
    for row in former.select_for_update().filter(kind=CheckKind.ID2, state=CheckState.PENDING):
        _close(row, "died", at, failure="asked again with other data")
    check = Check.objects.create(
        key=f"{kind}-{uuid.uuid4().hex}",
        user_id=user_id,
        kind=kind,
        card_id=card_id,
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
    verdict: Verdict | None = None
    source: queries.SourceView | None = None
    spent_cents: int = 0
    failures: list[str] = field(default_factory=list)


def _ask(check: Check) -> _Answer:
    subject = _subject(check)
    answer = _Answer()
    code: str | None = check.kind
    while code is not None:
        source = queries.source(code)
        code = source.fallback
        if not source.enabled:
            answer.failures.append(f"{source.code}: switched off")
            continue
        try:
            answer.verdict = CHECKERS[source.protocol](source, subject)
        except VendorError as error:
            answer.failures.append(str(error))
            # A vendor that took the question and lost the answer may well bill it.
            answer.spent_cents += source.price_cents if isinstance(error, UnknownOutcome) else 0
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
    card = BankCard.objects.get(checks=check)
    return Subject(card.holder, number, card.phone, card.number)


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
        _close(check, "died", now, failure=failure)
        return
    passed = answer.verdict.result == "match"
    _close(
        check,
        "passed" if passed else "failed",
        now,
        failure="" if passed else answer.verdict.result,
        source_id=answer.source.id,
        reply=answer.verdict.raw,
    )
    if card is not None:
        _settle_card(card, answer.verdict, now)


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


def _subject_index(profile: Profile, kind: str, user_id: int, card_id: int | None) -> str:
    match kind:
        case CheckKind.ID2:
            return queries.identity_index(profile)
        case CheckKind.CARD4 if card_id is not None:
            queries.card(user_id, card_id)
            return BankCard.objects.values_list("number_index", flat=True).get(pk=card_id)
    raise Invalid(fields={"kind": "Not one of the choices."})
