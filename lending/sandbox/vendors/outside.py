"""WeChat's code exchange and an upstream partner's receiver of our status events."""

import json
from hashlib import sha256

from ..door import Answer, Call, Refused


def session(call: Call) -> Answer:
    """The same code is always the same person; each app sees its own openid, both the same unionid."""
    code, app = call.text("code"), call.text("app")
    if app not in ("official", "mini"):
        raise Refused("invalid_request", "app is official or mini")
    if code.startswith("bad"):
        raise Refused("invalid_code", "the code is not valid or was used")
    openid, unionid, key = (sha256(text.encode()).hexdigest()[:28] for text in (f"{app} {code}", code, f"key {code}"))
    return Answer({"openid": f"o{openid[1:]}", "unionid": f"u{unionid[1:]}", "session_key": key})


def receive(call: Call) -> Answer:
    call.store.add_partner_event(call.path["channel"], json.dumps(call.body, ensure_ascii=False))
    return Answer({"received": True})


ROUTES = (
    ("wechat", "POST", "/wechat/v1/session", session),
    ("partner", "POST", "/partner/{channel}/events", receive),
)
