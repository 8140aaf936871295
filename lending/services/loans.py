"""Every write to a loan (借据): opening, accrual, repayment, settlement, cancellation, compensation, write-off."""

import builtins
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db.models import F, Max, Q, Sum
from django_fsm import can_proceed

from lending.common import clock
from lending.common.errors import Conflict, Invalid, NotFound
from lending.common.money import format_cents
from lending.models import Drawdown, Entry, Grant, Instalment, Loan, LoanCreditor, LoanStatus, Repayment, ServicingTerm
from lending.models.loan import OWING
from lending.rules import accrual, allocation, offer
from lending.services import events, grants, ledger
from users.rules.levels import LoanHistory
from users.services import levels, messages, notices

OWN_BOOK = "own"
ACCRUING = (LoanStatus.ACTIVE, LoanStatus.OVERDUE, LoanStatus.COMPENSATED)  # a written-off loan earns nothing more


class WrongState(Conflict):
    code, title = "wrong_state", "The present state does not allow this"


class NotOwed(Invalid):
    code, title = "amount_not_owed", "The amount is neither what is due nor what settles the loan"


class WithdrawalClosed(Conflict):
    code, title = "withdrawal_closed", "The time to give the money back without cost is over"


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
    loan = Loan(
        drawdown=drawdown,
        user_id=drawdown.user_id,
        product=drawdown.product,
        principal_cents=drawdown.amount_cents,
        annual_rate=drawdown.annual_rate,
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
            interest_cents=line.interest_cents,
        )
        for line in plan.lines
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


def _term(key: str) -> Decimal:
    return Decimal(ServicingTerm.objects.get(pk=key).value)


# --- day close ----------------------------------------------------------------------------------------------------


def accrue(*, loan_id: int, as_of: date, at: datetime) -> None:
    """Bring interest, penalty and days past due of an owing loan up to the end of `as_of`. Twice changes nothing."""
    loan = lock(loan_id)
    if loan.status not in ACCRUING or as_of <= loan.accrued_through:
        return
    lines = builtins.list(loan.instalments.order_by("number"))
    _accrue(loan, lines, as_of, at)
    _age(loan, lines, as_of, at)
    loan.save()


def _accrue(loan: Loan, lines: Sequence[Instalment], as_of: date, at: datetime, *, key: str = "") -> None:
    """Bring accrued interest and penalty to the end of `as_of` and post the difference in one journal.

    Backward too, with a `key` of its own, where money turns out to have come before a day that is closed: penalty
    of the later days is taken back as far as it is not paid.
    """
    grace = int(_term("grace_days"))
    first, last = sorted((loan.accrued_through, as_of))
    interest = penalty = 0
    starts_on, balance = loan.value_date, loan.principal_cents
    for line in lines:
        earned = accrual.interest_to(
            as_of=as_of,
            starts_on=starts_on,
            due_on=line.due_date,
            balance_cents=balance,
            interest_cents=line.interest_cents - line.waived_interest_cents,
            annual_rate=loan.annual_rate,
            due_day=loan.value_date.day,
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
        penalty += owed
        line.accrued_interest_cents = earned
        line.penalty_cents += owed
        line.save(update_fields=["accrued_interest_cents", "penalty_cents"])
        starts_on, balance = line.due_date, balance - line.principal_cents
    loan.accrued_through = as_of
    if interest or penalty:
        ledger.post(
            key=key or f"accrual-{loan.pk}-{as_of:%Y%m%d}",
            kind="accrual",
            loan=loan,
            legs={
                "interest_receivable": interest,
                "interest_income": -interest,
                "penalty_receivable": penalty,
                "penalty_income": -penalty,
            },
            business_date=as_of,
            at=at,
        )


def _age(loan: Loan, lines: Sequence[Instalment], as_of: date, at: datetime) -> None:
    """Days past due of the oldest open instalment; ACTIVE ⇄ OVERDUE; the line frozen from the first day."""
    oldest = next((line for line in lines if line.open_cents), None)
    loan.dpd = max((as_of - oldest.due_date).days, 0) if oldest else 0
    loan.max_dpd = max(loan.max_dpd, loan.dpd)
    if loan.dpd and loan.status == LoanStatus.ACTIVE:
        _move(loan, "fall_overdue", by="system", at=at, reason=f"{loan.dpd} days past due")
        _warn(loan, lines, as_of, at)
        if can_proceed(loan.drawdown.grant.freeze):
            grants.freeze(grant_id=loan.drawdown.grant_id, reason="overdue", by="system", at=at)
    elif not loan.dpd and loan.status == LoanStatus.OVERDUE:
        _move(loan, "cure", by="system", at=at)


def _warn(loan: Loan, lines: Sequence[Instalment], as_of: date, at: datetime) -> None:
    late = sum(line.open_cents for line in lines if line.due_date < as_of)
    messages.queue(
        user_id=loan.user_id,
        template="loan_overdue",
        params={"amount": format_cents(late, loan.product.currency), "days": loan.dpd},
        key=f"overdue-{loan.pk}-{as_of:%Y%m%d}",
        at=at,
    )


# --- repayment ----------------------------------------------------------------------------------------------------


def due_now(lines: Sequence[Instalment], as_of: date) -> int:
    """Open cents of everything due by `as_of` and of the next instalment after it."""
    total = 0
    for line in lines:
        total += line.open_cents
        if line.due_date > as_of and line.open_cents:
            break
    return total


def settlement(loan: Loan, lines: Sequence[Instalment], as_of: date) -> accrual.Settlement:
    """What settles the loan on `as_of`: all principal, interest to the day, penalty; no fee."""
    as_of = max(as_of, loan.value_date) if loan.status in ACCRUING else loan.accrued_through
    return accrual.settlement(
        as_of=as_of,
        value_date=loan.value_date,
        annual_rate=loan.annual_rate,
        instalments=_rows(loan, lines, as_of),
    )


def _rows(loan: Loan, lines: Sequence[Instalment], as_of: date) -> builtins.list[accrual.Owed]:
    grace = int(_term("grace_days"))
    return [_owed(loan, line, as_of, grace) for line in lines]


def _owed(loan: Loan, line: Instalment, as_of: date, grace_days: int) -> accrual.Owed:
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


def check_can_repay(*, loan_id: int, amount_cents: int, at: datetime) -> None:
    """Raises WrongState where nothing is owed, NotOwed unless the amount is at most what is due or settles the loan."""
    loan = lock(loan_id)
    if loan.status not in OWING:
        raise WrongState(f"The loan is {loan.status}.", state=loan.status)
    lines = builtins.list(loan.instalments.order_by("number"))
    as_of = clock.business_date(at)
    due, full = due_now(lines, as_of), settlement(loan, lines, as_of).total_cents
    if amount_cents > due and amount_cents != full:
        raise NotOwed(
            f"Pay up to {format_cents(due)} of the instalments, or {format_cents(full)} to settle.",
            due_cents=due,
            settlement_cents=full,
        )


def post_repayment(*, loan_id: int, amount_cents: int, received_at: datetime, key: str, at: datetime) -> int:
    """Money has come in: split it by the order of the servicing terms and post it. The same key again: the same row.

    An amount that reaches the settlement of its day settles the loan; what is over is kept for the borrower.
    """
    loan = lock(loan_id)
    existing = Repayment.objects.filter(key=key).first()
    if existing is not None:
        return existing.pk
    as_of, closed_through = clock.business_date(received_at), loan.accrued_through
    lines = builtins.list(loan.instalments.order_by("number"))
    owing, accruing = loan.status in OWING, loan.status in ACCRUING
    if _gives_back(loan, amount_cents):
        return _give_back(loan, amount_cents, received_at, key, at)
    if accruing and as_of > closed_through:
        _accrue(loan, lines, as_of, at)
    elif accruing and as_of < closed_through:
        _accrue(loan, lines, as_of, at, key=f"accrual-{loan.pk}-before-{loan.repayments.count() + 1}")
    ending = settlement(loan, lines, as_of) if owing else None
    is_settled = ending is not None and amount_cents >= ending.total_cents
    if ending and is_settled:
        dues = [_due_of_charge(charge, as_of) for charge in ending.charges]
        _waive(lines, ending.charges)
    else:
        dues = [_due(line) for line in lines if owing and line.open_cents]
    order = allocation.read_order(_order(accrual.days_past_due(_rows(loan, lines, as_of), as_of)))
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
        _accrue(loan, lines, closed_through, at, key=f"accrual-{loan.pk}-after-{loan.repayments.count()}")
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
    """Interest paid before its day is not given back on settlement: it is income now, and nothing stays receivable."""
    ahead = sum(line.paid_interest_cents - line.accrued_interest_cents for line in lines)
    for line in lines:
        line.accrued_interest_cents = line.paid_interest_cents
        line.save(update_fields=["accrued_interest_cents"])
    if ahead:
        ledger.post(
            key=f"accrual-settled-{repayment.pk}",
            kind="accrual",
            loan=loan,
            legs={"interest_receivable": ahead, "interest_income": -ahead},
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
        _move(loan, "settle", by="system", at=at)
        messages.queue(user_id=loan.user_id, template="loan_settled", params={}, key=f"settled-{loan.pk}", at=at)
    elif loan.status in (LoanStatus.ACTIVE, LoanStatus.OVERDUE):
        _age(loan, lines, as_of, at)
    loan.save()
    levels.recompute(user_id=loan.user_id, history=_history(loan.user_id, at), at=at)


def _history(user_id: int, at: datetime) -> LoanHistory:
    own = Loan.objects.filter(user_id=user_id)
    paid = Instalment.objects.filter(loan__user_id=user_id, paid_at__isnull=False).values_list("due_date", "paid_at")

    def worst(months: int) -> int:
        since = at - timedelta(days=months * 30)
        recent = own.filter(Q(closed_at=None) | Q(closed_at__gte=since))
        return recent.aggregate(worst=Max("max_dpd"))["worst"] or 0

    return LoanHistory(
        on_time_instalments=sum(1 for due, at in paid if at and clock.business_date(at) <= due),
        settled_loans=own.filter(status=LoanStatus.SETTLED).count(),
        worst_dpd={months: worst(months) for months in (12, 24)},
    )


def _tell(loan: Loan, amount_cents: int, key: str, at: datetime) -> None:
    messages.queue(
        user_id=loan.user_id,
        template="repayment_received",
        params={"amount": format_cents(amount_cents, loan.product.currency)},
        key=f"received-{key}"[:80],
        at=at,
    )


# --- the right to give the money back, and the bank's return ---------------------------------------------------------


def request_withdrawal(*, loan_id: int, by: str, at: datetime) -> int:
    """The borrower gives the money back within the cooling-off hours. Returns the principal to collect, in cents."""
    loan = lock(loan_id)
    hours = int(_term("cancel_free_hours_clock"))
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
    _cancel(loan, reverse=("accrual",), used_cents=loan.principal_cents, by=f"user:{loan.user_id}", as_of=as_of, at=at)
    _tell(loan, amount_cents, key, at)
    return repayment.pk


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
    _cancel(loan, reverse=("accrual", "payout"), used_cents=used_cents, by="vendor:payment", as_of=as_of, at=at)


def _cancel(loan: Loan, *, reverse: Sequence[str], used_cents: int, by: str, as_of: date, at: datetime) -> None:
    for journal in loan.journals.filter(kind__in=reverse, reversed_by=None).order_by("pk"):
        ledger.reverse(journal=journal, key=f"reverse-{journal.pk}", business_date=as_of, at=at)
    loan.closed_at = at
    loan.dpd = 0
    _move(loan, "cancel", by=by, at=at)
    loan.save()
    Grant.objects.filter(pk=loan.drawdown.grant_id).update(used_cents=F("used_cents") - used_cents)


# --- compensation and write-off --------------------------------------------------------------------------------------


def compensate(*, loan_id: int, by: str, at: datetime) -> None:
    """The guarantor has paid the creditor (代偿): it is the creditor from that day; the borrower still owes."""
    loan = lock(loan_id)
    _check_can(loan, "compensate")
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
    _move(loan, "compensate", by=by, at=at)
    loan.save()


def write_off(*, loan_id: int, by: str, at: datetime) -> None:
    """Not expected back (核销): out of the books at what is open. The debt remains; what still comes is a recovery."""
    loan = lock(loan_id)
    _check_can(loan, "write_off")
    claim = _claim(loan)
    legs = {account: -cents for account, cents in claim.items()} | {"write_off_loss": sum(claim.values())}
    as_of = clock.business_date(at)
    ledger.post(key=f"written-off-{loan.pk}", kind="write_off", loan=loan, legs=legs, business_date=as_of, at=at)
    _move(loan, "write_off", by=by, at=at)
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


def _check_can(loan: Loan, transition: str) -> None:
    if not can_proceed(getattr(loan, transition)):
        raise WrongState(f"The loan is {loan.status}.", state=loan.status)


def _move(loan: Loan, transition: str, *, by: str, at: datetime, reason: str = "") -> None:
    _check_can(loan, transition)
    source = loan.status
    getattr(loan, transition)()
    events.record(subject=loan, source=source, actor=by, at=at, reason=reason)
