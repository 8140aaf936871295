"""WeChat identities and their tickets: remembered when WeChat vouches for one, bound to a phone once."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from lending.common.crypto import blind_index
from lending.common.errors import Conflict, Invalid, TransientError
from users.models import User, WechatIdentity, WechatTicket
from users.providers import wechat
from users.rules import tokens

TICKET_TTL = timedelta(minutes=10)


class WechatTicketRefused(Invalid):
    code, title = "wechat_ticket_refused", "The WeChat ticket is unknown, used or expired; start again from WeChat"


class WechatTicketOfAnotherApp(Invalid):
    code, title = "wechat_ticket_of_another_app", "The WeChat ticket was made for an app that is not ours any more"


class WechatBoundElsewhere(Conflict):
    code, title = "wechat_bound_elsewhere", "This WeChat account already signs in with another phone number"


class PhoneHasAnotherWechat(Conflict):
    code, title = "phone_has_another_wechat", "This phone number already signs in with another WeChat account"


@dataclass(frozen=True)
class Ticket:
    """To be sent with the one-time code; works once."""

    ticket: str
    expires_at: datetime


@dataclass(frozen=True)
class Known:
    """`user_id`: the borrower the identity is bound to; None where nobody yet."""

    identity_id: int
    user_id: int | None


def remember(*, app: str, user: wechat.WechatUser, at: datetime) -> Known:
    """The identity's row, made at first sight, and bound where another app of ours knows the same unionid."""
    index, union = _indexes(user)
    WechatIdentity.objects.bulk_create(
        [
            WechatIdentity(
                app=app,
                app_id=user.app_id,
                openid=user.openid,
                openid_index=index,
                unionid=user.unionid,
                unionid_index=union,
                created_at=at,
            )
        ],
        ignore_conflicts=True,
    )
    owner_id = _owner_of(union) if union else None
    if owner_id is not None:  # the order of locks: the account, then its identities
        User.objects.select_for_update().get(pk=owner_id)
    identity = WechatIdentity.objects.select_for_update().get(app_id=user.app_id, openid_index=index)
    if user.unionid and not identity.unionid_index:
        identity.unionid, identity.unionid_index = user.unionid, union
        identity.save(update_fields=["unionid", "unionid_index"])
    if identity.user_id is None and owner_id is not None:
        _bind_where_free(identity, owner_id, at)
    return Known(identity.pk, identity.user_id)


def issue_ticket(*, identity_id: int, at: datetime) -> Ticket:
    ticket = Ticket(secrets.token_urlsafe(32), at + TICKET_TTL)
    WechatTicket.objects.create(
        identity_id=identity_id,
        ticket_hash=tokens.digest(ticket.ticket),
        created_at=at,
        expires_at=ticket.expires_at,
    )
    return ticket


def bind(*, ticket: str, user_id: int, at: datetime) -> None:
    """Use the ticket up; from now on its identity, and those of the same unionid, sign in as this borrower.

    The borrower's row is locked by the caller. Raises WechatTicketRefused, WechatTicketOfAnotherApp,
    WechatBoundElsewhere, PhoneHasAnotherWechat.
    """
    row = WechatTicket.objects.select_for_update().filter(ticket_hash=tokens.digest(ticket)).first()
    if row is None or row.used_at is not None or row.expires_at <= at:
        raise WechatTicketRefused(fields={"wechat_ticket": "Unknown, used or expired."})
    known = WechatIdentity.objects.get(pk=row.identity_id)
    if not _is_ours(known):
        raise WechatTicketOfAnotherApp(fields={"wechat_ticket": "Made for another app."})
    same = Q(pk=known.pk) | (Q(unionid_index=known.unionid_index) if known.unionid_index else Q())
    rows = list(WechatIdentity.objects.select_for_update().filter(same).order_by("pk"))
    if any(other.user_id not in (None, user_id) for other in rows):
        raise WechatBoundElsewhere()
    identity = next(other for other in rows if other.pk == known.pk)
    if identity.user_id is None and not _bind_where_free(identity, user_id, at):
        raise PhoneHasAnotherWechat()
    for other in rows:
        if other.user_id is None:
            _bind_where_free(other, user_id, at)
    row.used_at = at
    row.save(update_fields=["used_at"])


def forget_tickets(*, at: datetime) -> int:
    """Delete tickets a day past their end. Returns how many."""
    return WechatTicket.objects.filter(expires_at__lt=at - timedelta(days=1)).delete()[0]


def _owner_of(union: str) -> int | None:
    bound = WechatIdentity.objects.filter(unionid_index=union, user__isnull=False)
    return bound.values_list("user_id", flat=True).first()


def _bind_where_free(identity: WechatIdentity, user_id: int, at: datetime) -> bool:
    """False, and nothing done, where the borrower has another identity of this app."""
    if WechatIdentity.objects.filter(user_id=user_id, app_id=identity.app_id).exists():
        return False
    identity.user_id, identity.bound_at = user_id, at
    identity.save(update_fields=["user", "bound_at"])
    return True


def _is_ours(identity: WechatIdentity) -> bool:
    try:
        return wechat.app_id(identity.app) == identity.app_id
    except TransientError:
        return False


def _indexes(user: wechat.WechatUser) -> tuple[str, str]:
    union = blind_index(user.unionid, "wechat-unionid") if user.unionid else ""
    return blind_index(user.openid, "wechat-openid"), union
