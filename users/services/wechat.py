"""Signing in through WeChat: a code of the official account or the mini program against tokens, or a ticket."""

import logging
import uuid
from datetime import datetime

from django.db import transaction

from lending.common.errors import Forbidden, Invalid, PermanentError, TransientError, Unavailable, UnknownOutcome
from users.providers import wechat
from users.services import auth, wechat_identities
from users.services.wechat_identities import Ticket

logger = logging.getLogger(__name__)

NOT_A_CODE = frozenset({"40029", "40163", "41008", "42003"})  # invalid, used, missing, expired
BLOCKED = frozenset({"40226", "50002"})


class WechatCodeRefused(Invalid):
    code, title = (
        "wechat_code_refused",
        "WeChat does not accept the code: it was used, has expired or is not for this app",
    )


class WechatUserBlocked(Forbidden):
    code, title = "wechat_user_blocked", "WeChat does not let this account sign in; sign in with your phone number"


class WechatUnavailable(Unavailable):
    code, title = "wechat_unavailable", "WeChat gives no answer; try again, or sign in with your phone number"


def authorise_url(*, redirect_uri: str, state: str) -> str:
    """Where the official account's reader goes to bring back a code. Raises WechatUnavailable."""
    try:
        return wechat.authorise_url(redirect_uri=redirect_uri, state=state)
    except TransientError as error:
        raise WechatUnavailable() from error


def run_exchange(*, app: str, code: str, accepted: dict[str, str], ip: str, at: datetime) -> "auth.TokenPair | Ticket":
    """Tokens where the identity is bound to a phone, else a ticket for `auth.sign_in`. Asks WeChat first, outside any
    transaction.

    Raises WechatCodeRefused, WechatUserBlocked, WechatUnavailable; AgreementsNotAccepted, AccountClosed.
    """
    user = _ask(app, code)
    with transaction.atomic(durable=True):
        known = wechat_identities.remember(app=app, user=user, at=at)
        if known.user_id is None:
            return wechat_identities.issue_ticket(identity_id=known.identity_id, at=at)
        auth.admit(user_id=known.user_id, accepted=accepted, ip=ip, at=at)
        return auth.issue(known.user_id, uuid.uuid4(), at)


def run_entry(*, code: str, ip: str, at: datetime) -> "int | Ticket":
    """As `run_exchange`, for a page that the official account opens: the borrower's id instead of tokens."""
    user = _ask("official", code)
    with transaction.atomic(durable=True):
        known = wechat_identities.remember(app="official", user=user, at=at)
        if known.user_id is None:
            return wechat_identities.issue_ticket(identity_id=known.identity_id, at=at)
        auth.admit(user_id=known.user_id, accepted={}, ip=ip, at=at)
        return known.user_id


def _ask(app: str, code: str) -> wechat.WechatUser:
    try:
        return wechat.exchange(app, code)
    except (TransientError, UnknownOutcome) as error:
        logger.warning("WeChat gave no answer", extra={"failure": error.code})
        raise WechatUnavailable() from error
    except PermanentError as error:
        if error.code in NOT_A_CODE:
            raise WechatCodeRefused(fields={"code": "Not accepted by WeChat."}) from error
        if error.code in BLOCKED:
            raise WechatUserBlocked() from error
        logger.error("WeChat refuses our app", extra={"failure": error.code})  # its id, its secret, its rights
        raise WechatUnavailable() from error
