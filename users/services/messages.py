"""The outbox of text messages: a row first, the gateway later, the row's key making a repeated send one message."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from lending.common import wake, work
from lending.common.errors import Invalid, PermanentError, VendorError
from users import queries
from users.models import Message, MessageState
from users.providers import sms
from users.rules import identity, texts

MAX_ATTEMPTS = 8
SOURCE = "sms"


class NoAddressee(Invalid):
    code, title = "no_addressee", "A message needs a user or a phone"


def queue(
    *,
    user_id: int | None = None,
    phone: str | None = None,
    template: str,
    params: dict[str, object],
    key: str,
    at: datetime,
    valid_until: datetime | None = None,
    language: str = "",
    not_before: datetime | None = None,
) -> int:
    """Put a message in the outbox and return its id; the same key again is the same message.

    `phone` defaults to the user's, `language` to the user's or Chinese. Raises UnknownTemplate, NoAddressee.
    """
    if user_id is not None:
        account = queries.account(user_id)
        phone, language = phone or account.phone, language or account.language
    if not phone:
        raise NoAddressee()
    language = language or texts.DEFAULT_LANGUAGE
    Message.objects.bulk_create(
        [
            Message(
                key=key,
                user_id=user_id,
                phone=identity.phone(phone),
                template=template,
                language=language,
                text=texts.render(template, language, params),
                valid_until=valid_until,
                not_before=not_before,
                created_at=at,
            )
        ],
        ignore_conflicts=True,
    )
    message_id: int = Message.objects.values_list("pk", flat=True).get(key=key)
    wake.wake("users.tasks.send_message", message_id=message_id)
    return message_id


def run_message(*, message_id: int, now: datetime) -> None:
    """Send one queued message, in three acts. Returns at once where it is done or claimed by another."""
    with transaction.atomic(durable=True):
        claimed = work.claim(Message, due=Q(state=MessageState.QUEUED), at=now, pk=message_id)
    if not claimed:
        return
    message = Message.objects.get(pk=message_id)
    if message.valid_until is not None and message.valid_until <= now:
        _settle(message_id, now, failure="not sent in time", give_up=True)
        return
    try:
        source = queries.source(SOURCE)
        reference = sms.send(source, key=message.key, phone=message.phone, text=message.text)
    except VendorError as error:  # also an unknown outcome: the gateway knows the key, so sending again is harmless
        give_up = isinstance(error, PermanentError) or message.attempts >= MAX_ATTEMPTS
        _settle(message_id, now, failure=str(error), give_up=give_up)
    else:
        _settle(message_id, now, reference=reference, price_cents=source.price_cents)


def run_due(*, now: datetime, limit: int = 100) -> int:
    """Send what is due; returns how many rows were looked at."""
    due = Message.objects.filter(
        Q(leased_until=None) | Q(leased_until__lt=now),
        Q(not_before=None) | Q(not_before__lte=now),
        state=MessageState.QUEUED,
    )
    ids = list(due.order_by("pk").values_list("pk", flat=True)[:limit])
    for message_id in ids:
        run_message(message_id=message_id, now=now)
    return len(ids)


@transaction.atomic(durable=True)
def _settle(
    message_id: int,
    now: datetime,
    *,
    reference: str = "",
    price_cents: int = 0,
    failure: str = "",
    give_up: bool = False,
) -> None:
    message = Message.objects.select_for_update().get(pk=message_id)
    if message.state != MessageState.QUEUED:
        return  # another worker settled it after our lease ran out; its answer stands
    message.leased_until = None
    message.failure = failure[:200]
    if failure and not give_up:
        message.not_before = now + work.back_off(message.attempts)
        message.save(update_fields=["leased_until", "failure", "not_before"])
        return
    if failure:
        message.failed()
    else:
        message.sent()
    message.reference, message.done_at, message.price_cents = reference, now, price_cents
    if message.template in texts.WITH_CODE:
        message.text = ""
    message.save(update_fields=["leased_until", "failure", "state", "reference", "done_at", "text", "price_cents"])
