"""Checks of identity, card and face. Demo identities have a register (their own name, phone and cards); of anybody else
with a valid ID number every element agrees, unless control forces another word."""

import base64
from datetime import UTC, date, datetime
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit
from uuid import uuid4

from .. import applicants
from ..door import Answer, Call, Refused
from ..store import Effect
from . import hengzheng

MATCH, MISMATCH, NO_RECORD = "match", "mismatch", "no_record"
JPEG = b"\xff\xd8\xff"
UNREADABLE = ("blurred", "copy", "screen")
VERDICTS = {MATCH: 1, MISMATCH: 2, NO_RECORD: 3}
CARD_VERDICTS = {MATCH: "00", MISMATCH: "05", NO_RECORD: "25"}
CARD_CODES = {"bad_contract": "03", "bad_number": "14", "over_quota": "61", "busy": "98"}


def two_element(call: Call) -> Answer:
    result = _compare(call, name=call.text("name"), id_number=call.text("id_number"))
    return Answer({"request_id": _reference(), "result": result})


def two_element_b(call: Call) -> Answer:
    if complaint := hengzheng.complaint(call):
        return complaint
    result = _compare(call, name=call.text("xm"), id_number=call.text("sfzh"))
    return Answer({"code": 0, "data": {"seq": _reference(), "verdict": VERDICTS[result]}})


def four_element(call: Call) -> Answer:
    card = call.text("card_number")
    result = _compare(
        call, name=call.text("name"), id_number=call.text("id_number"), phone=call.text("phone"), card=card
    )
    bank = applicants.bank_of(card)
    return Answer({"request_id": _reference(), "result": result, "bank": bank, "card_type": "debit"})


def four_element_b(call: Call) -> Answer:
    """`force` by person also tells busy, over_quota, bad_contract, bad_number, or any two digits."""
    order, card, forced = call.text("orderId"), call.text("accNo"), call.forced(call.person()) or ""
    said = {"orderId": order, "respMsg": "", "respCode": CARD_CODES.get(forced, forced)}
    if forced in CARD_CODES or forced.isdecimal():
        return Answer(said)
    name, id_number, phone = (call.text(each) for each in ("customerNm", "certifId", "phoneNo"))
    result = _compare(call, name=name, id_number=id_number, phone=phone, card=card)
    return Answer(said | {"respCode": CARD_VERDICTS[result], "issInsName": applicants.bank_of(card), "accType": "01"})


def id_card(call: Call) -> Answer:
    """What is printed on a card: of a demo identity its own, of anybody else what they say is theirs."""
    holder, person = {name: call.text("holder", name) for name in ("name", "id_number")}, call.person()
    for side in ("front", "back"):
        if not base64.b64decode(call.text(side)).startswith(JPEG):
            raise Refused("invalid_picture", f"{side} is not a JPEG")
    word, today = call.forced(person) or "", datetime.fromtimestamp(call.now + call.offset, UTC).date()
    if word in UNREADABLE:
        return Answer({"request_id": call.text("request_id"), "quality": word, "front": None, "back": None})
    until = date(2040, 6, 30)
    if person is not None and person.demo:
        own = applicants.applicant(person.row, person.batch, today)
        holder, until = {"name": own.name, "id_number": person.id_number}, own.id_expires_on
    match word:
        case "mismatch":
            holder["name"] = "别人"
        case "expired":
            until = date(2024, 6, 30)
    back = {"authority": "公安局", "valid_from": "2014-07-01", "valid_to": str(until)}
    if word == "long_term":
        back["valid_to"] = word
    return Answer({"request_id": call.text("request_id"), "quality": "ok", "front": holder, "back": back})


def face(call: Call) -> Answer:
    """A token is good for one request. One that begins `spoof` is of a picture held up to the camera."""
    token, request_id = call.text("liveness_token"), call.text("request_id")
    used = call.store.effect(call.vendor, f"token {token}")
    if used is not None and used.record["request_id"] != request_id:
        raise Refused("token_used", "this token was used before")
    result = _compare(call, name=call.text("name"), id_number=call.text("id_number"))
    if used is None:
        call.store.add_effect(call.vendor, Effect(f"token {token}", "", {"request_id": request_id}), at=call.now)
    live = not token.startswith("spoof") and call.forced(call.person()) != "not_live"
    score = 93 if result == MATCH else 31
    return Answer(
        {"request_id": request_id, "liveness": "passed" if live else "failed", "result": result, "score": score}
    )


def live(call: Call) -> Answer:
    """The page with the camera: here whoever comes is taken for a living person, and sent back with a token."""
    target = urlsplit(call.text("return_url"))
    if target.scheme not in ("http", "https"):
        raise Refused("invalid_request", "return_url is wrong")
    told = [("state", str(call.body.get("state", ""))), ("liveness_token", f"live-{_reference()}")]
    query = urlencode([*parse_qsl(target.query), *told])
    return Answer({}, 302, location=urlunsplit(target._replace(query=query, fragment="")))


def kit(call: Call) -> Answer:
    """What the vendor's kit inside an app hands over."""
    return Answer({"liveness_token": f"live-{_reference()}"})


def face_b(call: Call) -> Answer:
    call.text("tp"), call.text("hc")
    result = _compare(call, name=call.text("xm"), id_number=call.text("sfzh"))
    agrees = result == MATCH
    return Answer(
        {"code": 0, "data": {"seq": _reference(), "verdict": 1 if agrees else 2, "fs": 0.93 if agrees else 0.31}}
    )


def _compare(call: Call, *, name: str, id_number: str, phone: str | None = None, card: str | None = None) -> str:
    person = call.person()
    if (forced := call.forced(person)) in VERDICTS:
        return str(forced)
    if not applicants.is_id_number(id_number) or (card is not None and not applicants.is_card_number(card)):
        return NO_RECORD
    if person is None or not person.demo:
        return MATCH
    agrees = (
        name == applicants.name_of(person.row, person.batch)
        and phone in (None, applicants.phone_of(person.row, person.batch))
        and (card is None or (applicants.row_of_card(card) or ())[:2] == (person.row, person.batch))
    )
    return MATCH if agrees else MISMATCH


def _reference() -> str:
    return uuid4().hex


ROUTES = (
    ("id2", "POST", "/identity/v1/two-element", two_element),
    ("id2_b", "POST", "/id2b/verify", two_element_b),
    ("card4", "POST", "/card/v1/four-element", four_element),
    ("card4_b", "POST", "/cardb/auth", four_element_b),
    ("ocr", "POST", "/ocr/v1/id-card", id_card),
    ("face", "POST", "/face/v1/compare", face),
    ("face", "GET", "/face/v1/live", live),
    ("face", "GET", "/face/v1/kit", kit),
    ("face_b", "POST", "/faceb/compare", face_b),
)
