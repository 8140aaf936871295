"""Signing in: a code against tokens. Tokens are opaque, stored as their SHA-256, and rotate within a family."""

import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from lending.common.errors import Forbidden, Invalid, Unauthenticated
from users import queries
from users.models import CodePurpose, Token, TokenKind, User
from users.rules import tokens
from users.services import accounts, consents, wechat_identities
from users.services.codes import request_code, request_code_for, send_code, verify_code, verify_from_device

__all__ = ["exchange", "refresh", "request_code", "request_code_for", "send_code", "sign_in", "sign_out", "verify_code"]

ACCESS_TTL = timedelta(minutes=30)
REFRESH_TTL = timedelta(days=30)
FIRST_NOTICE = ("service", "privacy")


class AgreementsNotAccepted(Invalid):
    code, title = "agreements_not_accepted", "The current agreements must be accepted"


class AccountClosed(Forbidden):
    code, title = "account_closed", "This account is closed"


class RefreshRefused(Unauthenticated):
    code, title = "refresh_refused", "Sign in again"


@dataclass(frozen=True)
class TokenPair:
    """`expires_at` is the access token's; the refresh token lives for REFRESH_TTL and is exchanged once."""

    access: str
    refresh: str
    expires_at: datetime


def sign_in(
    *,
    phone: str,
    code: str,
    accepted: dict[str, str],
    ip: str,
    device: str = "",
    at: datetime,
    wechat_ticket: str = "",
) -> int:
    """The borrower's id: the account is made where the phone is new, the agreements accepted with the code are
    recorded, and the WeChat identity behind the ticket is bound to it.

    `accepted`: versions by document code. Raises WrongCode, TooManyTries, AgreementsNotAccepted where a current
    agreement is neither accepted now nor live from before, AccountClosed, TooManyWrongCodes (of the phone, or of the
    `device` where it says which it is), and what `wechat_identities.bind` raises.
    """
    verify_from_device(device=device, phone=phone, purpose=CodePurpose.LOGIN, subject="", code=code, at=at)
    user_id = accounts.ensure_user(phone=phone, at=at)
    admit(user_id=user_id, accepted=accepted, ip=ip, at=at)
    if wechat_ticket:
        wechat_identities.bind(ticket=wechat_ticket, user_id=user_id, at=at)
    return user_id


def exchange(
    *,
    phone: str,
    code: str,
    accepted: dict[str, str],
    ip: str,
    device: str = "",
    at: datetime,
    wechat_ticket: str = "",
) -> TokenPair:
    """As `sign_in`, for tokens."""
    user_id = sign_in(
        phone=phone, code=code, accepted=accepted, ip=ip, device=device, at=at, wechat_ticket=wechat_ticket
    )
    return issue(user_id, uuid.uuid4(), at)


def admit(*, user_id: int, accepted: dict[str, str], ip: str, at: datetime) -> None:
    """Let in whoever has proved to be this borrower; locks the account. Raises AccountClosed, AgreementsNotAccepted."""
    user = User.objects.select_for_update().get(pk=user_id)
    if not user.is_active:
        raise AccountClosed()
    _accept_agreements(user_id, accepted, ip, at)


def refresh(*, refresh: str, at: datetime) -> TokenPair | None:
    """A new pair of the same family. None: the token was used before, so the whole family is now revoked; the caller
    commits that and answers as for RefreshRefused. Raises RefreshRefused for a token that is unknown or over.
    """
    row = (
        Token.objects.select_for_update()
        .filter(token_hash=tokens.digest(refresh), kind=TokenKind.REFRESH, user__is_active=True)
        .first()
    )
    if row is None or row.revoked_at is not None or row.expires_at <= at:
        raise RefreshRefused()
    if row.used_at is not None:
        Token.objects.filter(family=row.family, revoked_at=None).update(revoked_at=at)
        return None
    row.used_at = at
    row.save(update_fields=["used_at"])
    return issue(row.user_id, row.family, at)


def sign_out(*, family: uuid.UUID, at: datetime) -> None:
    """Revoke every token of the sign-in."""
    Token.objects.filter(family=family, revoked_at=None).update(revoked_at=at)


def forget_expired(*, at: datetime) -> int:
    """Delete tokens a week past their end, and WeChat tickets (codes stay: they back consents). Returns how many."""
    return (
        wechat_identities.forget_tickets(at=at)
        + Token.objects.filter(expires_at__lt=at - timedelta(days=7)).delete()[0]
    )


def issue(user_id: int, family: uuid.UUID, at: datetime) -> TokenPair:
    """A pair of the family, for somebody admitted."""
    pair = TokenPair(secrets.token_urlsafe(32), secrets.token_urlsafe(32), at + ACCESS_TTL)
    kept = ((TokenKind.ACCESS, pair.access, pair.expires_at), (TokenKind.REFRESH, pair.refresh, at + REFRESH_TTL))
    Token.objects.bulk_create(
        Token(
            user_id=user_id,
            family=family,
            kind=kind,
            token_hash=tokens.digest(text),
            created_at=at,
            expires_at=expires_at,
        )
        for kind, text, expires_at in kept
    )
    return pair


def _accept_agreements(user_id: int, accepted: dict[str, str], ip: str, at: datetime) -> None:
    missing = {}
    for code in FIRST_NOTICE:
        document = queries.document(code, at)
        live = queries.live_consent(user_id, code, "platform", at)
        if document is None or (live is not None and live.version == document.version):
            continue
        if accepted.get(code) != document.version:
            missing[f"accepted.{code}"] = f"Version {document.version} must be accepted."
            continue
        consents.give(user_id=user_id, code=code, version=document.version, recipients=(), ip=ip, at=at)
    if missing:
        raise AgreementsNotAccepted(fields=missing)
