"""Checks of identity, card and face. Demo identities have a register (their own name, phone and cards); of anybody else
with a valid ID number every element agrees, unless control forces another word."""

from uuid import uuid4

from .. import applicants
from ..door import Answer, Call

MATCH, MISMATCH, NO_RECORD = "match", "mismatch", "no_record"
VERDICTS = {MATCH: 1, MISMATCH: 2, NO_RECORD: 3}


def two_element(call: Call) -> Answer:
    result = _compare(call, name=call.text("name"), id_number=call.text("id_number"))
    return Answer({"request_id": _reference(), "result": result})


def two_element_b(call: Call) -> Answer:
    result = _compare(call, name=call.text("xm"), id_number=call.text("sfzh"))
    return Answer({"code": 0, "data": {"seq": _reference(), "verdict": VERDICTS[result]}})


def four_element(call: Call) -> Answer:
    card = call.text("card_number")
    result = _compare(
        call, name=call.text("name"), id_number=call.text("id_number"), phone=call.text("phone"), card=card
    )
    bank = applicants.bank_of(card)
    return Answer({"request_id": _reference(), "result": result, "bank": bank, "card_type": "debit"})


def face(call: Call) -> Answer:
    call.text("image_sha256"), call.text("liveness_token")
    result = _compare(call, name=call.text("name"), id_number=call.text("id_number"))
    return Answer({"request_id": _reference(), "result": result, "score": 93 if result == MATCH else 31})


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
    ("face", "POST", "/face/v1/compare", face),
    ("face_b", "POST", "/faceb/compare", face_b),
)
