"""Applications, walked through the services of the product up to the state a test needs."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from itertools import count

from lending.rules.terms import Terms
from lending.services import applications
from tests.factories.borrowers import borrower

DECISIONS = count(1)
RATES = {"A": "0.108", "B": "0.144", "C": "0.18", "D": "0.204"}


def submitted(
    at: datetime,
    *,
    user_id: int | None = None,
    product_code: str = "LINE",
    amount_cents: int = 1_000_000,
    months: int = 12,
    purpose: str = "education",
) -> int:
    owner = user_id or borrower(at)
    by = f"user:{owner}"
    application_id = applications.start(user_id=owner, product_code=product_code, channel_code="OWN", by=by, at=at)
    applications.submit(
        application_id=application_id,
        amount_cents=amount_cents,
        months=months,
        method="equal_instalment",
        purpose=purpose,
        by=by,
        at=at,
    )
    return application_id


def judged(
    at: datetime,
    outcome: str,
    *,
    grade: str = "D",
    reasons: Sequence[str] = ("S03",),
    offer_cents: int | None = None,
    with_offer: bool | None = None,
    **asked: object,
) -> int:
    """After the machine's verdict: approve, refer or decline; the machine offers nothing where it declines."""
    application_id = submitted(at, **asked)  # type: ignore[arg-type]
    applications.begin_assessment(application_id=application_id, at=at)
    terms = None
    if outcome != "decline" if with_offer is None else with_offer:
        amount_cents = offer_cents or int(str(asked.get("amount_cents", 1_000_000)))
        terms = Terms(amount_cents, int(str(asked.get("months", 12))), Decimal(RATES[grade]), "equal_instalment")
    applications.record_verdict(
        application_id=application_id,
        outcome=outcome,
        terms=terms,
        grade=grade,
        reasons=reasons,
        decision_id=next(DECISIONS),
        at=at,
    )
    return application_id
