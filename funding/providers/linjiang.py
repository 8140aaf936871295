"""Linjiang City Bank, protocol linjiang-v1: one gateway, a transaction code in the head, every answer at HTTP 200.

Amounts are yuan as text, rates per cent a year, times the bank's local `yyyyMMddHHmmss`. LN1001 applies, LN1002
queries, LN1003 cancels; what the bank decides it tells by LN2001, and the query stands in for a lost one.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from lending.common.errors import PermanentError, TransientError, UnknownOutcome

from . import base

VENDOR = "linjiang"
GATEWAY = "/linjiang/gateway"
DECIDED = "LN2001"
OK, NO_SUCH, BUSY = "000000", "E0404", "E9001"

STATES: dict[str, Literal["pending", "accepted", "refused", "withdrawn"]] = {
    "1": "pending",
    "2": "accepted",
    "3": "refused",
    "4": "withdrawn",
}


class LinjiangV1:
    def submit(self, submission: base.Submission) -> base.FunderAnswer:
        body = {
            "notify_url": base.vendor(VENDOR).callback_url,
            "cust_name": submission.name,
            "cert_type": "01",
            "cert_no": submission.id_number,
            "mobile": submission.phone,
            "appl_amt": f"{Decimal(submission.amount_cents) / 100:.2f}",
            "appl_tnr": str(submission.months),
            "int_rate": f"{100 * (submission.annual_rate - submission.guarantee_rate):.4f}",
            "guar_rate": f"{100 * submission.guarantee_rate:.4f}",
            "rpym_mode": submission.method,
            "loan_use": submission.purpose,
            "prod_code": submission.product,
            "risk_level": submission.grade,
            "proj_no": submission.programme,
            "guar_no": submission.guarantor,
        }
        return _answer(_exchange("LN1001", submission.key, body))

    def query(self, key: str) -> base.FunderAnswer:
        return _answer(_exchange("LN1002", key, {}))

    def withdraw(self, key: str, reason: str) -> base.FunderAnswer:
        return _answer(_exchange("LN1003", key, {"cancel_reason": reason}))


def _exchange(code: str, key: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    head = {"txn_code": code, "serial_no": key}
    return base.vendor(VENDOR).call("POST", GATEWAY, {"head": head, "body": dict(body)})


def _answer(said: Mapping[str, Any]) -> base.FunderAnswer:
    """Raises TransientError while the bank is busy (nothing was done), PermanentError for what it does not take."""
    head = said.get("head")
    code = str(head.get("ret_code") or "") if isinstance(head, Mapping) else ""
    words = str(head.get("ret_msg") or "") if isinstance(head, Mapping) else ""
    if code == OK:
        return read(said.get("body"))
    if code == NO_SUCH:
        return base.FunderAnswer("absent", raw=dict(said))
    if code == BUSY:
        raise TransientError(words, vendor=VENDOR, code=code)
    if code:
        raise PermanentError(words, vendor=VENDOR, code=code)
    raise UnknownOutcome("no return code", vendor=VENDOR, code="malformed")


def read(body: object) -> base.FunderAnswer:
    """Raises UnknownOutcome for an application without a status we know."""
    state = STATES.get(str(body.get("appl_sts"))) if isinstance(body, Mapping) else None
    if state is None or not isinstance(body, Mapping):
        raise UnknownOutcome("no status that is known", vendor=VENDOR, code="malformed")
    words = " ".join(str(body[name]) for name in ("rej_code", "rej_desc") if body.get(name))
    return base.FunderAnswer(
        state=state, reference=str(body.get("appl_no") or ""), reason=words, valid_for=_valid_for(body), raw=dict(body)
    )


def _valid_for(body: Mapping[str, Any]) -> timedelta | None:
    decided, ends = _local(body.get("aprv_time")), _local(body.get("aprv_end_time"))
    return ends - decided if decided and ends and ends > decided else None


def _local(text: object) -> datetime | None:
    """Only ever subtracted from another of the bank's times, so it needs no zone."""
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S") if isinstance(text, str) else None  # noqa: DTZ007
    except ValueError:
        return None


def read_callback(payload: Mapping[str, Any]) -> base.Callback:
    """{event_id, type: "LN2001", data: {key, …}}; an unreadable one has no answer."""
    data, kind = payload.get("data"), str(payload.get("type") or "")
    if not isinstance(data, Mapping) or kind != DECIDED:
        return base.Callback(key="", type=kind, answer=None)
    try:
        return base.Callback(key=str(data.get("key") or ""), type=kind, answer=read(data))
    except UnknownOutcome:
        return base.Callback(key=str(data.get("key") or ""), type=kind, answer=None)
