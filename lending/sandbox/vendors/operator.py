"""Phone carriers' authorisation of the operator report: by a code that the carrier texts, or on a page of its own.

Which way a number goes is its prefix's: Unicom's (UNICOM) shows a page and calls back, every other texts a code. A
token is good for VALID_DAYS, for its number alone; it says so itself, signed. `force` by phone, person or key:
refused (the carrier says no), expired (its time is over when the holder answers), short (the token lives one minute),
not_subscriber, not_supported. Tokens are looked at by the report, `operator`: `force` there: token_expired.
"""

import hmac
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from html import escape
from secrets import randbelow
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import uuid4

from ..door import Answer, Call, Happening, Refused, callbacks, once
from ..store import Effect

UNICOM = ("130", "131", "132", "145", "155", "156", "166", "175", "176", "185", "186")
TELECOM = ("133", "153", "173", "177", "180", "181", "189", "199")
VALID_DAYS, SHORT_SECONDS, CODES = 90, 60, 5
SECRET = b"sandbox-operator-token"
UNDER_WAY = ("code_sent", "redirect")
STYLE = """body { font: 16px/1.6 "PingFang SC", "Noto Sans SC", "Segoe UI", Roboto, sans-serif; margin: 0 }
body { color: #1d2733; background: #eef2f7 }
main { max-width: 420px; margin: 32px auto; padding: 24px; background: #fff; border-radius: 12px }
h1 { font-size: 22px; margin: 0 0 16px } b { font-variant-numeric: tabular-nums } form { display: grid; gap: 12px }
button { font: inherit; padding: 12px; border: 1px solid #1456b8; border-radius: 8px; background: #fff; color: #1456b8 }
button:first-of-type { background: #1456b8; color: #fff }"""
PAGE = f"""<!doctype html><html lang="zh"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>运营商授权 Carrier</title><style>{STYLE}</style><main><h1>运营商授权 Your carrier</h1>
<p>号码 Number <b>%(number)s</b></p>
<p>同意同源数据查询您的在网信息？<br>Let Tongyuan Telecom Data read since when the number is yours?</p>
<form action="/operator/v1/decide"><input type="hidden" name="ticket" value="%(ticket)s">
<button name="answer" value="agree">同意 Agree</button> <button name="answer" value="refuse">拒绝 Refuse</button></form>
</main></html>"""


def begin(call: Call) -> Answer:
    phone, word = call.text("phone")[-11:], call.forced(call.person())
    call.text("name"), call.text("id_number")
    if word in ("not_subscriber", "not_supported"):
        raise Refused(word, "this number cannot be authorised", 422)
    record = once(call, lambda: (_begun(call, phone, word or ""), []))
    if record["code"]:
        _text(call, record)
    elif not call.store.effect(call.vendor, f"ticket {record['ticket']}"):
        pointer = Effect(f"ticket {record['ticket']}", "", {"key": record["key"]})
        call.store.add_effect(call.vendor, pointer, at=call.now)
    return _told(record)


def standing(call: Call) -> Answer:
    return _told(_record(call, call.path["key"]))


def code(call: Call) -> Answer:
    """One `code_key` is one try. Too many wrong ones end it."""
    record, code_key, typed = _record(call, call.path["key"]), call.text("code_key"), call.text("code")
    if record["status"] in UNDER_WAY and record["code"] and record["code_key"] != code_key:
        record |= {"code_key": code_key, "tries": record["tries"] + 1}
        if record["word"] == "expired":
            record["status"] = "expired"
        elif hmac.compare_digest(typed.encode(), record["code"].encode()):
            _authorise(call, record)
        elif record["tries"] >= CODES:
            record["status"] = "refused"
        call.store.replace_record(call.vendor, record["key"], record)
    return _told(record)


def page(call: Call) -> Answer:
    """What the holder of the number sees at the carrier."""
    record = _of_ticket(call)
    number = f"{record['phone'][:3]}****{record['phone'][-4:]}"
    return Answer({}, page=PAGE % {"number": escape(number), "ticket": escape(record["ticket"])})


def decide(call: Call) -> Answer:
    """The holder's button: told to the platform once, by callback; the browser goes back in any case."""
    record = _of_ticket(call)
    if record["status"] == "redirect":
        if record["word"] == "expired":
            record["status"] = "expired"
        elif call.text("answer") == "agree":
            _authorise(call, record)
        else:
            record["status"] = "refused"
        told = Happening(f"authorisation.{record['status']}", call.now, _shown(record))
        asked = replace(call, body={"callback_url": record["callback_url"]})
        with call.store.atomic():
            call.store.replace_record(call.vendor, record["key"], record)
            for callback in callbacks(asked, [told]):
                call.store.add_callback(callback)
    target = urlsplit(record["return_url"])
    query = urlencode([*parse_qsl(target.query), ("state", record["state"])])
    return Answer({}, 302, location=urlunsplit(target._replace(query=query, fragment="")))


def token(phone: str, until: float) -> str:
    """What the carriers' reports are asked with: for this number, until that real time, for they say no other."""
    number, end = phone[-11:], int(until)
    return f"op-{end}-{hmac.new(SECRET, f'{number}{end}'.encode(), sha256).hexdigest()[:32]}"


def look_at_token(call: Call) -> None:
    """Before a report is given. Raises Refused."""
    given, phone = str(call.body.get("authorisation") or ""), call.text("subject", "phone")
    until = given.split("-")[1] if given.count("-") == 2 else ""
    if not until.isdecimal() or not hmac.compare_digest(token(phone, float(until)).encode(), given.encode()):
        raise Refused("token_unknown", "no authorisation of this number", 403)
    if int(until) <= call.now or call.forced(call.person()) == "token_expired":
        raise Refused("token_expired", "the authorisation is over", 403)


def _begun(call: Call, phone: str, word: str) -> dict[str, Any]:
    on_page = phone.startswith(UNICOM)
    status = "refused" if word == "refused" else "redirect" if on_page else "code_sent"
    return_url, ticket = call.text("return_url") if on_page else "", uuid4().hex
    if on_page and urlsplit(return_url).scheme not in ("http", "https"):
        raise Refused("invalid_request", "return_url is wrong")
    return {
        "key": call.text("key"),
        "phone": phone,
        "carrier": "unicom" if on_page else "telecom" if phone.startswith(TELECOM) else "mobile",
        "status": status,
        "word": word,
        "code": f"{randbelow(10**6):06d}" if status == "code_sent" else "",
        "code_key": "",
        "tries": 0,
        "ticket": ticket,
        "page": f"{call.base}/operator/v1/page?ticket={ticket}",
        "return_url": return_url,
        "state": str(call.body.get("state") or ""),
        "callback_url": str(call.body.get("callback_url") or ""),
        "offset": call.offset,
        "token": "",
        "valid_until": "",
    }


def _text(call: Call, record: Mapping[str, Any]) -> None:
    text = f"【运营商】授权码：{record['code']}，用于授权查询您的在网信息，请勿告诉他人。 This is your carrier’s code."
    call.store.add_message(phone=record["phone"], text=text, key=record["key"], sent_at=call.instant(call.now))


def _authorise(call: Call, record: dict[str, Any]) -> None:
    offset = call.offset if "requested_at" in call.body else record["offset"]
    end = call.now + (SHORT_SECONDS if record["word"] == "short" else VALID_DAYS * 86_400)
    record["status"], record["token"] = "authorised", token(record["phone"], end)
    record["valid_until"] = datetime.fromtimestamp(round(end + offset), UTC).isoformat().replace("+00:00", "Z")


def _told(record: Mapping[str, Any]) -> Answer:
    return Answer(_shown(record))


def _shown(record: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: record[name] for name in ("key", "carrier", "status", "code_key")}
    match record["status"]:
        case "redirect":
            shown["page"] = record["page"]
        case "authorised":
            shown |= {"token": record["token"], "valid_until": record["valid_until"]}
    return shown


def _record(call: Call, key: str) -> dict[str, Any]:
    known = call.store.effect(call.vendor, key)
    if known is None or "status" not in known.record:
        raise Refused("no_such_key", "nothing was begun under this key", 404)
    return known.record


def _of_ticket(call: Call) -> dict[str, Any]:
    pointer = call.store.effect(call.vendor, f"ticket {call.text('ticket')}")
    if pointer is None:
        raise Refused("no_such_ticket", "this page is not open", 404)
    return _record(call, pointer.record["key"])


ROUTES = (
    ("operator_auth", "POST", "/operator/v1/authorisations", begin),
    ("operator_auth", "GET", "/operator/v1/authorisations/{key}", standing),
    ("operator_auth", "POST", "/operator/v1/authorisations/{key}/code", code),
    ("operator_auth", "GET", "/operator/v1/page", page),
    ("operator_auth", "GET", "/operator/v1/decide", decide),
)
