"""What this app holds about a borrower, as it is handed over to them."""

from lending.common.held import Held, Rows, all_rows
from risk.models import Assessment, DataPull, Decision, Exemption

HELD = (
    Held(Assessment, "user_id", without=("last_error",)),
    Held(DataPull, "user_id"),
    Held(Decision, "assessment__user_id", without=("output", "hits", "engine", "experiment", "arm", "latency_us")),
    Held(Exemption, "user_id"),
)
LEFT_OUT = {
    "risk.Decision.output": "How our rules are written; what they looked at, what came of it and why is in the file",
    "risk.ShadowDecision": "Tried beside a decision; nobody acts on it",
}


def held(user_id: int) -> Rows:
    return all_rows(HELD, user_id)
