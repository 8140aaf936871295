"""How far a draft has come: the steps of applying, and which of them are done."""

from datetime import datetime

from lending.queries.applications import ApplicationView
from lending.services.applications import CONSENTS_BEFORE_SUBMIT
from users import queries as users

STEPS = ("amount", "identity", "details", "contacts", "agreements")
DETAILS = {"province", "employment", "net_income_cents"}


def unfinished(application: ApplicationView, at: datetime) -> tuple[str, ...]:
    """The steps still to be done before the draft can be submitted, in order."""
    user_id = application.user_id
    missing = set(users.missing_details(user_id))
    is_checked = users.identity_result(user_id, at) is not None or identity_is_being_checked(user_id)
    lacking = [code for code in CONSENTS_BEFORE_SUBMIT if users.live_consent(user_id, code, "platform", at) is None]
    open_steps = {
        "amount": not application.amount_cents or not application.months or not application.purpose,
        "identity": bool(missing & {"name", "id_number"}) or not is_checked or "identity" in lacking,
        "details": bool(missing & DETAILS),
        "contacts": "contacts" in missing,
        "agreements": bool(set(lacking) - {"identity"}),
    }
    return tuple(step for step in STEPS if open_steps[step])


def identity_is_being_checked(user_id: int) -> bool:
    return any(check.kind == "id2" and check.state == "pending" for check in users.checks(user_id)[:1])
