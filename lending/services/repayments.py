"""Money that comes back (还款): what is owed, what a repayment pays, settlement, and the right to give it all back."""

import builtins
from collections.abc import Sequence
from datetime import date, datetime

from django.db.models import F

from lending.common import clock
from lending.common.errors import Conflict, Invalid
from lending.common.money import format_cents
from lending.models import Grant, Instalment, Loan, LoanStatus, Repayment, ServicingTerm
from lending.models.loan import OWING
from lending.rules import accrual, allocation
from lending.services import grants, ledger, loans, loyalty
from users.services import messages


class NotOwed(Invalid):
    code, title = "amount_not_owed", "The amount is neither what is due nor what settles the loan"


class WithdrawalClosed(Conflict):
    code, title = "withdrawal_closed", "The time to give the money back without cost is over"


def due_now(loan: Loan, lines: Sequence[Instalment], as_of: date) -> int:
    """Open cents of everything due by `as_of`, penalty to that day, and of the next instalment after it."""
    total = 0
    for line in loans.owed(loan, lines, loans.charged_to(loan, as_of)):
        total += line.open_cents
        if line.due_on > as_of and line.open_cents:
            break
    return total


def settlement(loan: Loan, lines: Sequence[Instalment], as_of: date) -> accrual.Settlement:
    """What settles the loan on `as_of`: all principal, interest to the day, penalty; no fee."""
    as_of = loans.charged_to(loan, as_of)
    return accrual.settlement(
        as_of=as_of,
        value_date=loan.value_date,
        annual_rate=loan.interest_rate,
        instalments=loans.owed(loan, lines, as_of),
    )


def check_can_repay(*, loan_id: int, amount_cents: int, at: datetime) -> None:
    """Raises WrongState where nothing is owed, NotOwed unless the amount is at most what is due or settles the loan."""
    loan = loans.lock(loan_id)
    if loan.status not in OWING:
        raise loans.WrongState(f"The loan is {loan.status}.", state=loan.status)
    lines = builtins.list(loan.instalments.order_by("number"))
    as_of = clock.business_date(at)
    due, full = due_now(loan, lines, as_of), settlement(loan, lines, as_of).total_cents
    if amount_cents > due and amount_cents != full:
        raise NotOwed(
            f"Pay up to {format_cents(due)} of the instalments, or {format_cents(full)} to settle.",
            due_cents=due,
            settlement_cents=full,
        )


def post(*, loan_id: int, amount_cents: int, received_at: datetime, key: str, at: datetime) -> int:
    """Money has come in: split it by the order of the servicing terms and post it. The same key again: the same row.

    An amount that reaches the settlement of its day settles the loan; what is over is kept for the borrower.
    """
    loan = loans.lock(loan_id)
    existing = Repayment.objects.filter(key=key).first()
    if existing is not None:
        return existing.pk
    as_of, closed_through = clock.business_date(received_at), loan.accrued_through
    lines = builtins.list(loan.instalments.order_by("number"))
    owing, accruing = loan.status in OWING, loan.status in loans.ACCRUING
    if _gives_back(loan, amount_cents):
        return _give_back(loan, amount_cents, received_at, key, at)
    if accruing and as_of > closed_through:
        loans.accrue_to(loan, lines, as_of, at)
    elif accruing and as_of < closed_through:
        loans.accrue_to(loan, lines, as_of, at, key=f"accrual-{loan.pk}-before-{loan.repayments.count() + 1}")
    ending = settlement(loan, lines, as_of) if owing else None
    is_settled = ending is not None and amount_cents >= ending.total_cents
    if ending and is_settled:
        dues = [_due_of_charge(charge, as_of) for charge in ending.charges]
        _waive(lines, ending.charges)
    else:
        dues = [_due(line) for line in lines if owing and line.open_cents]
    order = allocation.read_order(_order(accrual.days_past_due(loans.owed(loan, lines, as_of), as_of)))
    split = allocation.allocate(amount_cents=amount_cents, dues=dues, order=order)
    by_number = {line.number: line for line in lines}
    for part in split.paid:
        _pay(by_number[part.number], part)
    for line in lines:
        if not line.open_cents and line.paid_at is None:
            line.paid_at = received_at
        line.save()
    repayment = _book(loan, split, amount_cents, "repayment", received_at, key, at)
    if is_settled and accruing:
        _earn_what_was_paid_ahead(loan, lines, repayment, as_of, at)
    elif accruing and as_of < closed_through:
        loans.accrue_to(loan, lines, closed_through, at, key=f"accrual-{loan.pk}-after-{loan.repayments.count()}")
        as_of = closed_through
    _after_payment(loan, lines, split.total(allocation.PRINCIPAL), as_of, at)
    _tell(loan, amount_cents, key, at)
    return repayment.pk


def _gives_back(loan: Loan, amount_cents: int) -> bool:
    """Whether this is the principal of a withdrawal that was asked for, and not a settlement later on."""
    return (
        loan.status == LoanStatus.ACTIVE
        and loan.withdrawal_requested_at is not None
        and amount_cents == loan.principal_cents
        and not loan.repayments.exists()
    )


def _earn_what_was_paid_ahead(
    loan: Loan, lines: Sequence[Instalment], repayment: Repayment, as_of: date, at: datetime
) -> None:
    """Interest and fee paid before their day are not given back on settlement: they are earned now, and nothing stays
    receivable."""
    ahead = sum(line.paid_interest_cents - line.accrued_interest_cents for line in lines)
    fee = sum(line.paid_guarantee_fee_cents - line.accrued_guarantee_fee_cents for line in lines)
    for line in lines:
        line.accrued_interest_cents = line.paid_interest_cents
        line.accrued_guarantee_fee_cents = line.paid_guarantee_fee_cents
        line.save(update_fields=["accrued_interest_cents", "accrued_guarantee_fee_cents"])
    if ahead or fee:
        ledger.post(
            key=f"accrual-settled-{repayment.pk}",
            kind="accrual",
            loan=loan,
            legs={
                "interest_receivable": ahead,
                "interest_income": -ahead,
                "guarantee_fee_receivable": fee,
                "guarantor_payable": -fee,
            },
            business_date=as_of,
            at=at,
        )


def _order(dpd: int) -> str:
    key = "allocation_over_90dpd" if dpd > 90 else "allocation_to_90dpd"
    return ServicingTerm.objects.get(pk=key).value


def _due(line: Instalment) -> allocation.Due:
    return allocation.Due(
        number=line.number,
        due_on=line.due_date,
        penalty_cents=line.open_penalty_cents,
        interest_cents=line.open_interest_cents,
        guarantee_fee_cents=line.open_guarantee_fee_cents,
        principal_cents=line.open_principal_cents,
    )


def _due_of_charge(charge: accrual.Charge, as_of: date) -> allocation.Due:
    return allocation.Due(
        number=charge.number,
        due_on=as_of,
        penalty_cents=charge.penalty_cents,
        interest_cents=charge.interest_cents,
        guarantee_fee_cents=charge.guarantee_fee_cents,
        principal_cents=charge.principal_cents,
    )


def _waive(lines: Sequence[Instalment], charges: Sequence[accrual.Charge]) -> None:
    """What is scheduled after the settlement never falls due."""
    for line, charge in zip(lines, charges, strict=True):
        line.waived_interest_cents += charge.waived_interest_cents
        line.guarantee_fee_cents -= charge.waived_guarantee_fee_cents


def _pay(line: Instalment, part: allocation.Due) -> None:
    line.paid_penalty_cents += part.penalty_cents
    line.paid_interest_cents += part.interest_cents
    line.paid_guarantee_fee_cents += part.guarantee_fee_cents
    line.paid_principal_cents += part.principal_cents


def _book(
    loan: Loan,
    split: allocation.Allocation,
    amount_cents: int,
    kind: str,
    received_at: datetime,
    key: str,
    at: datetime,
) -> Repayment:
    """The repayment row and its journal."""
    repayment = Repayment.objects.create(
        loan=loan,
        key=key,
        amount_cents=amount_cents,
        principal_cents=split.total(allocation.PRINCIPAL),
        interest_cents=split.total(allocation.INTEREST),
        guarantee_fee_cents=split.total(allocation.GUARANTEE_FEE),
        penalty_cents=split.total(allocation.PENALTY),
        surplus_cents=split.leftover_cents,
        received_at=received_at,
        posted_at=at,
    )
    legs = {
        "loan_principal": -repayment.principal_cents,
        "interest_receivable": -repayment.interest_cents,
        "guarantee_fee_receivable": -repayment.guarantee_fee_cents,
        "penalty_receivable": -repayment.penalty_cents,
    }
    if loan.status == LoanStatus.WRITTEN_OFF:
        legs = {"recovery_income": sum(legs.values())}
    ledger.post(
        key=f"repayment-{repayment.pk}",
        kind=kind,
        loan=loan,
        legs={"cash_in_transit": amount_cents, **legs, "borrower_payable": -repayment.surplus_cents},
        business_date=clock.business_date(received_at),
        at=at,
    )
    return repayment


def _after_payment(loan: Loan, lines: Sequence[Instalment], principal_cents: int, as_of: date, at: datetime) -> None:
    """Restore a line, settle or cure the loan, tell users about the history."""
    grant = loan.drawdown.grant
    if principal_cents and grants.restores(loan.product):
        Grant.objects.filter(pk=grant.pk).update(used_cents=F("used_cents") - principal_cents)
    if loan.status in OWING and not any(line.open_cents for line in lines):
        loan.dpd = 0
        loan.closed_at = at
        loans.move(loan, "settle", by="system", at=at)
        messages.queue(user_id=loan.user_id, template="loan_settled", params={}, key=f"settled-{loan.pk}", at=at)
    elif loan.status in (LoanStatus.ACTIVE, LoanStatus.OVERDUE):
        loans.age(loan, lines, as_of, at)
    loan.save()
    loyalty.recompute(user_id=loan.user_id, at=at)


def _tell(loan: Loan, amount_cents: int, key: str, at: datetime) -> None:
    messages.queue(
        user_id=loan.user_id,
        template="repayment_received",
        params={"amount": format_cents(amount_cents, loan.product.currency)},
        key=f"received-{key}"[:80],
        at=at,
    )


def request_withdrawal(*, loan_id: int, by: str, at: datetime) -> int:
    """The borrower gives the money back within the cooling-off hours. Returns the principal to collect, in cents."""
    loan = loans.lock(loan_id)
    hours = int(loans.term("cancel_free_hours_clock"))
    if loan.status != LoanStatus.ACTIVE or loan.repayments.exists():
        raise WithdrawalClosed(f"The loan is {loan.status}.", state=loan.status)
    amount_cents = accrual.cooling_off_amount(
        principal_cents=loan.principal_cents, paid_out_at=loan.opened_at, at=at, free_hours=hours
    )
    if loan.withdrawal_requested_at is None:
        loan.withdrawal_requested_at = at
        loan.save(update_fields=["withdrawal_requested_at"])
    return amount_cents


def _give_back(loan: Loan, amount_cents: int, received_at: datetime, key: str, at: datetime) -> int:
    """The principal is back: accruals are reversed, the loan is cancelled, nothing else is owed."""
    as_of = clock.business_date(received_at)
    back = allocation.Due(number=0, due_on=as_of, principal_cents=loan.principal_cents)
    split = allocation.Allocation((back,), amount_cents - loan.principal_cents)
    repayment = _book(loan, split, amount_cents, "withdrawal", received_at, key, at)
    loans.cancel(
        loan, reverse=("accrual",), used_cents=loan.principal_cents, by=f"user:{loan.user_id}", as_of=as_of, at=at
    )
    _tell(loan, amount_cents, key, at)
    return repayment.pk
