"""A channel is told what becomes of its borrowers: one numbered row for every event it has a word for."""

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q

from lending import queries as lending
from lending.common import http, work
from lending.common.errors import Conflict, Invalid, NotFound, PermanentError, VendorError
from lending.common.wake import wake
from lending.models import Application, Event
from traffic import queries
from traffic.models import Channel, PartnerStatus, PushState, StatusPush
from traffic.services.keys import NoReceiver, callback_secrets
from users.services import acts, notices

logger = logging.getLogger(__name__)

DUE = Q(state=PushState.DUE)
LEASE_SECONDS = 30
TIMEOUT_MS = 5000
GIVE_UP_AFTER = timedelta(hours=24)
RESENDABLE = (PushState.FAILED, PushState.SENT)
RESENT_AT_MOST = 200
LIMIT = 50  # in one pass; the next pass takes the rest


class UnknownChannel(NotFound):
    code, title = "unknown_channel", "There is no such channel"


def push_status(*, event_id: int, at: datetime) -> int:
    """Write down what the event's channel is told of it; the push's id, the same one for the same event.

    A status that partners have no word for is `withheld` and takes no number; one for a channel without a receiver
    is `kept`; the others are sent. The number is taken in the caller's transaction: no gap. Raises UnknownChannel.
    """
    existing = StatusPush.objects.filter(event_id=event_id).values_list("pk", flat=True).first()
    if existing is not None:
        return existing
    event = Event.objects.select_related("application", "drawdown", "loan").get(pk=event_id)
    channel = Channel.objects.filter(party_id=event.application.channel_code).first()
    if channel is None:
        raise UnknownChannel(f"{event.application.channel_code} is not configured.")
    word = PartnerStatus.objects.filter(sources__contains=[f"{event.subject}:{event.target}"]).first()
    seq, state = None, PushState.WITHHELD
    if word is not None:
        seq = _next_seq(channel)
        state = PushState.DUE if channel.callback_url else PushState.KEPT
    push = StatusPush.objects.create(
        key=f"status-{event_id}",
        event=event,
        application=event.application,
        channel=channel,
        seq=seq,
        word=word.code if word else "",
        payload=_payload(event, word.code, seq) if word and seq else {},
        state=state,
        created_at=at,
    )
    if state == PushState.DUE:
        wake("traffic.tasks.run_push", push_id=push.pk)
    return push.pk


def _next_seq(channel: Channel) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE traffic_channel SET last_seq = last_seq + 1 WHERE code = %s RETURNING last_seq", [channel.pk]
        )
        return int(cursor.fetchone()[0])


def _payload(event: Event, word: str, seq: int) -> dict[str, Any]:
    """What a partner sees: our identifiers, the word, and what belongs to it. Nothing about the person."""
    payload: dict[str, Any] = {
        "seq": seq,
        "event_id": str(event.pk),
        "application_id": str(event.application.public_id),
        "status": word,
        "occurred_at": _utc(event.occurred_at),
    }
    if order_id := queries.order_id_of(event.application_id):
        payload["order_id"] = order_id
    if event.drawdown is not None:
        payload["drawdown_id"] = str(event.drawdown.public_id)
        payload["amount_cents"] = event.drawdown.amount_cents
        payload["currency"] = event.application.product.currency
    if event.loan is not None:
        payload["loan_id"] = str(event.loan.public_id)
    match event.subject, word:
        case "application", "GRANTED":
            payload |= _granted(event.application, event.occurred_at)
        case "application", "DECLINED":
            payload |= _declined(event.application)
    return payload


def _granted(application: Application, at: datetime) -> dict[str, Any]:
    valid_until = at + timedelta(days=lending.product(application.product.code).grant_valid_days)
    return {
        "limit_cents": application.decided_cents,
        "currency": application.product.currency,
        "annual_rate": str(application.decided_rate),
        "valid_until": _utc(valid_until),
    }


def _declined(application: Application) -> dict[str, Any]:
    """The classes of the reasons, never the reasons; a refusal for good has no date."""
    classes = sorted({reason.cls for reason in lending.reasons(tuple(application.reasons))})
    again = application.reapply_at
    return {"reason_classes": classes, "reapply_at": _utc(again) if again and again.year < 9999 else None}


def _utc(at: datetime) -> str:
    """RFC 3339, as the API writes its times."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def run_push(*, push_id: int, now: datetime) -> bool:
    """Deliver one push. False where it is not due, or another worker has it. At least once: a receiver knows `seq`.

    Opens its own transactions. A receiver that does not answer is tried again, less and less often, for 24 hours.
    """
    with transaction.atomic(durable=True):
        if not work.claim(StatusPush, due=DUE, at=now, lease_seconds=LEASE_SECONDS, pk=push_id):
            return False
        push = StatusPush.objects.select_related("channel").get(pk=push_id)
    fault = _deliver(push, now)
    with transaction.atomic(durable=True):
        row = StatusPush.objects.select_for_update().get(pk=push_id)
        if row.state != PushState.DUE:
            return True  # a later claim has delivered it
        row.leased_until, row.last_error = None, fault[:200]
        if not fault:
            row.state, row.sent_at = PushState.SENT, row.sent_at or now
        elif now - row.created_at >= GIVE_UP_AFTER:
            row.state = PushState.FAILED
            notices.raise_notice(
                kind="push_given_up",
                subject=f"channel:{row.channel_id}",
                text=f"Status {row.seq} ({row.word}) was given up after 24 hours: {row.last_error}",
                at=now,
            )
        else:
            row.not_before = now + work.back_off(row.attempts)
        row.save()
    return True


def _deliver(push: StatusPush, at: datetime) -> str:
    """What went wrong; empty where the receiver took it."""
    channel = push.channel
    secret, coming = callback_secrets(channel, at)
    try:
        http.call(
            vendor=f"partner:{channel.pk}",
            method="POST",
            url=_address(channel),
            json=push.payload,
            client_id="cashloan",
            secret=secret,
            next_secret=coming,
            timeout_ms=TIMEOUT_MS,
        )
    except VendorError as error:
        logger.warning("status push not delivered", extra={"push_id": push.pk, "error": str(error)})
        return str(error) or type(error).__name__
    except Exception as error:  # an address that is none, say: one row's, and it too is put off and given up
        logger.exception("status push failed", extra={"push_id": push.pk})
        return type(error).__name__
    return ""


def _address(channel: Channel) -> str:
    if not channel.callback_url.startswith("/"):
        return channel.callback_url
    base = getattr(settings, "VENDOR_BASE_URL", "") or getattr(settings, "SANDBOX_URL", "")
    if not base:
        raise PermanentError("a path and no host", vendor=f"partner:{channel.pk}", code="not_configured")
    return f"{base.rstrip('/')}{channel.callback_url}"


def run_due(*, now: datetime) -> int:
    """Deliver what is due, oldest first; how many were tried. One that fails does not stop the others."""
    free = DUE & (Q(leased_until=None) | Q(leased_until__lt=now)) & (Q(not_before=None) | Q(not_before__lte=now))
    ids = list(StatusPush.objects.filter(free).order_by("id").values_list("pk", flat=True)[:LIMIT])
    done = 0
    for pk in ids:
        try:
            done += run_push(push_id=pk, now=now)
        except Exception:
            logger.exception("status push failed", extra={"push_id": pk})  # leased until its lease runs out
    return done


class NothingToResend(Conflict):
    code, title = "nothing_to_resend", "This status is on its way, or was never for the channel"


def resend(*, push_id: int, reason: str, by: str, at: datetime) -> None:
    """Once more to the channel: what it was sent, or what was given up. A receiver knows it by its `seq`.

    Past 24 hours of its age one attempt is made. Raises NotFound, NothingToResend, NotAllowed, ReasonRequired.
    """
    push = StatusPush.objects.select_for_update().filter(pk=push_id).first()
    if push is None:
        raise NotFound("There is no such status.")
    if push.state not in RESENDABLE:
        raise NothingToResend(state=push.state)
    push.state, push.not_before, push.leased_until, push.attempts = PushState.DUE, None, None, 0
    push.save(update_fields=["state", "not_before", "leased_until", "attempts"])
    acts.record(
        by=by,
        act="resend_push",
        subject=f"statuspush:{push_id}",
        reason=reason,
        at=at,
        permission="traffic.change_statuspush",
    )
    wake("traffic.tasks.run_push", push_id=push_id)


@dataclass(frozen=True, slots=True)
class Resent:
    """How many are sent once more, and how many of those asked for are on their way already."""

    resent: int
    on_their_way: int


def resend_own(*, channel_code: str, first: int, last: int, at: datetime) -> Resent:
    """Once more what the channel asks for, from one number to another, also what was kept for want of a receiver.

    Raises NoReceiver, Invalid (fields).
    """
    if not 0 <= last - first < RESENT_AT_MOST:
        raise Invalid("From the smaller to the larger.", fields={"to_seq": f"at most {RESENT_AT_MOST} at once"})
    if not Channel.objects.filter(party_id=channel_code).exclude(callback_url="").exists():
        raise NoReceiver("Tell partner operations where you listen.")
    asked = StatusPush.objects.filter(channel__party_id=channel_code, seq__range=(first, last))
    waiting = asked.filter(state=PushState.DUE).count()
    again = asked.filter(state__in=(*RESENDABLE, PushState.KEPT))
    done = again.update(state=PushState.DUE, not_before=None, leased_until=None, attempts=0)
    logger.info("statuses resent for the channel", extra={"channel": channel_code, "first": first, "resent": done})
    return Resent(done, waiting)
