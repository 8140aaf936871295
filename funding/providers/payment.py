"""The payment channel, protocol payment-v1: payouts and card debits by key, final by callback and by query."""

from collections.abc import Mapping
from typing import Any, Literal

from lending.common.errors import PermanentError, UnknownOutcome

from . import base

VENDOR = "payment"

STATES: dict[str, Literal["processing", "succeeded", "failed", "returned"]] = {
    "processing": "processing",
    "succeeded": "succeeded",
    "partial": "succeeded",
    "failed": "failed",
    "returned": "returned",
}


class PaymentV1:
    def pay(self, payment: base.Payment) -> base.PaymentAnswer:
        return self._order("payouts", payment, {})

    def query_payout(self, key: str) -> base.PaymentAnswer:
        return self._query("payouts", key)

    def collect(self, payment: base.Payment) -> base.PaymentAnswer:
        return self._order("collections", payment, {"allow_partial": payment.allow_partial})

    def query_collection(self, key: str) -> base.PaymentAnswer:
        return self._query("collections", key)

    def _order(self, what: str, payment: base.Payment, more: Mapping[str, Any]) -> base.PaymentAnswer:
        vendor = base.vendor(VENDOR)
        body = {
            "key": payment.key,
            "callback_url": vendor.callback_url,
            "amount_cents": payment.amount_cents,
            "currency": "CNY",
            "card_number": payment.card_number,
            "name": payment.name,
            **more,
        }
        try:
            return read(vendor.call("POST", f"/payment/v1/{what}", body))
        except PermanentError as error:
            if error.code == "invalid_card":
                return base.PaymentAnswer("failed", fault="card", code=error.code)
            raise

    def _query(self, what: str, key: str) -> base.PaymentAnswer:
        try:
            return read(base.vendor(VENDOR).call("GET", f"/payment/v1/{what}/{key}"))
        except PermanentError as error:
            if error.code == "not_found":
                return base.PaymentAnswer("absent")
            raise


def read(view: Mapping[str, Any]) -> base.PaymentAnswer:
    """Raises UnknownOutcome for a view without a status we know, or whose amounts are not whole cents."""
    state = STATES.get(str(view.get("status")))
    moved = view.get("collected_cents") if view.get("kind") == "collection" else view.get("amount_cents")
    if state is None or not isinstance(moved, int | None) or isinstance(moved, bool):
        raise UnknownOutcome(f"status {view.get('status')!r}", vendor=VENDOR, code="malformed")
    fault: Literal["", "card", "funder"] = ""
    if state == "failed":
        fault = "card" if view.get("fault") == "card" else "funder"
    return base.PaymentAnswer(
        state=state,
        reference=str(view.get("reference") or ""),
        fault=fault,
        code=str(view.get("code") or ""),
        moved_cents=(moved or 0) if state in ("succeeded", "returned") else 0,
        completed_at=base.instant(view.get("completed_at")),
        returned_at=base.instant(view.get("returned_at")),
        raw=dict(view),
    )


def read_callback(payload: Mapping[str, Any]) -> base.Callback:
    """{event_id, type: "payout.…" | "collection.…", data: view}; an unreadable one has no answer."""
    data, kind = payload.get("data"), str(payload.get("type") or "")
    if not isinstance(data, Mapping) or kind.partition(".")[0] not in ("payout", "collection"):
        return base.Callback(key="", type=kind, answer=None)
    try:
        return base.Callback(key=str(data.get("key") or ""), type=kind, answer=read(data))
    except UnknownOutcome:
        return base.Callback(key=str(data.get("key") or ""), type=kind, answer=None)
