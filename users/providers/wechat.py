"""WeChat's exchange of a code for who it stands for: web authorisation of an official account, `wx.login` of a mini
program. The wire is WeChat's: GET with the app's secret in the query, `errcode` in the answer at HTTP 200.

The session key and the access token that come with the answer are not wanted and go no further than this file.
"""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.conf import settings

from lending.common import http
from lending.common.errors import PermanentError, TransientError

VENDOR = "wechat"
TIMEOUT_MS = 5_000
TRANSIENT = frozenset({-1, 45009, 45011})  # busy; too many calls a day, a minute
# app: (path, the code's name in the query)
EXCHANGES = {"official": ("/sns/oauth2/access_token", "code"), "mini": ("/sns/jscode2session", "js_code")}
# What development uses where nothing is configured: the sandbox's apps.
SANDBOX = {
    "official": "wx0000000000000001",
    "official_secret": "sandbox-wechat",
    "mini": "wx0000000000000002",
    "mini_secret": "sandbox-wechat",
}


@dataclass(frozen=True)
class WechatUser:
    """`unionid`: the same for all our apps; None where WeChat does not tell it."""

    app_id: str
    openid: str = field(repr=False)
    unionid: str | None = field(repr=False)


def _configured() -> dict[str, str]:
    """`settings.VENDORS["wechat"]`: url, authorize_url, scope, and official, official_secret, mini, mini_secret.

    Raises TransientError where there is none and no sandbox either.
    """
    if configured := getattr(settings, "VENDORS", {}).get(VENDOR):
        given: dict[str, str] = configured
        return {"url": "https://api.weixin.qq.com", "authorize_url": "https://open.weixin.qq.com", **given}
    if sandbox := getattr(settings, "SANDBOX_URL", ""):
        return {"url": sandbox, "authorize_url": sandbox, **SANDBOX}
    raise TransientError("no app is configured", vendor=VENDOR, code="not_configured")


def app_id(app: str) -> str:
    """The id at WeChat of "official" or "mini". Raises TransientError where it is not configured."""
    try:
        return _configured()[app]
    except KeyError:
        raise TransientError(f"no {app} app is configured", vendor=VENDOR, code="not_configured") from None


def authorise_url(*, redirect_uri: str, state: str) -> str:
    """Where the official account's reader is sent; WeChat sends them back with a code. Raises TransientError."""
    configured = _configured()
    query = urlencode(
        {
            "appid": app_id("official"),
            "redirect_uri": redirect_uri,
            "response_type": "code",
            "scope": configured.get("scope", "snsapi_base"),
            "state": state,
        }
    )
    return f"{configured['authorize_url']}/connect/oauth2/authorize?{query}#wechat_redirect"


def exchange(app: str, code: str) -> WechatUser:
    """Who the code stands for; using it up. Raises TransientError, UnknownOutcome (the code may be used up), and
    PermanentError with WeChat's own number as its code ("40029").
    """
    configured, own_id = _configured(), app_id(app)
    path, name = EXCHANGES[app]
    query = {
        "appid": own_id,
        "secret": configured.get(f"{app}_secret", ""),
        name: code,
        "grant_type": "authorization_code",
    }
    reply = http.call(
        vendor=VENDOR,
        method="GET",
        url=f"{configured['url']}{path}?{urlencode(query)}",
        client_id="",
        secret="",
        timeout_ms=TIMEOUT_MS,
    )
    return _read(own_id, reply)


def _read(own_id: str, reply: dict[str, Any]) -> WechatUser:
    errcode = reply.get("errcode", 0)
    if errcode != 0:
        kind = TransientError if errcode in TRANSIENT else PermanentError
        raise kind(f"errcode {errcode}", vendor=VENDOR, code=str(errcode)[:20])
    openid, unionid = reply.get("openid"), reply.get("unionid") or None
    if not isinstance(openid, str) or not openid or not (unionid is None or isinstance(unionid, str)):
        raise PermanentError("malformed reply: openid or unionid", vendor=VENDOR, code="malformed")
    return WechatUser(own_id, openid, unionid)
