"""The two downstream platforms: Bridge Loans (bridge-v1, JSON) and Sunny Credit (sunny-v1, form fields).

Forced outcomes, by phone or key: known (not taken at the precheck), refused, accepted (and no more), paid (Bridge),
returned, busy (Sunny).
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

from ..control import between, chance
from ..door import Answer, Call, Happening, Refused, callbacks, once
from ..signing import secret_of
from ..store import Callback

DECOYS = 3
REASONS = {"bridge": "Outside the lending policy", "sunny": "不符合准入条件"}
FAULTS = {"not_found": "1404", "key_reused": "1409"}


def digest(vendor: str, phone: str) -> str:
    return hmac.new(f"precheck:{secret_of(vendor)}".encode(), phone.encode(), hashlib.sha256).hexdigest()


def _known(call: Call) -> list[str]:
    """Hashes of whom the platform has already, as control says."""
    return [digest(call.vendor, phone) for phone, word in call.control.force.items() if word == "known"]


# --- Bridge -------------------------------------------------------------------------------------------------------


def precheck(call: Call) -> Answer:
    """All it does not take of that beginning, and some that are nobody, so that an empty answer tells nothing."""
    prefix = call.text("prefix")
    if len(prefix) != 4 or set(prefix) - set("0123456789abcdef"):
        raise Refused("invalid_request", "prefix: four hexadecimal digits")
    nobody = [
        prefix + hashlib.sha256(f"{prefix}{number}".encode()).hexdigest()[len(prefix) :] for number in range(DECOYS)
    ]
    return Answer({"not_taken": sorted([*nobody, *(one for one in _known(call) if one.startswith(prefix))])})


def push(call: Call) -> Answer:
    for names in (("applicant", "name"), ("applicant", "mobile"), ("loan", "amount"), ("consent", "id")):
        call.text(*names)
    return Answer(_bridge_view(_lead(call, call.text("applicant", "mobile"), _bridge_events), call.now), 202)


def query(call: Call) -> Answer:
    return Answer(_bridge_view(_record(call, call.path["key"]), call.now))


def _bridge_view(record: dict[str, Any], at: float) -> dict[str, Any]:
    status = _status(record, at)
    return {
        "key": record["key"],
        "lead_no": f"BR{record['number']}",
        "status": {"accepted": "approved", "refused": "rejected", "paid": "disbursed", "returned": "cancelled"}.get(
            status, "received"
        ),
        "reason": REASONS["bridge"] if status == "refused" else None,
        "disbursed_amount": record["amount"] if status in ("paid", "returned") else None,
    }


def _bridge_events(record: dict[str, Any]) -> list[Happening]:
    kinds = {"accepted": "lead.decided", "refused": "lead.decided", "paid": "lead.paid", "returned": "lead.returned"}
    return [
        Happening(kinds[step["status"]], step["at"], _bridge_view(record, step["at"])) for step in record["steps"][1:]
    ]


# --- Sunny --------------------------------------------------------------------------------------------------------


def gateway(call: Call) -> Answer:
    """The method that the form names; what is wrong is said by a code."""
    try:
        acts = {"user.check": _check, "order.push": _push, "order.query": _query}
        act = acts.get(call.text("method"))
        if act is None:
            raise Refused("invalid_request", "no such method")
        if call.forced(None) == "busy":
            return Answer({"code": "9999", "msg": "系统繁忙"})
        return Answer({"code": "0000", "msg": "ok", "data": act(call)})
    except Refused as refusal:
        return Answer({"code": FAULTS.get(refusal.code, "1400"), "msg": refusal.message})


def _check(call: Call) -> dict[str, Any]:
    return {"accept": "N" if call.text("uid") in _known(call) else "Y"}


def _push(call: Call) -> dict[str, Any]:
    for name in ("out_order_no", "real_name", "phone_no", "apply_fen", "auth_no"):
        call.text(name)
    names = {"key": call.text("out_order_no"), "callback_url": call.body.get("notify_url")}
    flat = replace(call, body=call.body | names)
    return _sunny_view(_lead(flat, call.text("phone_no"), _sunny_events), call.now)


def _query(call: Call) -> dict[str, Any]:
    return _sunny_view(_record(call, call.text("out_order_no")), call.now)


def _sunny_view(record: dict[str, Any], at: float) -> dict[str, Any]:
    status = _status(record, at)
    return {
        "key": record["key"],
        "order_no": f"SC{record['number']}",
        "state": {"accepted": "20", "paid": "20", "refused": "30", "returned": "40"}.get(status, "10"),
        "memo": REASONS["sunny"] if status == "refused" else "",
        "h5_url": f"https://h5.sunny.example/o/{record['number']}" if status in ("received", "accepted") else "",
    }


def _sunny_events(record: dict[str, Any]) -> list[Happening]:
    steps = [step for step in record["steps"][1:] if step["status"] != "paid"]
    return [Happening("ORDER_NOTIFY", step["at"], _sunny_view(record, step["at"])) for step in steps]


# --- both ---------------------------------------------------------------------------------------------------------


def _lead(call: Call, phone: str, events: Callable[[dict[str, Any]], list[Happening]]) -> dict[str, Any]:
    """The record of a lead, made at the first push: what it comes to is a plan of instants."""

    def make() -> tuple[dict[str, Any], list[Callback]]:
        key, control = call.text("key"), call.control
        decided = call.now + between(control.decide_ms, "decide", key)
        paid = decided + between(control.settle_ms, "settle", key)
        outcome = call.forced(None) or _outcome(call, phone)
        steps: list[dict[str, Any]] = [{"at": call.now, "status": "received"}]
        if outcome == "refused":
            steps.append({"at": decided, "status": "refused"})
        else:
            steps.append({"at": decided, "status": "accepted"})
            if outcome in ("paid", "returned"):
                steps.append({"at": paid, "status": "paid"})
            if outcome == "returned":
                steps.append({"at": paid + between(control.return_ms, "return", key), "status": "returned"})
        loan = call.body.get("loan")
        amount = str(loan.get("amount")) if isinstance(loan, dict) else ""
        record = {"key": key, "number": uuid4().hex[:12].upper(), "amount": amount, "steps": steps}
        return record, callbacks(call, events(record))

    return once(call, make)


def _outcome(call: Call, phone: str) -> str:
    if chance(call.control.seed, call.vendor, phone) >= call.control.approve_rate:
        return "refused"
    return "returned" if chance("returns", call.vendor, phone) < call.control.returns_rate else "paid"


def _record(call: Call, key: str) -> dict[str, Any]:
    effect = call.store.effect(call.vendor, key)
    if effect is None:
        raise Refused("not_found", "no lead under this key", 404)
    return effect.record


def _status(record: dict[str, Any], at: float) -> str:
    return str([step["status"] for step in record["steps"] if step["at"] <= at][-1])


ROUTES = (
    ("bridge", "POST", "/bridge/v1/precheck", precheck),
    ("bridge", "POST", "/bridge/v1/leads", push),
    ("bridge", "GET", "/bridge/v1/leads/{key}", query),
    ("sunny", "POST", "/sunny/gateway.do", gateway),
)
