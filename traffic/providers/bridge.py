"""Bridge Loans, protocol bridge-v1: JSON over REST, amounts in yuan as text; decides, pays out and takes back later,
tells of each by a callback, and can be asked by key.

Its precheck is blind: it is given the first four characters of a hash and answers with all hashes that begin so of
whom it does not take; which of them was meant, it never learns.
"""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from lending.common.errors import Invalid, PermanentError, UnknownOutcome
from lending.common.money import cents

from . import base

VENDOR = "bridge"
PREFIX = 4
EVENTS = ("lead.decided", "lead.paid", "lead.returned")
STATES: dict[str, Literal["pending", "accepted", "refused", "paid", "returned"]] = {
    "received": "pending",
    "approved": "accepted",
    "rejected": "refused",
    "disbursed": "paid",
    "cancelled": "returned",
}


class BridgeV1:
    def precheck(self, phone: str) -> bool:
        vendor = base.vendor(VENDOR)
        digest = vendor.digest(phone)
        said = vendor.call("POST", "/bridge/v1/precheck", {"prefix": digest[:PREFIX]})
        taken = said.get("not_taken")
        if not isinstance(taken, list):
            raise UnknownOutcome("no list of hashes", vendor=VENDOR, code="malformed")
        return digest not in taken

    def push(self, push: base.Push) -> base.LeadAnswer:
        vendor = base.vendor(VENDOR)
        body = {
            "key": push.key,
            "callback_url": vendor.callback_url,
            "applicant": {"name": push.name, "mobile": push.phone},
            "loan": {"amount": f"{Decimal(push.amount_cents) / 100:.2f}", "months": push.months},
            "consent": {
                "id": push.consent_id,
                "version": push.consent_version,
                "given_at": push.consent_given_at.isoformat(),
            },
        }
        return read(vendor.call("POST", "/bridge/v1/leads", body))

    def query(self, key: str) -> base.LeadAnswer:
        try:
            return read(base.vendor(VENDOR).call("GET", f"/bridge/v1/leads/{key}"))
        except PermanentError as error:
            if error.code == "not_found":
                return base.LeadAnswer("absent")
            raise


def read(view: Mapping[str, Any]) -> base.LeadAnswer:
    """Raises UnknownOutcome for a view without a status we know, or paid without an amount."""
    state = STATES.get(str(view.get("status")))
    paid = _paid(view.get("disbursed_amount"))
    if state is None or (state == "paid" and not paid):
        raise UnknownOutcome(f"status {view.get('status')!r}", vendor=VENDOR, code="malformed")
    return base.LeadAnswer(
        state=state,
        reference=str(view.get("lead_no") or "")[:80],
        reason=str(view.get("reason") or ""),
        link=base.page(view.get("continue_url")),
        paid_cents=paid,
        raw=dict(view),
    )


def _paid(text: object) -> int:
    try:
        return max(cents(text), 0) if isinstance(text, str) and len(text) < 20 else 0
    except (Invalid, InvalidOperation):
        return 0


def read_callback(payload: Mapping[str, Any]) -> base.Callback:
    """{event_id, type, data: view with key}; an unreadable one has no answer."""
    data, kind = payload.get("data"), str(payload.get("type") or "")
    if not isinstance(data, Mapping) or kind not in EVENTS:
        return base.Callback(key="", type=kind, answer=None)
    key = str(data.get("key") or "")
    try:
        return base.Callback(key, kind, read(data))
    except UnknownOutcome:
        return base.Callback(key, kind, None)
