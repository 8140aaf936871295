"""Linjiang City Bank, protocol linjiang-v1: one gateway, HTTP 200 to everything, thinks longest of the funders."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from .. import applicants
from ..control import between, chance
from ..door import Answer, Call, Happening, Refused, callbacks, once
from ..people import Person
from ..store import Callback

HOME = ZoneInfo("Asia/Shanghai")
APPROVAL = timedelta(hours=24)
REASONS = {"R101": "综合评分未达标", "R205": "授信额度已满"}
WAITS, APPROVED, REFUSED, CANCELLED = "1", "2", "3", "4"
WORDS = {"approved": APPROVED, "refused": REFUSED}
FAULTS = {"not_found": "E0404", "key_reused": "E0409", "invalid_request": "E0400"}


def gateway(call: Call) -> Answer:
    """The transaction that the head names; what is wrong is said in the head of the answer."""
    head, body = call.body.get("head"), call.body.get("body")
    serial = str(head.get("serial_no") or "") if isinstance(head, dict) else ""
    code = str(head.get("txn_code") or "") if isinstance(head, dict) else ""
    try:
        if not serial or code not in TRANSACTIONS or not isinstance(body, dict):
            raise Refused("invalid_request", "txn_code, serial_no or body is missing")
        names = {"key": serial, "callback_url": body.get("notify_url"), "id_number": body.get("cert_no")}
        flat = replace(call, body=body | names)
        if flat.forced(flat.person()) == "busy":
            return _said("E9001", "系统繁忙", serial)
        return _said("000000", "成功", serial, TRANSACTIONS[code](flat))
    except Refused as refusal:
        return _said(FAULTS.get(refusal.code, "E0400"), refusal.message, serial)


def _said(code: str, words: str, serial: str, body: dict[str, Any] | None = None) -> Answer:
    return Answer({"head": {"ret_code": code, "ret_msg": words, "serial_no": serial}, "body": body or {}})


def _apply(call: Call) -> dict[str, Any]:
    for name in ("cust_name", "cert_no", "mobile", "appl_tnr", "int_rate", "proj_no", "guar_no"):
        call.text(name)
    amount = _yuan(call.text("appl_amt"))

    def make() -> tuple[dict[str, Any], list[Callback]]:
        key = call.text("key")
        approved = _approves(call, call.person())
        record: dict[str, Any] = {
            "key": key,
            "appl_no": f"LJ{uuid4().hex[:16].upper()}",
            "appl_amt": f"{amount:.2f}",
            "decided": call.now + between(call.control.decide_ms, "decide", key),
            "offset": call.offset,
            "appl_sts": APPROVED if approved else REFUSED,
            "rej_code": None if approved else ("R101" if chance("reason", key) < 0.5 else "R205"),
            "cancelled": None,
        }
        decided = _view(call, record, at=record["decided"])
        return record, callbacks(call, [Happening("LN2001", record["decided"], decided)])

    return _view(call, once(call, make), at=call.now)


def _query(call: Call) -> dict[str, Any]:
    return _view(call, _known(call), at=call.now)


def _cancel(call: Call) -> dict[str, Any]:
    record = _known(call)
    if record["cancelled"] is None:
        record["cancelled"] = call.now
        call.store.replace_record(call.vendor, call.text("key"), record)
    return _view(call, record, at=call.now)


def _known(call: Call) -> dict[str, Any]:
    effect = call.store.effect(call.vendor, call.text("key"))
    if effect is None:
        raise Refused("not_found", "原交易不存在")
    return effect.record


def _yuan(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise Refused("invalid_request", "appl_amt is no amount") from None
    if not amount.is_finite() or amount <= 0 or amount != round(amount, 2):
        raise Refused("invalid_request", "appl_amt is no amount")
    return amount


def _approves(call: Call, person: Person | None) -> bool:
    if (forced := call.forced(person)) in WORDS:
        return forced == "approved"
    if person is None:
        raise Refused("invalid_request", "cert_no names nobody")
    if person.demo and applicants.has_story(person.row):
        return person.row != applicants.row_of_case("second_funder")
    who = person.row if person.demo else person.id_number
    return chance(call.control.seed, call.vendor, who) < call.control.approve_rate


def _view(call: Call, record: dict[str, Any], *, at: float) -> dict[str, Any]:
    """The application as it stands at a real instant; times in the business time it was made in."""
    decided = at >= record["decided"]
    status = CANCELLED if record["cancelled"] is not None else record["appl_sts"] if decided else WAITS
    reason = record["rej_code"] if decided else None
    approved_at = datetime.fromtimestamp(record["decided"] + record["offset"], HOME)
    approved = status == APPROVED
    return {
        "key": record["key"],
        "appl_no": record["appl_no"],
        "appl_sts": status,
        "appl_amt": record["appl_amt"],
        "rej_code": reason or "",
        "rej_desc": REASONS.get(reason or "", ""),
        "aprv_time": f"{approved_at:%Y%m%d%H%M%S}" if approved else "",
        "aprv_end_time": f"{approved_at + APPROVAL:%Y%m%d%H%M%S}" if approved else "",
    }


TRANSACTIONS = {"LN1001": _apply, "LN1002": _query, "LN1003": _cancel}
ROUTES = (("linjiang", "POST", "/linjiang/gateway", gateway),)
