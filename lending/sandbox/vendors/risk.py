"""Risk data vendors: what a row's own columns say about the person, by `risk.rules.sample`."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from risk.rules import sample

from .. import applicants
from ..door import Answer, Call, Refused
from . import operator

FALLBACKS = {"aml_b": "aml"}
SOURCES = (
    *("phone3", "phone_list", "device", "blacklist", "aml", "aml_b"),
    *("multi_lender", "operator", "bureau", "bankflow"),
)
# Words that `force` may ask for beside the row's own answer: the fields they replace.
FORCED: dict[str, dict[str, Any]] = {
    "inconsistent": {"match": "inconsistent"},
    "reject": {"decision": "reject", "score": 95},
    "listed": {"listed": True, "records": [{"kind": "payment_default", "amount_cents": 500_000}]},
    "clear": {"status": "clear"},
    "possible": {"status": "possible"},
    "confirmed": {"status": "confirmed"},
}


def query(call: Call) -> Answer:
    """The same request_id gives the same answer: everything here is decided by the person alone."""
    request_id, source = call.text("request_id"), FALLBACKS.get(call.vendor, call.vendor)
    if not isinstance(call.body.get("subject"), dict):
        raise Refused("invalid_request", "subject is missing")
    person = call.person()
    if source == "device":
        data = _device(call.text("subject", "device_id"))
    elif person is None:
        raise Refused("invalid_request", "subject names nobody")
    else:
        if source == "operator":
            operator.look_at_token(call)
        data = sample.vendor_answers(applicants.rows()[person.row - 1])[source]
        if source == "phone3":
            subject = (call.text("subject", name) for name in ("id_number", "phone"))
            data = data | {"match": "consistent" if is_their_phone(*subject, demo=person.demo) else "inconsistent"}
    forced = call.forced(person)
    if forced in FORCED:
        data = data | FORCED[forced]
    reference = sha256(f"{call.vendor} {request_id}".encode()).hexdigest()[:24]
    return Answer({"request_id": request_id, "vendor_ref": reference, "data": data})


def _device(device_id: str) -> dict[str, object]:
    shared = device_id.startswith("shared-")
    return {"emulator": False, "accounts_7d": 4 if shared else 1, "phones_30d": 3 if shared else 1}


def is_their_phone(id_number: str, phone: str, *, demo: bool) -> bool:
    """Whether the phone is registered to the person: a demo identity has one phone, anybody else any."""
    found = applicants.row_of(id_number)
    return not demo or (found is not None and phone == applicants.phone_of(*found))


ROUTES: tuple[tuple[str, str, str, Callable[[Call], Answer]], ...] = tuple(
    (source, "POST", f"/risk/{source}/v1/query", query) for source in SOURCES
)
