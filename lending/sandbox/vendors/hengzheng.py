"""Hengzheng Verify, the second vendor of several checks, in a wire of its own: pinyin initials, numbers for verdicts.

`force` by person also tells the codes of its own: busy, over_quota, bad_contract, bad_number, or any number.
"""

from hashlib import sha256

from risk.rules import sample

from .. import applicants
from ..door import Answer, Call, Refused
from .risk import is_their_phone

CODES = {"bad_contract": 4001, "bad_number": 4002, "busy": 5001, "over_quota": 5002}
OWNERS = {"consistent": 1, "inconsistent": 2, "no_record": 3}


def complaint(call: Call) -> Answer | None:
    """What is said instead of a verdict, at HTTP 200; None where there is one."""
    forced = call.forced(call.person()) or ""
    if forced not in CODES and not forced.isdecimal():
        return None
    said = {"code": CODES.get(forced) or int(forced), "data": None}
    return Answer(said | ({"lsh": call.body["lsh"]} if "lsh" in call.body else {}))


def three_elements(call: Call) -> Answer:
    number, person = call.text("lsh"), call.person()
    call.text("xm")
    if instead := complaint(call):
        return instead
    if person is None:
        raise Refused("invalid_request", "sfzh or sjh is missing")
    own = is_their_phone(call.text("sfzh"), call.text("sjh"), demo=person.demo)
    verdict = OWNERS.get(call.forced(person) or "") or OWNERS["consistent" if own else "inconsistent"]
    known = sample.vendor_answers(applicants.rows()[person.row - 1])["phone3"]
    months = "" if verdict == OWNERS["no_record"] else str(known["online_months"])
    seq = sha256(f"{call.vendor} {number}".encode()).hexdigest()[:24]
    return Answer({"code": 0, "lsh": number, "data": {"seq": seq, "verdict": verdict, "zwys": months}})


ROUTES = (("phone3_b", "POST", "/phone3b/verify", three_elements),)
