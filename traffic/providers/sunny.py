"""Sunny Credit, protocol sunny-v1: one gateway that takes form fields, answers everything at HTTP 200 with a code;
amounts in fen. It takes the borrower over at once: the answer has the page where they go on.

Its precheck is a keyed hash of the whole phone number, answered yes or no.
"""

from collections.abc import Mapping
from typing import Any, Literal

from lending.common.errors import PermanentError, TransientError, UnknownOutcome

from . import base

VENDOR = "sunny"
GATEWAY = "/sunny/gateway.do"
NOTIFY = "ORDER_NOTIFY"
OK, NO_SUCH, BUSY = "0000", "1404", "9999"
STATES: dict[str, Literal["pending", "accepted", "refused", "returned"]] = {
    "10": "pending",
    "20": "accepted",
    "30": "refused",
    "40": "returned",
}


class SunnyV1:
    def precheck(self, phone: str) -> bool:
        said = _data(_exchange("user.check", {"uid": base.vendor(VENDOR).digest(phone)}))
        if said.get("accept") not in ("Y", "N"):
            raise UnknownOutcome("neither yes nor no", vendor=VENDOR, code="malformed")
        return bool(said["accept"] == "Y")

    def push(self, push: base.Push) -> base.LeadAnswer:
        fields = {
            "out_order_no": push.key,
            "notify_url": base.vendor(VENDOR).callback_url,
            "real_name": push.name,
            "phone_no": push.phone,
            "apply_fen": str(push.amount_cents),
            "period": str(push.months),
            "auth_no": push.consent_id,
            "auth_ver": push.consent_version,
            "auth_time": str(int(push.consent_given_at.timestamp())),
        }
        return read(_data(_exchange("order.push", fields)))

    def query(self, key: str) -> base.LeadAnswer:
        said = _exchange("order.query", {"out_order_no": key})
        if said.get("code") == NO_SUCH:
            return base.LeadAnswer("absent", raw=dict(said))
        return read(_data(said))


def _exchange(method: str, fields: Mapping[str, str]) -> Mapping[str, Any]:
    return base.vendor(VENDOR).call("POST", GATEWAY, form={"method": method, **fields})


def _data(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """Raises TransientError while it is busy (nothing was done), PermanentError for what it does not take."""
    code, words = str(said.get("code") or ""), str(said.get("msg") or "")
    data = said.get("data")
    if code == OK and isinstance(data, Mapping):
        return data
    if code == BUSY:
        raise TransientError(words, vendor=VENDOR, code=code)
    if code and code != OK:
        raise PermanentError(words, vendor=VENDOR, code=code)
    raise UnknownOutcome("no code", vendor=VENDOR, code="malformed")


def read(data: Mapping[str, Any]) -> base.LeadAnswer:
    """Raises UnknownOutcome for an order without a state we know."""
    state = STATES.get(str(data.get("state")))
    if state is None:
        raise UnknownOutcome(f"state {data.get('state')!r}", vendor=VENDOR, code="malformed")
    return base.LeadAnswer(
        state=state,
        reference=str(data.get("order_no") or "")[:80],
        reason=str(data.get("memo") or ""),
        link=base.page(data.get("h5_url")),
        raw=dict(data),
    )


def read_callback(payload: Mapping[str, Any]) -> base.Callback:
    """{event_id, type, data: order with key}; an unreadable one has no answer."""
    data, kind = payload.get("data"), str(payload.get("type") or "")
    if not isinstance(data, Mapping) or kind != NOTIFY:
        return base.Callback(key="", type=kind, answer=None)
    key = str(data.get("key") or "")
    try:
        return base.Callback(key, kind, read(data))
    except UnknownOutcome:
        return base.Callback(key, kind, None)
