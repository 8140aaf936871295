"""Drawdowns, walked through the services of the product up to the state a test needs."""

from collections.abc import Sequence
from datetime import datetime
from itertools import count

from funding import services as funding
from funding.models import Allocation
from funding.providers.base import FunderAnswer, PaymentAnswer
from lending.services import drawdowns as lending
from lending.services import grants
from tests.factories.applications import judged
from tests.factories.borrowers import borrower, consent
from users.models import BankCard
from users.services import cards

CARDS = count(1)
SET_SHA256 = "ab" * 32


def luhn(digits: str) -> str:
    """`digits` with the check digit that makes a card number of them."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (2 if position % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    return digits + str(-total % 10)


def card(user_id: int, at: datetime) -> int:
    """A confirmed card; what the four elements and the code bring about is done here without asking anybody."""
    card_id = cards.add(user_id=user_id, number=luhn(f"622848{next(CARDS):012d}"), phone="13900000000", at=at)
    row = BankCard.objects.get(pk=card_id)
    row.checked()
    row.confirmed()
    row.bank, row.confirmed_at = "ABC", at
    row.save()
    return card_id


def requested(
    at: datetime,
    *,
    amount_cents: int = 1_000_000,
    months: int = 12,
    grade: str = "B",
    product_code: str = "LINE",
    candidates: Sequence[str] = ("HYF", "QTX"),
) -> int:
    """Confirmed by the borrower, to be asked of `candidates`; the bank's guarantor is named with it."""
    user_id = borrower(at)
    application_id = judged(
        at,
        "approve",
        grade=grade,
        reasons=(),
        user_id=user_id,
        amount_cents=amount_cents,
        months=months,
        product_code=product_code,
    )
    grant_id = grants.open(application_id=application_id, at=at)
    card_id = card(user_id, at)
    guarantors = ("AHG",) if "LJB" in candidates else ()
    named = (*candidates, *guarantors)
    return lending.confirm(
        grant_id=grant_id,
        amount_cents=amount_cents,
        months=months,
        method="equal_instalment",
        card_id=card_id,
        purpose="education",
        consent_id=consent(user_id, "funder_share", at, named),
        bureau_consent_id=consent(user_id, "funder_bureau", at, named),
        candidates=candidates,
        guarantors=guarantors,
        by=f"user:{user_id}",
        at=at,
    )


def routing(at: datetime, **asked: object) -> int:
    """Confirmed and checked: looking for a funder among its candidates."""
    drawdown_id = requested(at, **asked)  # type: ignore[arg-type]
    lending.record_check(drawdown_id=drawdown_id, outcome="approve", reasons=(), decision_id=None, at=at)
    return drawdown_id


def asking(at: datetime, **asked: object) -> Allocation:
    """Its first funder holds the reservation and is about to be asked."""
    allocation_id = funding.allocate(drawdown_id=routing(at, **asked), at=at)  # type: ignore[arg-type]
    return Allocation.objects.get(pk=allocation_id)


def signing(at: datetime, **asked: object) -> Allocation:
    """Its funder accepted."""
    allocation = asking(at, **asked)
    funding.settle_allocation(allocation_id=allocation.pk, answer=FunderAnswer("accepted"), at=at)
    allocation.refresh_from_db()
    return allocation


def signed(at: datetime, **asked: object) -> Allocation:
    """Its contract set is complete."""
    allocation = signing(at, **asked)
    lending.signed(drawdown_id=allocation.drawdown_id, contract_set_sha256=SET_SHA256, at=at)
    return allocation


def card_refused(at: datetime, drawdown_id: int) -> None:
    """A signed drawdown whose payout the bank sent back for its card's sake."""
    payout_id = funding.start_payout(drawdown_id=drawdown_id, at=at)
    assert payout_id
    funding.settle_payout(payout_id=payout_id, answer=PaymentAnswer("failed", fault="card", code="card_closed"), at=at)
