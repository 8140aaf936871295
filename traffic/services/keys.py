"""A channel's door: the keys it signs with, where it may call from, and how often."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from lending.common.errors import Conflict, Invalid, NotFound
from traffic.models import Channel, ChannelKey, PrecheckSubject
from traffic.rules import flows
from users.services import acts, amendments

OVERLAP = timedelta(days=14)  # how long the former key lives on
MAX_RATE = 6000


class NoDoor(Conflict):
    code, title = "no_door", "This channel does not call us"


class NoReceiver(Conflict):
    code, title = "no_receiver", "This channel has no receiver for callbacks"


class TooManyKeys(Conflict):
    code, title = "too_many_keys", "Two keys are live; end the older one first"


class KeyEnded(Conflict):
    code, title = "key_ended", "This key is over already"


def issue_key(*, channel_code: str, reason: str, by: str, at: datetime) -> str:
    """A new secret, which nobody can read again. The former key ends in 14 days, or before by `end_key`.

    Raises NotFound, NoDoor, TooManyKeys, NotAllowed, ReasonRequired.
    """
    channel = _lock(channel_code)
    if not channel.app_id:
        raise NoDoor("It has no app id.")
    live = list(ChannelKey.objects.filter(live_at(at), channel=channel).order_by("pk"))
    if len(live) > 1:
        raise TooManyKeys()
    for former in live:
        former.valid_to = at + OVERLAP
        former.save(update_fields=["valid_to"])
    secret = secrets.token_urlsafe(32)
    key = ChannelKey.objects.create(channel=channel, secret=secret, issued_by=by, issued_at=at)
    acts.record(
        by=by,
        act="issue_key",
        subject=f"channelkey:{key.pk}",
        reason=reason,
        at=at,
        permission="traffic.add_channelkey",
    )
    return secret


def issue_precheck_key(*, channel_code: str, reason: str, by: str, at: datetime) -> str:
    """A new key for hashing phones, in place of the former; borrowers are hashed anew from now on.

    Raises NotFound, NoDoor, NotAllowed, ReasonRequired.
    """
    channel = _lock(channel_code)
    if not channel.precheck:
        raise NoDoor("It does not precheck.")
    channel.precheck_key = key = secrets.token_urlsafe(32)
    channel.save(update_fields=["precheck_key"])
    PrecheckSubject.objects.filter(channel=channel).delete()
    acts.record(
        by=by,
        act="issue_precheck_key",
        subject=f"channel:{channel_code}",
        reason=reason,
        at=at,
        permission="traffic.add_channelkey",
    )
    return key


def end_key(*, key_id: int, reason: str, by: str, at: datetime) -> None:
    """From now on nothing signed with it is let in. Raises NotFound, KeyEnded, NotAllowed, ReasonRequired."""
    key = ChannelKey.objects.select_for_update(of=("self",)).filter(pk=key_id).first()
    if key is None:
        raise NotFound("There is no such key.")
    if key.valid_to is not None and key.valid_to <= at:
        raise KeyEnded()
    key.valid_to = at
    key.save(update_fields=["valid_to"])
    acts.record(
        by=by,
        act="end_key",
        subject=f"channelkey:{key_id}",
        reason=reason,
        at=at,
        permission="traffic.change_channelkey",
    )


@dataclass(frozen=True, slots=True)
class CallbackSecret:
    secret: str
    takes_over_at: datetime


def rotate_callback_secret(*, channel_code: str, at_once: bool, at: datetime) -> CallbackSecret:
    """A new secret for our calls to the channel's receiver, as the channel asked for; nobody can read it again.

    For 14 days we sign with both, unless `at_once`. Asked again meanwhile, the one before is forgotten.
    Raises NotFound, NoReceiver.
    """
    channel = _lock(channel_code)
    if not channel.callback_url:
        raise NoReceiver("Tell partner operations where you listen.")
    secret = secrets.token_urlsafe(32)
    live = callback_secrets(channel, at)[0]
    takes_over = at if at_once or not live else at + OVERLAP
    channel.callback_secret = secret if takes_over == at else live
    channel.callback_secret_next = None if takes_over == at else secret
    channel.callback_secret_from = None if takes_over == at else takes_over
    channel.save(update_fields=["callback_secret", "callback_secret_next", "callback_secret_from"])
    return CallbackSecret(secret, takes_over)


def callback_secrets(channel: Channel, at: datetime) -> tuple[str, str]:
    """The one that signs, and the one that signs beside it; "" where there is none."""
    live, coming = channel.callback_secret or "", channel.callback_secret_next or ""
    if coming and channel.callback_secret_from is not None and channel.callback_secret_from <= at:
        return coming, ""
    return live, coming


def change_door(*, channel_code: str, networks: str, rate_per_minute: int, reason: str, by: str, at: datetime) -> None:
    """Where it may call from (addresses and networks, separated by spaces; "" for anywhere), and how often.

    Raises NotFound, Invalid (fields), NotAllowed, ReasonRequired.
    """
    channel = _lock(channel_code)
    try:
        allowed = flows.networks(networks)
    except ValueError as error:
        raise Invalid(str(error), fields={"networks": str(error)}) from None
    if not 1 <= rate_per_minute <= MAX_RATE:
        raise Invalid(f"1 to {MAX_RATE} a minute.", fields={"rate_per_minute": f"1 to {MAX_RATE}."})
    acts.require(by=by, permission="traffic.change_channel")
    changed = {
        "ip_allow": (" ".join(channel.ip_allow), " ".join(allowed)),
        "rate_per_minute": (str(channel.rate_per_minute), str(rate_per_minute)),
    }
    channel.ip_allow, channel.rate_per_minute = allowed, rate_per_minute
    channel.save(update_fields=["ip_allow", "rate_per_minute"])
    amendments.record(subject=f"channel:{channel_code}", changed=changed, by=by, reason=reason, at=at)


def live_at(at: datetime) -> Q:
    return Q(valid_to=None) | Q(valid_to__gt=at)


def _lock(channel_code: str) -> Channel:
    channel = Channel.objects.select_for_update(of=("self",)).filter(party_id=channel_code).first()
    if channel is None:
        raise NotFound("There is no such channel.")
    return channel
