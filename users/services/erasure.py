"""Erasing a borrower from this app's tables: what names them goes, and every blind index of it."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import partial

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Q

from lending.common import vault
from lending.common.errors import NotFound
from users.models import (
    AccessLog,
    BankCard,
    CardState,
    Certificate,
    CertificateState,
    Check,
    CheckState,
    CodePurpose,
    CollectedFeatures,
    Consent,
    Contact,
    Device,
    Erasure,
    ListEntry,
    LoginCode,
    Message,
    MessageState,
    Profile,
    StaffAct,
    Tag,
    Token,
    User,
    UserLevel,
    UserLevelChange,
    WechatIdentity,
)
from users.services import acts, codes, face_reviews, operator_ends


def begin(*, user_id: int, code: str, at: datetime) -> None:
    """Lock the account, so that nothing of theirs begins meanwhile, and use the code up.

    Raises NotFound, WrongCode, TooManyTries, TooManyWrongCodes.
    """
    user = User.objects.select_for_update().filter(pk=user_id, kind="borrower", is_active=True).first()
    if user is None:
        raise NotFound("There is no such account.")
    codes.verify_code(phone=user.phone or "", purpose=CodePurpose.ERASE, subject="", code=code, at=at)


def erase(*, user_id: int, kept: Sequence[str], keep_until: date, by: str, at: datetime) -> int:
    """Empty this app's rows of the borrower; returns the id of the Erasure.

    `kept`: what the other apps keep, and why; entries on lists against fraud are added here. Where `loans` are among
    it, the last four digits of cards stay. `keep_until`: the last day of all of it.
    """
    user = User.objects.select_for_update().get(pk=user_id)
    listed = _lists(user, at)
    _messages_and_codes(user, at)
    _cards_and_checks(user_id, at, with_last4="loans" in kept)
    _documents(user_id, at)
    operator_ends.erase(user_id=user_id, at=at)
    face_reviews.forget(user_id=user_id)
    for consent in Consent.objects.select_for_update().filter(user_id=user_id, withdrawn_at=None).order_by("pk"):
        consent.withdrawn_at, consent.withdrawn_by = at, by
        consent.save(update_fields=["withdrawn_at", "withdrawn_by"])
    for model in (Profile, Contact, Device, CollectedFeatures, Tag, UserLevel, Token, WechatIdentity):
        model._default_manager.filter(user_id=user_id).delete()
    user.phone = user.phone_index = None
    user.is_active = False
    user.password = make_password(None)  # every web session is over with it
    user.save(update_fields=["phone", "phone_index", "is_active", "password"])
    everything = [*kept, *(["lists"] if listed else [])]
    return Erasure.objects.create(user=user, by=by, erased_at=at, kept=everything, keep_until=keep_until).pk


def over(*, on: date, limit: int) -> list[int]:
    """Erasures whose kept years are over on that day, the oldest first."""
    due = Erasure.objects.filter(forgotten_at=None, keep_until__lt=on)
    return list(due.order_by("keep_until", "pk").values_list("pk", flat=True)[:limit])


def begin_forgetting(*, erasure_id: int, at: datetime) -> int | None:
    """From now on what was kept may go; whose it is, or None where another worker has it or had it."""
    row = Erasure.objects.select_for_update(skip_locked=True).filter(pk=erasure_id, forgotten_at=None).first()
    if row is None:
        return None
    row.forgotten_at = at
    row.save(update_fields=["forgotten_at"])
    return row.user_id


def forget(*, user_id: int, elsewhere: Mapping[str, int], at: datetime) -> None:
    """Delete or empty what this app kept, and write down how much that was, the other apps' share too: one row."""
    cards = BankCard.objects.filter(user_id=user_id).exclude(last4="")
    gone = {
        "cards": cards.update(last4="", bank=""),
        "internet addresses of consents": Consent.objects.filter(user_id=user_id, ip__isnull=False).update(ip=None),
        "changes of level": UserLevelChange.objects.filter(user_id=user_id).delete()[0],
        "rows of the access log": AccessLog.objects.filter(subject=f"user:{user_id}").delete()[0],
    }
    told = ", ".join(f"{count} {what}" for what, count in {**elsewhere, **gone}.items() if count)
    row = Erasure.objects.get(user_id=user_id)
    StaffAct.objects.create(
        by="system",
        act="end_keeping",
        subject=f"user:{user_id}",
        reason=f"Kept until {row.keep_until}. Gone: {told or 'nothing was left'}"[: acts.MAX_REASON],
        at=at,
    )


def _lists(user: User, at: datetime) -> bool:
    """Take what serves nobody any more off the lists; whether a live entry against fraud stays."""
    named = Q(subject="phone", subject_index=user.phone_index or "")
    for profile in Profile.objects.filter(user=user).exclude(id_index=None):
        named |= Q(subject="id_number", subject_index=profile.id_index)
    for card in BankCard.objects.filter(user=user).exclude(number_index=""):
        named |= Q(subject="card", subject_index=card.number_index)
    for device in Device.objects.filter(user=user):
        named |= Q(subject="device", subject_index=device.fingerprint_index)
    live = Q(removed_at=None) & (Q(expires_at=None) | Q(expires_at__gt=at)) & ~Q(kind="white")
    ListEntry.objects.filter(named).exclude(live).delete()
    return ListEntry.objects.filter(named, live).exists()


def _messages_and_codes(user: User, at: datetime) -> None:
    """That something was sent, and when, stays; no words, number or address. A code backs its consent by id."""
    sent = LoginCode.objects.filter(phone_index=user.phone_index)
    keys = [f"code-{pk}" for pk in sent.values_list("pk", flat=True)]
    for message in Message.objects.select_for_update().filter(Q(user=user) | Q(key__in=keys)).order_by("pk"):
        if message.state == MessageState.QUEUED:
            message.failed()
            message.failure, message.done_at, message.leased_until = "account erased", at, None
        message.phone = message.text = ""
        message.save(update_fields=["phone", "text", "state", "failure", "done_at", "leased_until"])
    sent.update(phone_index="", code_hash="", ip=None)


def _cards_and_checks(user_id: int, at: datetime, *, with_last4: bool) -> None:
    for card in BankCard.objects.select_for_update().filter(user_id=user_id).order_by("pk"):
        if card.state not in (CardState.REFUSED, CardState.REMOVED):
            card.removed()
        card.holder = card.number = card.phone = card.number_index = ""
        if not with_last4:
            card.last4 = card.bank = ""
        card.save(update_fields=["state", "holder", "number", "phone", "number_index", "last4", "bank"])
    for check in Check.objects.select_for_update().filter(user_id=user_id).order_by("pk"):
        if check.state == CheckState.PENDING:
            check.died()
            check.checked_at, check.failure, check.leased_until = at, "account erased", None
        check.subject_index, check.reply = "", None
        check.liveness = None if check.liveness is None else ""
        check.save(
            update_fields=["state", "checked_at", "failure", "leased_until", "subject_index", "reply", "liveness"]
        )


def _documents(user_id: int, at: datetime) -> None:
    """That there was a document, and when, stays. Files go once this is committed: a roll-back leaves them."""
    for row in Certificate.objects.select_for_update().filter(user_id=user_id).order_by("pk"):
        if row.state == CertificateState.KEPT:
            row.removed()
            row.ended_at = at
        if row.file:
            transaction.on_commit(partial(vault.forget, row.file))
        row.file = row.sha256 = ""
        row.save(update_fields=["state", "ended_at", "file", "sha256"])
