"""One-time codes. Only a keyed hash is stored; the code itself leaves in one message, whose text is emptied after."""

import secrets
import uuid
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import connection
from django.utils.crypto import constant_time_compare, salted_hmac
from redis.exceptions import RedisError

from lending.common.attempts import Limit, Uncounted
from lending.common.crypto import blind_index
from lending.common.errors import Conflict, Invalid, TooManyRequests, Unauthenticated, Unavailable
from users import queries
from users.models import CodePurpose, LoginCode
from users.rules import identity
from users.services import messages

CODE_TTL = timedelta(minutes=5)
CODE_TRIES = 5
CODE_GAP = timedelta(minutes=1)  # for one phone, purpose and subject
CODES_A_DAY = 10  # for one phone and purpose
# Over all codes: five tries each would else be fifty a day. By purpose, so that a stranger who guesses at signing in
# cannot keep a borrower who is signed in from signing.
WRONG_A_DAY = Limit("code-phone", 20, 24 * 3600)
WRONG_OF_A_DEVICE = Limit("code-device", 20, 3600)  # whichever phones it tries
CODES_OF_A_DEVICE = Limit("code-sent-device", 30, 24 * 3600)


class NoticeNotAccepted(Invalid):
    code, title = "notice_not_accepted", "Accept the service agreement and the privacy policy first"


class CodeTooSoon(TooManyRequests):
    code, title = "code_too_soon", "A code was sent a moment ago"


class TooManyCodes(TooManyRequests):
    code, title = "too_many_codes", "No more codes for this number today"


class WrongCode(Invalid):
    code, title = "wrong_code", "The code is wrong or has expired"


class TooManyTries(TooManyRequests):
    code, title = "too_many_tries", "Too many tries; ask for a new code"


class TooManyWrongCodes(TooManyRequests):
    code, title = "too_many_wrong_codes", "Too many wrong codes; try again later"


class TooManyCodesOfDevice(TooManyRequests):
    code, title = "too_many_codes_of_device", "No more codes for this device today"


class CodeNotAvailable(Conflict):
    code, title = "code_not_available", "There is nothing to confirm with a code"


def request_code(
    *,
    phone: str,
    purpose: str,
    subject: str = "",
    ip: str | None,
    at: datetime,
    notice_accepted: bool = False,
    language: str = "",
) -> None:
    """Send a six-digit code by message. A newer code replaces the older one of the same purpose and subject.

    `subject`: the document's code for "consent", the card's or drawdown's public id for "card" and "sign".
    Raises InvalidPhone, NoticeNotAccepted (login), CodeTooSoon, TooManyCodes.
    """
    number = identity.phone(phone)
    index = blind_index(number, "phone")
    if purpose == CodePurpose.LOGIN and not notice_accepted:
        raise NoticeNotAccepted()
    _check_may_request(index, purpose, subject, at)
    code = f"{secrets.randbelow(10**6):06d}"
    row = LoginCode.objects.create(
        phone_index=index,
        purpose=purpose,
        subject=subject,
        code_hash=_code_hash(index, purpose, subject, code),
        ip=ip,
        notice_accepted=notice_accepted,
        created_at=at,
        expires_at=at + CODE_TTL,
    )
    messages.queue(
        phone=number,
        template=f"code_{purpose}",
        params={"code": code, "minutes": CODE_TTL.seconds // 60} | _about(purpose, subject, at),
        key=f"code-{row.pk}",
        at=at,
        valid_until=row.expires_at,
        language=language,
    )


def request_code_for(*, user_id: int, purpose: str, subject: str, ip: str | None, at: datetime) -> None:
    """As `request_code`, for somebody signed in: to their own phone, or to the phone the bank knows for a card.

    Raises CodeNotAvailable, NotFound.
    """
    phone = queries.person(user_id).phone
    match purpose:
        case CodePurpose.CARD:
            card = queries.card(user_id, _uuid(subject))
            if card.state != "checked":
                raise CodeNotAvailable("The card is not waiting for a code.", state=card.state)
            phone = card.phone
        case CodePurpose.CONSENT:
            document = queries.document(subject, at)
            if document is None or document.accepted_by != "otp":
                raise CodeNotAvailable("This document is not signed with a code.")
        case CodePurpose.SIGN:
            subject = str(_uuid(subject))
        case CodePurpose.EXPORT | CodePurpose.ERASE:
            subject = ""
        case _:
            raise CodeNotAvailable("Ask for a sign-in code without a token.")
    request_code(
        phone=phone, purpose=purpose, subject=subject, ip=ip, at=at, language=queries.account(user_id).language
    )


def send_code(
    *,
    user_id: int | None,
    phone: str,
    purpose: str,
    subject: str,
    notice_accepted: bool,
    language: str,
    ip: str,
    device: str = "",
    at: datetime,
) -> None:
    """What somebody at the door asked for: a sign-in code to `phone`, or any other code for who is signed in.

    `device`: what tells this device from others, where it says so. Raises Unauthenticated where nobody is signed in,
    TooManyCodesOfDevice, and what the two functions above raise.
    """
    if purpose == CodePurpose.LOGIN:
        check_device_may_ask(device)
        request_code(phone=phone, purpose=purpose, ip=ip, at=at, notice_accepted=notice_accepted, language=language)
    elif user_id is None:
        raise Unauthenticated("Sign in before asking for this code.")
    else:
        request_code_for(user_id=user_id, purpose=purpose, subject=subject, ip=ip, at=at)


def verify_code(*, phone: str, purpose: str, subject: str, code: str, at: datetime) -> int:
    """Use the code up and return its id. Raises WrongCode (wrong, used, expired, replaced), TooManyTries (of this code)
    and TooManyWrongCodes (of this phone and purpose today).

    A wrong try must count although the caller's transaction rolls back, so tries are counted in the cache, before
    the comparison; should the cache lose its memory, a code still lives for five minutes only.
    """
    index = blind_index(identity.phone(phone), "phone")
    given = _code_hash(index, purpose, subject, code)
    row = (
        LoginCode.objects.select_for_update()
        .filter(phone_index=index, purpose=purpose, subject=subject)
        .order_by("-created_at", "-pk")
        .first()
    )
    if row is None or row.used_at is not None or row.expires_at <= at:
        raise WrongCode()
    _count_try(row.pk)
    whose = f"{purpose}\0{index}"
    _begin(WRONG_A_DAY, whose, TooManyWrongCodes)
    if not constant_time_compare(row.code_hash, given):
        raise WrongCode()
    WRONG_A_DAY.give_back(whose)
    row.used_at = at
    row.save(update_fields=["used_at"])
    return row.pk


def check_device_may_ask(device: str) -> None:
    """One device cannot have codes sent to everybody. Raises TooManyCodesOfDevice; passes where nothing can be
    counted, for Postgres still limits each phone.
    """
    try:
        if device and not CODES_OF_A_DEVICE.begin(device):
            raise TooManyCodesOfDevice(retry_after=3600)
    except Uncounted:
        return


def verify_from_device(*, device: str, phone: str, purpose: str, subject: str, code: str, at: datetime) -> int:
    """As `verify_code`, and one device cannot try many phones: TooManyWrongCodes. "" is no device."""
    if not device:
        return verify_code(phone=phone, purpose=purpose, subject=subject, code=code, at=at)
    _begin(WRONG_OF_A_DEVICE, device, TooManyWrongCodes)
    used = verify_code(phone=phone, purpose=purpose, subject=subject, code=code, at=at)
    WRONG_OF_A_DEVICE.give_back(device)
    return used


def _begin(limit: Limit, who: str, refusal: type[TooManyRequests]) -> None:
    try:
        if not limit.begin(who):
            raise refusal(retry_after=3600)
    except Uncounted as error:
        raise Unavailable("Codes cannot be checked at the moment.") from error


def _check_may_request(index: str, purpose: str, subject: str, at: datetime) -> None:
    with connection.cursor() as cursor:  # two requests at once must not both find the minute free
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"code:{index}"])
    sent = LoginCode.objects.filter(phone_index=index, purpose=purpose)
    latest = sent.filter(subject=subject).order_by("-created_at").values_list("created_at", flat=True).first()
    if latest is not None and latest > at - CODE_GAP:
        raise CodeTooSoon(retry_after=max(1, round((latest + CODE_GAP - at).total_seconds())))
    today = (
        sent.filter(created_at__gt=at - timedelta(days=1)).order_by("created_at").values_list("created_at", flat=True)
    )
    if len(today) >= CODES_A_DAY:
        raise TooManyCodes(retry_after=max(1, round((today[0] + timedelta(days=1) - at).total_seconds())))


def _count_try(code_id: int) -> None:
    key = f"code-tries:{code_id}"
    try:
        cache.add(key, 0, timeout=CODE_TTL.seconds * 2)
        tries = cache.incr(key)
    except (RedisError, ValueError) as error:  # ValueError: evicted between the two
        raise Unavailable("Codes cannot be checked at the moment.") from error
    if tries > CODE_TRIES:
        raise TooManyTries(retry_after=60)


def _code_hash(index: str, purpose: str, subject: str, code: str) -> str:
    text = f"{index}\0{purpose}\0{subject}\0{code}"
    return salted_hmac("users.one-time-code", text, algorithm="sha256").hexdigest()


def _about(purpose: str, subject: str, at: datetime) -> dict[str, object]:
    """What the message says the code is for."""
    match purpose:
        case CodePurpose.CONSENT:
            document = queries.document(subject, at)
            return {"title_en": document.title_en, "title_zh": document.title_zh} if document else {}
        case CodePurpose.CARD:
            return {"last4": queries.card(None, _uuid(subject)).last4}
    return {}


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise Invalid(fields={"subject": "Not an id."}) from error
