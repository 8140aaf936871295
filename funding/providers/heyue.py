"""Heyue Consumer Finance, protocol heyue-v1: submit, then a callback; the query stands in for a lost one."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from lending.common.errors import PermanentError, UnknownOutcome

from . import base

VENDOR = "heyue"

STATES: dict[str, Literal["pending", "accepted", "refused", "withdrawn"]] = {
    "pending": "pending",
    "approved": "accepted",
    "refused": "refused",
    "withdrawn": "withdrawn",
}


class HeyueV1:
    def submit(self, submission: base.Submission) -> base.FunderAnswer:
        vendor = base.vendor(VENDOR)
        body = {
            "key": submission.key,
            "callback_url": vendor.callback_url,
            "applicant": {"name": submission.name, "id_number": submission.id_number, "phone": submission.phone},
            "amount_cents": submission.amount_cents,
            "months": submission.months,
            "annual_rate": str(submission.annual_rate),
            "method": submission.method,
            "purpose": submission.purpose,
            "product": submission.product,
            "grade": submission.grade,
            "programme": submission.programme,
        }
        return read(vendor.call("POST", "/heyue/v1/submissions", body))

    def query(self, key: str) -> base.FunderAnswer:
        try:
            return read(base.vendor(VENDOR).call("GET", f"/heyue/v1/submissions/{key}"))
        except PermanentError as error:
            if error.code == "not_found":
                return base.FunderAnswer("absent")
            raise

    def withdraw(self, key: str, reason: str) -> base.FunderAnswer:
        path = f"/heyue/v1/submissions/{key}/withdraw"
        try:
            return read(base.vendor(VENDOR).call("POST", path, {"key": key, "reason": reason}))
        except PermanentError as error:
            if error.code == "not_found":
                return base.FunderAnswer("absent")
            raise


def read(view: Mapping[str, Any]) -> base.FunderAnswer:
    """Raises UnknownOutcome for a view without a status we know."""
    state = STATES.get(str(view.get("status")))
    if state is None:
        raise UnknownOutcome(f"status {view.get('status')!r}", vendor=VENDOR, code="malformed")
    words = " ".join(str(view[name]) for name in ("reason_code", "reason") if view.get(name))
    return base.FunderAnswer(
        state=state,
        reference=str(view.get("reference") or ""),
        reason=words,
        valid_for=_valid_for(view),
        raw=dict(view),
    )


def _valid_for(view: Mapping[str, Any]) -> timedelta | None:
    decided, expires = base.instant(view.get("decided_at")), base.instant(view.get("expires_at"))
    return expires - decided if decided and expires and expires > decided else None


def read_callback(payload: Mapping[str, Any]) -> base.Callback:
    """{event_id, type: "submission.decided", data: view}; an unreadable one has no answer."""
    data, kind = payload.get("data"), str(payload.get("type") or "")
    if not isinstance(data, Mapping) or kind != "submission.decided":
        return base.Callback(key="", type=kind, answer=None)
    try:
        return base.Callback(key=str(data.get("key") or ""), type=kind, answer=read(data))
    except UnknownOutcome:
        return base.Callback(key=str(data.get("key") or ""), type=kind, answer=None)
