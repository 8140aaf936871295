"""WeChat, in its own wire format: GET with the app's secret in the query, and JSON whose `errcode` says what is wrong
at HTTP 200. Its requests are not signed.

A code is `person.anything`: the part before the first dot decides who it is (a code without one is a person of its
own). One person has one openid for each app and one unionid for all. A code works once; one that was made here works
for five minutes and for its app alone. `force` by app id, person or code: busy, limited, blocked, invalid, no_unionid.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import uuid4

from ..door import Answer, Call, Refused
from ..store import Effect

OFFICIAL, MINI = "wx0000000000000001", "wx0000000000000002"
SECRET = "sandbox-wechat"  # noqa: S105  known to everybody: nothing here is real
CODE_SECONDS = 300
COOKIE = "wechat_person"  # a browser stays the same WeChat user

BUSY, BAD_GRANT, BAD_APP, BAD_CODE = (
    (-1, "system error"),
    (40002, "invalid grant_type"),
    (40013, "invalid appid"),
    (40029, "invalid code"),
)
BAD_SECRET, USED_CODE, BLOCKED, NO_CODE, LIMITED = (
    (40125, "invalid appsecret"),
    (40163, "code been used"),
    (40226, "code blocked"),
    (41008, "missing code"),
    (45011, "api minute-quota reach limit mustslower retry next minute"),
)
FORCED = {"busy": BUSY, "limited": LIMITED, "blocked": BLOCKED, "invalid": BAD_CODE}


class Complaint(Exception):
    """What WeChat answers instead."""

    def __init__(self, error: tuple[int, str]) -> None:
        self.error = error
        super().__init__(error[1])


def authorise(call: Call) -> Answer:
    """The page an official account sends its reader to: back to `redirect_uri` with a code and the state."""
    appid, target = call.text("appid"), call.text("redirect_uri")
    scope, parts = call.body.get("scope"), urlsplit(target)
    if appid != OFFICIAL or call.body.get("response_type") != "code":
        raise Refused("invalid_request", "appid or response_type is wrong")
    if scope not in ("snsapi_base", "snsapi_userinfo") or parts.scheme not in ("http", "https"):
        raise Refused("invalid_request", "scope or redirect_uri is wrong")
    asked = str(call.body.get("person") or "")
    person = _who(call, asked or call.cookies.get(COOKIE) or uuid4().hex[:12])
    code = _issue(call, person, appid, scope)
    query = urlencode([*parse_qsl(parts.query), ("code", code), ("state", str(call.body.get("state", "")))])
    return Answer({}, 302, location=urlunsplit(parts._replace(query=query, fragment="")), cookies={COOKIE: person})


def device(call: Call) -> Answer:
    """What `wx.login` hands a mini program on the phone of `person`."""
    person = _who(call, str(call.body.get("person") or uuid4().hex[:12]))
    return Answer({"code": _issue(call, person, MINI, "snsapi_base"), "errMsg": "login:ok"})


def access_token(call: Call) -> Answer:
    return _exchange(call, OFFICIAL, "code")


def session(call: Call) -> Answer:
    return _exchange(call, MINI, "js_code")


def _exchange(call: Call, app: str, name: str) -> Answer:
    try:
        person, scope = _redeem(call, app, name)
    except Complaint as complaint:
        number, words = complaint.error
        return Answer({"errcode": number, "errmsg": f"{words}, rid: {uuid4().hex[:24]}"})
    openid = f"o{_hash(app, person)[:27]}"
    answer: dict[str, Any] = {"openid": openid}
    if app == MINI:
        answer["session_key"] = _hash("session", person, uuid4())[:24]
    else:
        answer |= {"access_token": uuid4().hex, "expires_in": 7200, "refresh_token": uuid4().hex, "scope": scope}
    # An official account is told the unionid only where its reader agreed to more than the openid.
    if (app == MINI or scope == "snsapi_userinfo") and _word(call, person) != "no_unionid":
        answer["unionid"] = f"u{_hash('union', person)[:27]}"
    return Answer(answer)


def _redeem(call: Call, app: str, name: str) -> tuple[str, str]:
    """Person and scope of the code, used up. Raises Complaint."""
    asked: Mapping[str, Any] = call.body
    code = str(asked.get(name) or "")
    if asked.get("appid") != app:
        raise Complaint(BAD_APP)
    if asked.get("secret") != SECRET:
        raise Complaint(BAD_SECRET)
    if asked.get("grant_type") != "authorization_code":
        raise Complaint(BAD_GRANT)
    if not code:
        raise Complaint(NO_CODE)
    person = code.partition(".")[0]
    word = _word(call, person)
    if word in FORCED:
        raise Complaint(FORCED[word])
    issued = call.store.effect(call.vendor, f"code {code}")
    made: dict[str, Any] = issued.record if issued else {"app": app, "at": _now(call), "scope": "snsapi_userinfo"}
    if made["app"] != app or _now(call) - made["at"] >= CODE_SECONDS or code.startswith("bad"):
        raise Complaint(BAD_CODE)
    if call.store.effect(call.vendor, f"used {code}"):
        raise Complaint(USED_CODE)
    call.store.add_effect(call.vendor, Effect(f"used {code}", "", {"app": app}), at=call.now)
    return person, str(made["scope"])


def _issue(call: Call, person: str, app: str, scope: str) -> str:
    code = f"{person}.{uuid4().hex}"
    record = {"app": app, "at": _now(call), "scope": scope}
    call.store.add_effect(call.vendor, Effect(f"code {code}", "", record), at=call.now)
    return code


def _who(call: Call, person: str) -> str:
    if not person.replace("-", "").replace("_", "").isalnum():
        raise Refused("invalid_request", "person: letters, digits, - and _")
    return person


def _word(call: Call, person: str) -> str:
    return call.forced(None) or call.control.force.get(person, "")


def _now(call: Call) -> float:
    return call.now + call.offset


def _hash(*parts: object) -> str:
    return sha256("\0".join(map(str, parts)).encode()).hexdigest()


ROUTES = (
    ("wechat", "GET", "/connect/oauth2/authorize", authorise),
    ("wechat", "GET", "/sns/oauth2/access_token", access_token),
    ("wechat", "GET", "/sns/jscode2session", session),
    ("wechat", "GET", "/wechat/login", device),
)
