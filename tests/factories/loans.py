"""Loans, paid out by the services of the product, and what their books must say."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Sum

from lending.models import Entry, Journal, Loan
from lending.services import drawdowns, grants
from tests.factories.applications import judged
from tests.factories.borrowers import borrower, consent
from tests.factories.drawdowns import SET_SHA256, card

FUNDERS = ("HYF", "QTX")
NAMED = ("LJB", "HYF", "QTX", "AHG")
MODES = {"LJB": "direct", "HYF": "direct", "QTX": "own"}


@dataclass(frozen=True)
class Taker:
    """A borrower who may draw: a confirmed card, and the consents that name the funders."""

    user_id: int
    card_id: int
    share_id: int
    bureau_id: int

    @property
    def by(self) -> str:
        return f"user:{self.user_id}"


def taker(at: datetime, named: Iterable[str] = NAMED) -> Taker:
    user_id, named = borrower(at), tuple(named)
    return Taker(
        user_id,
        card(user_id, at),
        consent(user_id, "funder_share", at, named),
        consent(user_id, "funder_bureau", at, named),
    )


def granted(
    at: datetime,
    who: Taker,
    *,
    product_code: str = "LINE",
    grade: str = "B",
    amount_cents: int = 5_000_000,
    months: int = 24,
) -> int:
    """The grant's id."""
    application_id = judged(
        at,
        "approve",
        grade=grade,
        reasons=(),
        user_id=who.user_id,
        product_code=product_code,
        amount_cents=amount_cents,
        months=months,
    )
    return grants.open(application_id=application_id, at=at)


def requested(
    at: datetime,
    who: Taker,
    grant_id: int,
    *,
    amount_cents: int = 1_000_000,
    months: int = 12,
    method: str = "equal_instalment",
    candidates: Iterable[str] = FUNDERS,
) -> int:
    """The drawdown's id."""
    return drawdowns.confirm(
        grant_id=grant_id,
        amount_cents=amount_cents,
        months=months,
        method=method,
        card_id=who.card_id,
        purpose="education",
        consent_id=who.share_id,
        bureau_consent_id=who.bureau_id,
        candidates=list(candidates),
        by=who.by,
        at=at,
    )


def disbursing(at: datetime, drawdown_id: int, *, funder: str = "QTX", guarantee_rate: Decimal = Decimal(0)) -> None:
    drawdowns.record_check(drawdown_id=drawdown_id, outcome="approve", reasons=(), decision_id=None, at=at)
    drawdowns.funder_pending(
        drawdown_id=drawdown_id,
        funder_code=funder,
        guarantor_code="AHG",
        guarantee_rate=guarantee_rate,
        mode=MODES[funder],
        at=at,
    )
    drawdowns.funder_accepted(drawdown_id=drawdown_id, expires_at=at + timedelta(days=1), at=at)
    drawdowns.signed(drawdown_id=drawdown_id, contract_set_sha256=SET_SHA256, at=at)
    drawdowns.disbursing(drawdown_id=drawdown_id, at=at)


def paid_out(
    at: datetime,
    who: Taker,
    grant_id: int,
    *,
    funder: str = "QTX",
    guarantee_rate: Decimal = Decimal(0),
    **asked: object,
) -> Loan:
    drawdown_id = requested(at, who, grant_id, **asked)  # type: ignore[arg-type]
    disbursing(at, drawdown_id, funder=funder, guarantee_rate=guarantee_rate)
    return Loan.objects.get(pk=drawdowns.paid(drawdown_id=drawdown_id, paid_at=at, at=at))


def books(loan: Loan) -> dict[str, int]:
    """Balance of every account the loan has moved, debit positive; the ones at zero left out."""
    sums = Entry.objects.filter(journal__loan=loan).values_list("account__kind").annotate(cents=Sum("amount_cents"))
    return {kind: cents for kind, cents in sums if cents}


def check_books(loan: Loan) -> None:
    """Every journal balances, and every account says what the instalments and repayments say."""
    for journal in Journal.objects.filter(loan=loan).prefetch_related("entries"):
        assert sum(entry.amount_cents for entry in journal.entries.all()) == 0, journal
    loan.refresh_from_db()
    if loan.status == "CANCELLED":
        return
    lines = list(loan.instalments.all())
    repaid = loan.repayments.aggregate(cents=Sum("amount_cents"), over=Sum("surplus_cents"))
    cash = repaid["cents"] or 0
    expected = {
        "loan_principal": sum(line.open_principal_cents for line in lines),
        "interest_receivable": sum(line.accrued_interest_cents - line.paid_interest_cents for line in lines),
        "guarantee_fee_receivable": sum(
            line.accrued_guarantee_fee_cents - line.paid_guarantee_fee_cents for line in lines
        ),
        "guarantor_payable": -sum(line.accrued_guarantee_fee_cents for line in lines),
        "penalty_receivable": sum(line.open_penalty_cents for line in lines),
        "interest_income": -sum(line.accrued_interest_cents for line in lines),
        "penalty_income": -sum(line.penalty_cents for line in lines),
        "cash_in_transit": cash - (loan.principal_cents if loan.book == "own" else 0),
        "funder_payable": 0 if loan.book == "own" else -loan.principal_cents,
        "borrower_payable": -(repaid["over"] or 0),
    }
    assert books(loan) == {kind: cents for kind, cents in expected.items() if cents}
    assert sum(line.principal_cents for line in lines) == loan.principal_cents
    for row in loan.repayments.all():
        parts = row.principal_cents + row.interest_cents + row.guarantee_fee_cents + row.penalty_cents
        assert parts + row.surplus_cents == row.amount_cents
    if loan.status == "SETTLED":
        assert not any(line.open_cents for line in lines)
