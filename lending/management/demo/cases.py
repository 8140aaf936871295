"""What each applicant of a batch does: the usual way, and the forced cases of the demo configuration."""

from dataclasses import dataclass
from typing import Any

from lending.management.demo.borrower import Borrower, Refused
from lending.sandbox.applicants import row_of_case

SUPPLEMENT, APPEAL = row_of_case("supplement"), row_of_case("appeal")
EXPIRES_UNSIGNED, CANCELS = row_of_case("unsigned"), row_of_case("cancelled")
GIVES_BACK, OVERDUE = row_of_case("given_back"), row_of_case("overdue")
COMPENSATED = row_of_case("compensated")
TWO_DRAWDOWNS, SETTLES_EARLY = row_of_case("two_drawdowns"), row_of_case("early_settlement")
TRY_AGAIN = "N01"  # a source did not answer: the borrower is told so, and may apply again at once
CHOOSES_EVERY = 2  # every second who is refused takes the best offer of another platform, where there is one
REPAYS_EVERY = 4  # every fourth paid-out borrower repays the first instalment at once


@dataclass(frozen=True, slots=True)
class Ending:
    """Where a borrower stopped, as the API shows it. `waits`: rests only after the clock has moved on."""

    row: int
    application_id: str
    waits: bool = False


def play(borrower: Borrower) -> Ending:
    """From the phone number to rest."""
    row = borrower.person.row
    borrower.sign_in()
    borrower.fill_in()
    application_id = borrower.apply()
    application = borrower.await_verdict(application_id, also=("SUPPLEMENT",))
    if application["status"] == "SUPPLEMENT":
        borrower.answer_supplement(application_id)
        application = borrower.await_verdict(application_id)
    if application["status"] == "DECLINED" and TRY_AGAIN in _reasons(application):
        application_id = borrower.apply()
        application = borrower.await_verdict(application_id)
    if application["status"] == "DECLINED" and row == APPEAL:
        borrower.call("POST", f"applications/{application_id}/appeal", json={"reason": "Please look at my savings."})
        application = borrower.await_verdict(application_id)
    if application["status"] == "DECLINED" and row % CHOOSES_EVERY == 0:
        borrower.choose_offer()
    if application["status"] != "GRANTED":
        return Ending(row, application_id)
    return Ending(row, application_id, waits=_use(borrower, application["grant_id"]))


def _reasons(application: dict[str, Any]) -> set[str]:
    return {reason["code"] for reason in application.get("reasons", ())}


def _use(borrower: Borrower, grant_id: str) -> bool:
    """Draw, sign, be paid, repay; true where only time ends it."""
    row = borrower.person.row
    card_id = borrower.bind_card()
    half = borrower.grant(grant_id)["limit_cents"] // 2 // 10_000 * 10_000 if row == TWO_DRAWDOWNS else None
    drawdown_id = borrower.draw(grant_id, card_id, amount_cents=half)
    drawdown = borrower.await_drawdown(drawdown_id, "SIGNING")
    if row == EXPIRES_UNSIGNED and drawdown["status"] == "SIGNING":
        return True
    if row == CANCELS and drawdown["status"] == "SIGNING":
        borrower.call("POST", f"drawdowns/{drawdown_id}/cancel")
        return False
    drawdown = _sign_and_wait(borrower, drawdown_id)
    if row == TWO_DRAWDOWNS and drawdown["status"] == "PAID":
        second = borrower.draw(grant_id, card_id)
        borrower.await_drawdown(second, "SIGNING")
        _sign_and_wait(borrower, second)
    if drawdown["status"] == "PAID":
        _repay(borrower, drawdown)
    return False


def _sign_and_wait(borrower: Borrower, drawdown_id: str) -> dict[str, object]:
    """Sign whatever asks for it (a funder may change after signing) until the drawdown rests."""
    drawdown: dict[str, object] = borrower.await_drawdown(drawdown_id, "SIGNING", "CARD_FIX")
    while drawdown["status"] in ("SIGNING", "CARD_FIX"):
        try:
            if drawdown["status"] == "CARD_FIX":
                borrower.change_card(drawdown_id, borrower.bind_card(1))
            borrower.sign(drawdown_id)
        except Refused as refused:
            if refused.status != 409:
                raise  # it moved on meanwhile: look again
        drawdown = _next(borrower, drawdown_id, str(drawdown["status"]))
    return drawdown


def _next(borrower: Borrower, drawdown_id: str, left: str) -> dict[str, object]:
    """The drawdown once it has left the state it was signed in."""
    found: dict[str, object] = borrower.until(
        lambda: next((d for d in [borrower.drawdown(drawdown_id)] if d["status"] != left), None),
        what=f"the drawdown to leave {left}",
    )
    return borrower.await_drawdown(drawdown_id, "SIGNING", "CARD_FIX") if found else found


def _repay(borrower: Borrower, drawdown: dict[str, object]) -> None:
    loan_id = str(drawdown["loan_id"])
    if borrower.person.row == GIVES_BACK:
        borrower.give_back(loan_id)
    elif borrower.person.row == SETTLES_EARLY:
        quote = borrower.call("GET", f"loans/{loan_id}/settlement-quote")
        borrower.repay(loan_id, quote["amount_cents"])
    elif borrower.person.row % REPAYS_EVERY == 0:
        borrower.repay_next(drawdown)


def cure(borrower: Borrower, ending: Ending) -> Ending:
    """Sign in again after the instalment fell due, and pay what the loan says is late."""
    borrower.sign_in()
    loan = borrower.call("GET", "loans")[0]
    borrower.repay(loan["id"], loan["next_due"]["open_cents"])
    return ending
