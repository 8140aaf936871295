"""Heyue Consumer Finance, protocol heyue-v1: answers 202, decides later, calls back, and can be asked by key."""

from typing import Any
from uuid import uuid4

from .. import applicants
from ..control import between, chance
from ..door import Answer, Call, Happening, Refused, callbacks, once
from ..people import Person
from ..store import Callback

APPROVAL_SECONDS = 24 * 3600
REASONS = {"hy_policy": "Outside the funder's lending policy", "hy_exposure": "Exposure limit for this borrower"}


def submit(call: Call) -> Answer:
    (
        call.cents("amount_cents"),
        call.cents("months"),
        call.text("applicant", "name"),
        call.text("applicant", "id_number"),
    )

    def make() -> tuple[dict[str, Any], list[Callback]]:
        person, key = call.person(), call.text("key")
        approved = _approves(call, person)
        record: dict[str, Any] = {
            "key": key,
            "reference": f"HY{uuid4().hex[:16].upper()}",
            "amount_cents": call.cents("amount_cents"),
            "decided": call.now + between(call.control.decide_ms, "decide", key),
            "offset": call.offset,
            "status": "approved" if approved else "refused",
            "reason_code": None if approved else ("hy_policy" if chance("reason", key) < 0.5 else "hy_exposure"),
            "withdrawn": None,
        }
        decided = _view(call, record, at=record["decided"])
        return record, callbacks(call, [Happening("submission.decided", record["decided"], decided)])

    return Answer(_view(call, once(call, make), at=call.now), 202)


def query(call: Call) -> Answer:
    return Answer(_view(call, _known(call), at=call.now))


def withdraw(call: Call) -> Answer:
    """The platform gives the reservation back; a decision on its way is still called back and binds nobody."""
    record = _known(call)
    if record["withdrawn"] is None:
        record["withdrawn"] = call.now
        call.store.replace_record(call.vendor, call.path["key"], record)
    return Answer(_view(call, record, at=call.now))


def _known(call: Call) -> dict[str, Any]:
    effect = call.store.effect(call.vendor, call.path["key"])
    if effect is None:
        raise Refused("not_found", "no submission under this key", 404)
    return effect.record


def _approves(call: Call, person: Person | None) -> bool:
    if (forced := call.forced(person)) in ("approved", "refused"):
        return forced == "approved"
    if person is None:
        raise Refused("invalid_request", "applicant names nobody")
    if person.demo and applicants.has_story(person.row):
        return True
    if person.fate() == "refused":
        return False
    who = person.row if person.demo else person.id_number
    return chance(call.control.seed, call.vendor, who) < call.control.approve_rate


def _view(call: Call, record: dict[str, Any], *, at: float) -> dict[str, Any]:
    """The submission as it stands at a real instant; times in the business time it was submitted in."""
    offset = record["offset"] - call.offset
    decided = at >= record["decided"]
    status = "withdrawn" if record["withdrawn"] is not None else record["status"] if decided else "pending"
    reason = record["reason_code"] if decided else None
    return {
        "key": record["key"],
        "reference": record["reference"],
        "status": status,
        "amount_cents": record["amount_cents"],
        "reason_code": reason,
        "reason": REASONS.get(reason or ""),
        "decided_at": call.instant(record["decided"] + offset) if decided else None,
        "expires_at": call.instant(record["decided"] + offset + APPROVAL_SECONDS) if status == "approved" else None,
    }


ROUTES = (
    ("heyue", "POST", "/heyue/v1/submissions", submit),
    ("heyue", "GET", "/heyue/v1/submissions/{key}", query),
    ("heyue", "POST", "/heyue/v1/submissions/{key}/withdraw", withdraw),
)
