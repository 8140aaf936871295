"""What this app holds about a borrower, as it is handed over to them."""

from lending.common.held import Held, Rows, all_rows
from review.models import Case, PhoneAnswer, PhoneAttempt, PhoneCheck

HELD = (
    Held(Case, "borrower_id", only=("round", "status", "outcome", "is_appeal", "opened_at", "closed_at")),
    Held(PhoneCheck, "case__borrower_id", only=("callee", "state", "result", "started_at", "finished_at")),
    Held(PhoneAttempt, "case__borrower_id", only=("callee", "number_masked", "called_at", "result")),
    Held(PhoneAnswer, "check_of__case__borrower_id", only=("answer", "agreement", "answered_at")),
)
_STAFF = "Says how our staff work, not who you are"
_WORKING = "Working papers of a review: its result and reasons are in the file; ask a person for the rest"
LEFT_OUT = {
    "review.CaseAction": _WORKING,
    "review.CaseNote": _WORKING,
    "review.Attachment": _WORKING,
    "review.ChecklistTick": _WORKING,
    "review.Override": _STAFF,
    "review.SecondLook": _STAFF,
    "review.Skip": _STAFF,
    "review.Recusal": _STAFF,
    "review.QueueMember": _STAFF,
    "review.ReviewDay": _STAFF,
    "review.Reviewer": _STAFF,
    "review.SavedFilter": _STAFF,
}


def held(user_id: int) -> Rows:
    return all_rows(HELD, user_id)
