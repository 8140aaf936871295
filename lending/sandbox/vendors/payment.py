"""The payment channel, protocol payment-v1: pays out to cards and collects from them, settles later, calls back.

An order is a plan made when it arrives: (instant, status) steps fixed in advance, so that a restart changes nothing
and any question about it is a look at the clock. The ledger counts only steps that have happened.
"""

from typing import Any
from uuid import uuid4

from .. import applicants
from ..control import between, chance
from ..door import Answer, Call, Happening, Refused, callbacks, once
from ..people import Person
from ..store import Callback, Effect, Store

FAULTS = {"card_closed": "card", "name_mismatch": "card", "payer_limit": "funder"}
MESSAGES = {
    "card_closed": "The account is closed",
    "name_mismatch": "The name is not the card holder's",
    "payer_limit": "The payer's limit for today is used up",
    "insufficient_funds": "Not enough money on the account",
    "account_returned": "The receiving bank returned the payment",
}
HOLD = "hang"  # the forced word for: done, but the answer never arrives and nobody calls back


def pay_out(call: Call) -> Answer:
    _check_order(call)
    person = call.person()
    outcome = call.forced(person) or _payout_outcome(call, person)
    held = outcome == HOLD

    def make() -> tuple[dict[str, Any], list[Callback]]:
        key, control = call.text("key"), call.control
        settled = call.now + between(control.settle_ms, "settle", key)
        steps: list[dict[str, Any]] = [{"at": call.now, "status": "processing"}]
        if outcome in FAULTS:
            steps.append({"at": settled, "status": "failed", "code": outcome})
        else:
            steps.append({"at": settled, "status": "succeeded"})
        if outcome == "returned":
            back = settled + between(control.return_ms, "return", key)
            steps.append({"at": back, "status": "returned", "code": "account_returned"})
        return _order(call, "payout", steps, quiet=held)

    record = once(call, make)
    return Answer(_view(call, record, at=call.now), 202, hold=held)


def collect(call: Call) -> Answer:
    _check_order(call)
    person = call.person()
    outcome = call.forced(person) or _collection_outcome(call, person)
    held = outcome == HOLD

    def make() -> tuple[dict[str, Any], list[Callback]]:
        key, asked = call.text("key"), call.cents("amount_cents")
        settled = call.now + between(call.control.settle_ms, "settle", key)
        partial = outcome == "partial" and call.body.get("allow_partial") is True and asked > 1
        if partial:
            last = {"status": "partial", "collected_cents": asked // 2, "code": "insufficient_funds"}
        elif outcome in ("partial", "insufficient_funds", "card_closed"):
            last = {"status": "failed", "code": "card_closed" if outcome == "card_closed" else "insufficient_funds"}
        else:
            last = {"status": "succeeded", "collected_cents": asked}
        return _order(
            call, "collection", [{"at": call.now, "status": "processing"}, {"at": settled} | last], quiet=held
        )

    record = once(call, make)
    return Answer(_view(call, record, at=call.now), 202, hold=held)


def query_payout(call: Call) -> Answer:
    return _query(call, "payout")


def query_collection(call: Call) -> Answer:
    return _query(call, "collection")


def ledger(store: Store, now: float) -> dict[str, Any]:
    """Money that moved until now: paid out negative, returned and collected positive. Oldest first."""
    entries = [entry for effect in store.effects("payment") for entry in _movements(effect, now)]
    kinds = ("payout", "return", "collection")
    totals = {kind: sum(entry["amount_cents"] for entry in entries if entry["kind"] == kind) for kind in kinds}
    return {"entries": sorted(entries, key=lambda entry: entry["at"]), "totals": totals}


def _movements(effect: Effect, now: float) -> list[dict[str, Any]]:
    record = effect.record
    moved = []
    for step in record["steps"]:
        kind = {"succeeded": record["kind"], "partial": "collection", "returned": "return"}.get(step["status"])
        if kind is None or step["at"] > now:
            continue
        amount = {"payout": -record["amount_cents"], "return": record["amount_cents"]}.get(kind)
        moved.append(
            {
                "key": effect.key,
                "kind": kind,
                "amount_cents": step["collected_cents"] if amount is None else amount,
                "card_last4": record["card_last4"],
                "name": record["name"],
                "at": step["at"],
            }
        )
    return moved


def _check_order(call: Call) -> None:
    call.text("key"), call.text("name"), call.cents("amount_cents")
    if call.body.get("currency", "CNY") != "CNY":
        raise Refused("currency_not_supported", "CNY only")
    if not applicants.is_card_number(call.text("card_number")):
        raise Refused("invalid_card", "not a card number")


def _payout_outcome(call: Call, person: Person | None) -> str:
    """What a demo identity's case asks for, or the digits of somebody else's number; everybody else is paid."""
    number = call.text("card_number")
    found = applicants.row_of_card(number)
    if found is None:
        fate = person.fate() if person else ""
        if fate == "closed_card":
            return "card_closed" if int(number[-1]) % 2 == 0 else "succeeded"
        return "returned" if fate == "returned" else "succeeded"
    row, batch, index = found
    if call.text("name") != applicants.name_of(row, batch):
        return "name_mismatch"
    if row == applicants.row_of_case("bad_card") and index == 0:
        return "card_closed"
    if row == applicants.row_of_case("unknown_payout"):
        return HOLD
    by_chance = not applicants.has_story(row) and chance(call.control.seed, "returns", row) < call.control.returns_rate
    return "returned" if by_chance or row == applicants.row_of_case("returned") else "succeeded"


def _collection_outcome(call: Call, person: Person | None) -> str:
    found = applicants.row_of_card(call.text("card_number"))
    if found and call.text("name") != applicants.name_of(found[0], found[1]):
        return "card_closed"
    part = chance(call.control.seed, "partial", call.text("key")) < call.control.partial_rate
    return "partial" if part else "succeeded"


def _order(call: Call, kind: str, steps: list[dict[str, Any]], *, quiet: bool) -> tuple[dict[str, Any], list[Callback]]:
    record = {
        "key": call.text("key"),
        "reference": f"PC{uuid4().hex[:18].upper()}",
        "kind": kind,
        "amount_cents": call.cents("amount_cents"),
        "card_last4": call.text("card_number")[-4:],
        "name": call.text("name"),
        "offset": call.offset,
        "steps": steps,
    }
    if quiet:
        return record, []
    happenings = [
        Happening(f"{kind}.{step['status']}", step["at"], _view(call, record, at=step["at"])) for step in steps[1:]
    ]
    return record, callbacks(call, happenings)


def _query(call: Call, kind: str) -> Answer:
    effect = call.store.effect(call.vendor, call.path["key"])
    if effect is None or effect.record["kind"] != kind:
        raise Refused("not_found", f"no {kind} under this key", 404)
    return Answer(_view(call, effect.record, at=call.now))


def _view(call: Call, record: dict[str, Any], *, at: float) -> dict[str, Any]:
    """The order as it stands at a real instant; times in the business time it was sent in."""
    past = [step for step in record["steps"] if step["at"] <= at]
    last, offset = past[-1], record["offset"] - call.offset
    times = {step["status"]: call.instant(step["at"] + offset) for step in past}
    code = last.get("code")
    view = {
        "key": record["key"],
        "reference": record["reference"],
        "kind": record["kind"],
        "status": last["status"],
        "amount_cents": record["amount_cents"],
        "fault": FAULTS.get(code or "") if record["kind"] == "payout" else None,
        "code": code,
        "message": MESSAGES.get(code or ""),
        "completed_at": next((times[word] for word in ("succeeded", "partial", "failed") if word in times), None),
    }
    if record["kind"] == "payout":
        return view | {"returned_at": times.get("returned")}
    return view | {"collected_cents": last.get("collected_cents", 0)}


ROUTES = (
    ("payment", "POST", "/payment/v1/payouts", pay_out),
    ("payment", "GET", "/payment/v1/payouts/{key}", query_payout),
    ("payment", "POST", "/payment/v1/collections", collect),
    ("payment", "GET", "/payment/v1/collections/{key}", query_collection),
)
