"""Joint login: a channel that knows a borrower's phone lets them in at our door, once, by a link."""

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from lending import queries as lending
from lending.common import clock
from lending.common.errors import Conflict, NotFound
from traffic.models import Channel, JoinLink, Touch, TouchKind
from traffic.rules.fieldmap import BadFields
from traffic.services.intake import BorrowerRefused, count_of_day
from users import queries as users
from users.models import LoginCode, WechatIdentity
from users.services import accounts, auth

FIELDS = {"phone", "product"}


class LinkUnknown(NotFound):
    code, title = "link_unknown", "This link does not lead anywhere"


class LinkOver(Conflict):
    code, title = "link_over", "This link was used, or its ten minutes are over"


@dataclass(frozen=True, slots=True)
class Link:
    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Arrival:
    """`user_id`: who is signed in by it; None where they have an account of their own and sign in with a code."""

    user_id: int | None
    channel_code: str
    goes_to: str


def make_link(*, channel_code: str, body: Any, at: datetime) -> Link:
    """A link for the borrower with this phone, who need not be known. Each call makes another.

    A borrower counts once a day in the channel's quota. Raises BadFields, InvalidPhone, BorrowerRefused, DayQuotaUsed.
    """
    channel = Channel.objects.get(party_id=channel_code)
    phone, product = _read(channel, body)
    user_id = accounts.ensure_user(phone=phone, at=at)
    if not users.account(user_id).is_active:
        raise BorrowerRefused()
    token = secrets.token_urlsafe(32)
    day = clock.business_date(at)
    before = JoinLink.objects.filter(
        user_id=user_id, channel=channel, made_at__gte=clock.end_of(day) - timedelta(days=1)
    )
    is_first = not before.exists()
    made = JoinLink.objects.create(
        token_hash=_digest(token),
        channel=channel,
        user_id=user_id,
        product_code=product,
        made_at=at,
        expires_at=at + timedelta(seconds=lending.lifetime_seconds("session_link")),
    )
    if is_first:
        count_of_day(channel, day, at)
    return Link(f"{settings.PUBLIC_URL}/join/{token}/", made.expires_at)


def _read(channel: Channel, body: Any) -> tuple[str, str]:
    if not isinstance(body, dict):
        raise BadFields("Send one object.", fields={"": "not an object"})
    wrong = dict.fromkeys((str(name)[:60] for name in body if name not in FIELDS), "unknown field")
    phone, product = body.get("phone"), body.get("product", "")
    if not isinstance(phone, str) or not re.fullmatch(r"[0-9+ -]{5,20}", phone):
        wrong["phone"] = "a mobile number"
    if product != "" and product not in channel.products:
        wrong["product"] = "one of " + ", ".join(channel.products)
    if wrong:
        raise BadFields(f"See {', '.join(sorted(wrong))}.", fields=wrong)
    return str(phone), str(product)


def arrive(*, token: str, accepted: Mapping[str, str], ip: str, at: datetime) -> Arrival:
    """The borrower uses the link: once. `accepted`: versions of the agreements, by document.

    Only an account that nobody has ever signed in to but by this channel's links is opened by it: a channel knows a
    phone, and that is not enough for what somebody keeps here. Raises LinkUnknown, LinkOver, AgreementsNotAccepted,
    AccountClosed.
    """
    link = JoinLink.objects.select_for_update(of=("self",)).filter(token_hash=_digest(token)).first()
    if link is None:
        raise LinkUnknown()
    check_open(link, at)
    link.used_at = at
    link.signed_in = not _is_somebody_s(link)
    if link.signed_in:
        auth.admit(user_id=link.user_id, accepted=dict(accepted), ip=ip, at=at)
    link.save(update_fields=["used_at", "signed_in"])
    Touch.objects.create(user_id=link.user_id, channel=link.channel, kind=TouchKind.SESSION, at=at)
    return Arrival(link.user_id if link.signed_in else None, str(link.channel_id), _goes_to(link))


def check_open(link: JoinLink, at: datetime) -> None:
    """Raises LinkOver."""
    if link.used_at is not None or link.expires_at <= at:
        raise LinkOver()


def _is_somebody_s(link: JoinLink) -> bool:
    account = users.person(link.user_id)
    codes = LoginCode.objects.filter(phone_index=account.phone_index, purpose="login").exclude(used_at=None)
    others = JoinLink.objects.filter(user_id=link.user_id, signed_in=True).exclude(channel=link.channel)
    return codes.exists() or others.exists() or WechatIdentity.objects.filter(user_id=link.user_id).exists()


def _goes_to(link: JoinLink) -> str:
    """To the draft that the channel has brought, else to the beginning."""
    for application in lending.applications_of(link.user_id):
        if application.channel_code == link.channel_id and application.status == "DRAFT":
            return f"/applications/{application.public_id}/"
    return f"/apply/?product={link.product_code}" if link.product_code else "/apply/"


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def link_of(token: str, at: datetime) -> JoinLink:
    """An open link, to be shown. Raises LinkUnknown, LinkOver."""
    link = JoinLink.objects.select_related("channel__party", "user").filter(token_hash=_digest(token)).first()
    if link is None:
        raise LinkUnknown()
    check_open(link, at)
    return link
