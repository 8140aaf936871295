"""Writes to a loan (借据): opening, accrual, ageing, cancellation, compensation, write-off. Money in: `repayments`."""

import builtins
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from django.db.models import F, Sum
from django_fsm import can_proceed

from lending.common import clock
from lending.common.errors import Conflict, NotFound
from lending.common.money import format_cents
from lending.models import Drawdown, Entry, Grant, Instalment, Loan, LoanCreditor, LoanStatus, ServicingTerm
from lending.rules import accrual, offer
from lending.services import events, grants, ledger, loyalty
from users.services import messages, notices

OWN_BOOK = "own"
ACCRUING = (LoanStatus.ACTIVE, LoanStatus.OVERDUE, LoanStatus.COMPENSATED)  # a written-off loan earns nothing more


class WrongState(Conflict):
    code, title = "wrong_state", "The present state does not allow this"


def lock(loan_id: int) -> Loan:
    """Lock application, grant, drawdown, loan, in this order."""
    keys = Loan.objects.filter(pk=loan_id).values_list("drawdown_id", "drawdown__grant_id").first()
    if keys is None:
        raise NotFound("There is no such loan.")
    drawdown_id, grant_id = keys
    grants.lock(grant_id)
    Drawdown.objects.select_for_update().get(pk=drawdown_id)
    return Loan.objects.select_for_update(of=("self",)).select_related("product", "drawdown__grant").get(pk=loan_id)


def open(*, drawdown: Drawdown, at: datetime) -> int:
    """The loan of a PAID drawdown: schedule from the actual payout day, creditor, first journal."""
    value_date = clock.business_date(drawdown.paid_at or at)
    plan = offer.quote(
        amount_cents=drawdown.amount_cents,
        months=drawdown.months,
        annual_rate=drawdown.annual_rate,
        method=drawdown.method,
        disbursed_on=value_date,
    )
    fees = offer.guarantee_fees(plan.lines, annual_rate=drawdown.annual_rate, guarantee_rate=drawdown.guarantee_rate)
    loan = Loan(
        drawdown=drawdown,
        user_id=drawdown.user_id,
        product=drawdown.product,
        principal_cents=drawdown.amount_cents,
        annual_rate=drawdown.annual_rate,
        guarantee_rate=drawdown.guarantee_rate,
        overdue_rate=offer.overdue_rate(drawdown.annual_rate),
        months=drawdown.months,
        method=drawdown.method,
        irr12=plan.irr12,
        xirr=plan.xirr,
        creditor=drawdown.funder_code,
        guarantor_code=drawdown.guarantor_code,
        book=OWN_BOOK if drawdown.mode == "own" else drawdown.funder_code,
        value_date=value_date,
        accrued_through=value_date,
        opened_at=at,
    )
    loan.save()
    if plan.xirr > drawdown.ceiling_xirr:
        _report_ceiling(loan, drawdown.ceiling_xirr, at)
    LoanCreditor.objects.create(loan=loan, creditor=loan.creditor, from_date=value_date)
    Instalment.objects.bulk_create(
        Instalment(
            loan=loan,
            number=line.number,
            due_date=line.due_on,
            principal_cents=line.principal_cents,
            interest_cents=line.interest_cents - fee,
            guarantee_fee_cents=fee,
        )
        for line, fee in zip(plan.lines, fees, strict=True)
    )
    ledger.post(
        key=f"payout-{drawdown.pk}",
        kind="payout",
        loan=loan,
        legs={"loan_principal": loan.principal_cents, ledger.funding_account(loan): -loan.principal_cents},
        business_date=value_date,
        at=at,
    )
    events.record(subject=loan, source="", actor="system", at=at)
    return loan.pk


def _report_ceiling(loan: Loan, ceiling: Decimal, at: datetime) -> None:
    """The actual payout day may cost a little more than the day of the contract. The money is out: people decide."""
    notices.raise_notice(
        kind="above_ceiling",
        subject=f"loan:{loan.pk}",
        text=f"{loan.xirr} a year from the payout day, above {ceiling}",
        at=at,
        severity="critical",
    )


def term(key: str) -> Decimal:
    return Decimal(ServicingTerm.objects.get(pk=key).value)


# --- day close ----------------------------------------------------------------------------------------------------


def accrue(*, loan_id: int, as_of: date, at: datetime) -> None:
    """Bring interest, penalty and days past due of an owing loan up to the end of `as_of`. Twice changes nothing."""
    loan = lock(loan_id)
    if loan.status not in ACCRUING or as_of <= loan.accrued_through:
        return
    lines, worst = builtins.list(loan.instalments.order_by("number")), loan.max_dpd
    accrue_to(loan, lines, as_of, at)
    age(loan, lines, as_of, at)
    loan.save()
    if loan.max_dpd > worst:
        loyalty.recompute(user_id=loan.user_id, at=at)


def accrue_to(loan: Loan, lines: Sequence[Instalment], as_of: date, at: datetime, *, key: str = "") -> None:
    """Bring accrued interest, guarantee fee and penalty to the end of `as_of`; post the difference in one journal.

    Backward too, with a `key` of its own, where money turns out to have come before a day that is closed: penalty
    of the later days is taken back as far as it is not paid.
    """
    grace = int(term("grace_days"))
    first, last = sorted((loan.accrued_through, as_of))
    interest = fee = penalty = 0
    starts_on, balance = loan.value_date, loan.principal_cents
    for line in lines:
        earned = accrual.interest_to(
            as_of=as_of,
            starts_on=starts_on,
            due_on=line.due_date,
            balance_cents=balance,
            interest_cents=line.interest_cents - line.waived_interest_cents,
            annual_rate=loan.interest_rate,
            due_day=loan.value_date.day,
        )
        guaranteed = accrual.fee_to(
            interest_cents=earned,
            scheduled_interest_cents=line.interest_cents - line.waived_interest_cents,
            fee_cents=line.guarantee_fee_cents if line.due_date <= as_of or earned else 0,
        )
        owed = accrual.penalty_between(
            since=first,
            until=last,
            due_on=line.due_date,
            principal_cents=line.open_principal_cents,
            overdue_rate=loan.overdue_rate,
            grace_days=grace,
        )
        if as_of < loan.accrued_through:
            owed = -min(owed, line.open_penalty_cents)
        interest += earned - line.accrued_interest_cents
        fee += guaranteed - line.accrued_guarantee_fee_cents
        penalty += owed
        line.accrued_interest_cents, line.accrued_guarantee_fee_cents = earned, guaranteed
        line.penalty_cents += owed
        line.save(update_fields=["accrued_interest_cents", "accrued_guarantee_fee_cents", "penalty_cents"])
        starts_on, balance = line.due_date, balance - line.principal_cents
    loan.accrued_through = as_of
    if interest or fee or penalty:
        ledger.post(
            key=key or f"accrual-{loan.pk}-{as_of:%Y%m%d}",
            kind="accrual",
            loan=loan,
            legs={
                "interest_receivable": interest,
                "interest_income": -interest,
                "guarantee_fee_receivable": fee,
                "guarantor_payable": -fee,
                "penalty_receivable": penalty,
                "penalty_income": -penalty,
            },
            business_date=as_of,
            at=at,
        )


def age(loan: Loan, lines: Sequence[Instalment], as_of: date, at: datetime) -> None:
    """Days past due of the oldest open instalment; ACTIVE ⇄ OVERDUE; the line frozen from the first day."""
    oldest = next((line for line in lines if line.open_cents), None)
    loan.dpd = max((as_of - oldest.due_date).days, 0) if oldest else 0
    loan.max_dpd = max(loan.max_dpd, loan.dpd)
    if loan.dpd and loan.status == LoanStatus.ACTIVE:
        move(loan, "fall_overdue", by="system", at=at, reason=f"{loan.dpd} days past due")
        _warn(loan, lines, as_of, at)
        if can_proceed(loan.drawdown.grant.freeze):
            grants.freeze(grant_id=loan.drawdown.grant_id, reason="overdue", by="system", at=at)
    elif not loan.dpd and loan.status == LoanStatus.OVERDUE:
        move(loan, "cure", by="system", at=at)


def _warn(loan: Loan, lines: Sequence[Instalment], as_of: date, at: datetime) -> None:
    late = sum(line.open_cents for line in lines if line.due_date < as_of)
    messages.queue(
        user_id=loan.user_id,
        template="loan_overdue",
        params={"amount": format_cents(late, loan.product.currency), "days": loan.dpd},
        key=f"overdue-{loan.pk}-{as_of:%Y%m%d}",
        at=at,
    )


def charged_to(loan: Loan, as_of: date) -> date:
    """The day up to which `as_of` charges the loan: one that earns nothing more stays where it was closed."""
    return max(as_of, loan.value_date) if loan.status in ACCRUING else loan.accrued_through


def owed(loan: Loan, lines: Sequence[Instalment], as_of: date) -> builtins.list[accrual.Owed]:
    grace = int(term("grace_days"))
    return [_owed_row(loan, line, as_of, grace) for line in lines]


def _owed_row(loan: Loan, line: Instalment, as_of: date, grace_days: int) -> accrual.Owed:
    """The row as the rules read it, its penalty brought up to `as_of`."""
    newer_penalty = accrual.penalty_between(
        since=loan.accrued_through,
        until=as_of,
        due_on=line.due_date,
        principal_cents=line.open_principal_cents,
        overdue_rate=loan.overdue_rate,
        grace_days=grace_days,
    )
    return accrual.Owed(
        number=line.number,
        due_on=line.due_date,
        principal_cents=line.principal_cents,
        interest_cents=line.interest_cents - line.waived_interest_cents,
        guarantee_fee_cents=line.guarantee_fee_cents,
        penalty_cents=line.penalty_cents + newer_penalty,
        paid_principal_cents=line.paid_principal_cents,
        paid_interest_cents=line.paid_interest_cents,
        paid_guarantee_fee_cents=line.paid_guarantee_fee_cents,
        paid_penalty_cents=line.paid_penalty_cents,
    )


# --- the bank's return -----------------------------------------------------------------------------------------------


def cancel_returned(*, loan_id: int, at: datetime) -> None:
    """The bank sent the payout back (退票): every journal is reversed and the loan cancelled.

    What the borrower had repaid meanwhile is theirs again.
    """
    loan, as_of = lock(loan_id), clock.business_date(at)
    for journal in loan.journals.filter(kind="repayment", reversed_by=None).order_by("pk"):
        cents = journal.entries.get(account__kind="cash_in_transit").amount_cents
        ledger.reverse(journal=journal, key=f"reverse-{journal.pk}", business_date=as_of, at=at)
        ledger.post(
            key=f"refund-{journal.pk}",
            kind="refund_owed",
            loan=loan,
            legs={"cash_in_transit": cents, "borrower_payable": -cents},
            business_date=as_of,
            at=at,
        )
    repaid = loan.repayments.aggregate(cents=Sum("principal_cents"))["cents"] or 0
    used_cents = loan.principal_cents - (repaid if grants.restores(loan.product) else 0)
    cancel(loan, reverse=("accrual", "payout"), used_cents=used_cents, by="vendor:payment", as_of=as_of, at=at)


def cancel(loan: Loan, *, reverse: Sequence[str], used_cents: int, by: str, as_of: date, at: datetime) -> None:
    for journal in loan.journals.filter(kind__in=reverse, reversed_by=None).order_by("pk"):
        ledger.reverse(journal=journal, key=f"reverse-{journal.pk}", business_date=as_of, at=at)
    loan.closed_at = at
    loan.dpd = 0
    move(loan, "cancel", by=by, at=at)
    loan.save()
    Grant.objects.filter(pk=loan.drawdown.grant_id).update(used_cents=F("used_cents") - used_cents)


# --- compensation and write-off --------------------------------------------------------------------------------------


def compensate(*, loan_id: int, by: str, at: datetime) -> Mapping[str, int]:
    """The guarantor has paid the creditor (代偿): it is the creditor from that day; the borrower still owes.

    What was paid, in cents by account of the claim. Raises WrongState where it is not overdue, or has no guarantor.
    """
    loan = lock(loan_id)
    check_can(loan, "compensate")
    if not loan.guarantor_code:
        raise WrongState("This loan has no guarantor.")
    as_of = clock.business_date(at)
    claim = _claim(loan)
    settled_with = "cash_in_transit" if loan.book == OWN_BOOK else "funder_payable"
    out = {account: -cents for account, cents in claim.items()} | {settled_with: sum(claim.values())}
    ledger.post(key=f"compensated-{loan.pk}", kind="compensation", loan=loan, legs=out, business_date=as_of, at=at)
    loan.book = loan.creditor = loan.guarantor_code
    taken = claim | {"guarantor_payable": -sum(claim.values())}
    ledger.post(key=f"claim-taken-{loan.pk}", kind="claim_taken", loan=loan, legs=taken, business_date=as_of, at=at)
    LoanCreditor.objects.update_or_create(loan=loan, from_date=as_of, defaults={"creditor": loan.creditor})
    move(loan, "compensate", by=by, at=at)
    loan.save()
    messages.queue(user_id=loan.user_id, template="loan_compensated", params={}, key=f"compensated-{loan.pk}", at=at)
    return claim


def write_off(*, loan_id: int, by: str, at: datetime) -> None:
    """Not expected back (核销): out of the books at what is open. The debt remains; what still comes is a recovery."""
    loan = lock(loan_id)
    check_can(loan, "write_off")
    claim = _claim(loan)
    legs = {account: -cents for account, cents in claim.items()} | {"write_off_loss": sum(claim.values())}
    as_of = clock.business_date(at)
    ledger.post(key=f"written-off-{loan.pk}", kind="write_off", loan=loan, legs=legs, business_date=as_of, at=at)
    move(loan, "write_off", by=by, at=at)
    loan.save()


CLAIM_ACCOUNTS = ("loan_principal", "interest_receivable", "guarantee_fee_receivable", "penalty_receivable")


def _claim(loan: Loan) -> dict[str, int]:
    """What the loan's book says it is owed, by account."""
    sums = (
        Entry.objects.filter(journal__loan=loan, account__book=loan.book, account__kind__in=CLAIM_ACCOUNTS)
        .values_list("account__kind")
        .annotate(total=Sum("amount_cents"))
    )
    return {kind: total for kind, total in sums if total}


def check_can(loan: Loan, transition: str) -> None:
    if not can_proceed(getattr(loan, transition)):
        raise WrongState(f"The loan is {loan.status}.", state=loan.status)


def move(loan: Loan, transition: str, *, by: str, at: datetime, reason: str = "") -> None:
    check_can(loan, transition)
    source = loan.status
    getattr(loan, transition)()
    events.record(subject=loan, source=source, actor=by, at=at, reason=reason)
