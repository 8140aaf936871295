"""Reads of loans, their instalments, and what a borrower has had with us. A stranger's row is NotFound."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Max, QuerySet, Sum

from lending.common import clock
from lending.common.compiled import compiled
from lending.models import (
    Application,
    Instalment,
    Loan,
    LoanStatus,
    Repayment,
)
from lending.models.application import OPEN_STATUSES
from lending.models.loan import OWING
from lending.queries.gate import one
from lending.services import loans as loan_services
from lending.services import repayments


@dataclass(frozen=True, slots=True)
class InstalmentView:
    number: int
    due_date: date
    principal_cents: int
    interest_cents: int
    guarantee_fee_cents: int
    penalty_cents: int
    paid_cents: int
    open_cents: int
    paid_at: datetime | None


@dataclass(frozen=True, slots=True)
class LoanView:
    id: int
    public_id: UUID
    drawdown_id: int
    application_id: int
    user_id: int
    product_code: str
    card_id: int
    creditor: str
    guarantor_code: str
    status: str
    principal_cents: int
    outstanding_principal_cents: int
    annual_rate: Decimal
    overdue_rate: Decimal
    months: int
    method: str
    irr12: Decimal
    xirr: Decimal
    value_date: date
    dpd: int
    opened_at: datetime
    closed_at: datetime | None
    instalments: tuple[InstalmentView, ...]


@dataclass(frozen=True, slots=True)
class RepaymentView:
    public_id: UUID
    amount_cents: int
    principal_cents: int
    interest_cents: int
    guarantee_fee_cents: int
    penalty_cents: int
    surplus_cents: int
    received_at: datetime


@dataclass(frozen=True, slots=True)
class History:
    """What a borrower has had with us; days past due are the worst ever."""

    open_applications: int
    open_loans: int
    outstanding_principal_cents: int
    monthly_instalments_cents: int
    max_dpd_ever: int
    settled_loans: int
    instalments_paid_on_time: int


@dataclass(frozen=True, slots=True)
class LoanOutcome:
    """What has become of one paid-out loan up to its last day close. `worst_days_late`: ever."""

    application_id: int
    drawdown_id: int
    value_date: date
    worst_days_late: int


def loan(loan_id: int) -> LoanView:
    return _loan(one(_loans(), pk=loan_id))


def loan_for(user_id: int, public_id: UUID, at: datetime | None = None) -> LoanView:
    """`at`: with penalty up to that day, which is what somebody who pays then owes; else as the last close left it."""
    return _loan(one(_loans(), user_id=user_id, public_id=public_id), at)


def loans_of(user_id: int, at: datetime | None = None) -> tuple[LoanView, ...]:
    """As `loan_for`, newest first."""
    return tuple(_loan(row, at) for row in _loans().filter(user_id=user_id))


def _loans() -> QuerySet[Loan]:
    return Loan.objects.select_related("product", "drawdown__grant").prefetch_related("instalments")


def _loan(found: Loan, at: datetime | None = None) -> LoanView:
    instalments = sorted(found.instalments.all(), key=lambda row: row.number)
    if at is not None and found.status in OWING:
        as_of = loan_services.charged_to(found, clock.business_date(at))
        for row, today in zip(instalments, loan_services.owed(found, instalments, as_of), strict=True):
            row.penalty_cents = today.penalty_cents
    return LoanView(
        id=found.pk,
        public_id=found.public_id,
        drawdown_id=found.drawdown_id,
        application_id=found.drawdown.grant.application_id,
        user_id=found.user_id,
        product_code=found.product.code,
        card_id=found.drawdown.card_id,
        creditor=found.creditor,
        guarantor_code=found.guarantor_code,
        status=found.status,
        principal_cents=found.principal_cents,
        outstanding_principal_cents=0
        if found.status in (LoanStatus.CANCELLED, LoanStatus.SETTLED)
        else sum(row.open_principal_cents for row in instalments),
        annual_rate=found.annual_rate,
        overdue_rate=found.overdue_rate,
        months=found.months,
        method=found.method,
        irr12=found.irr12,
        xirr=found.xirr,
        value_date=found.value_date,
        dpd=found.dpd,
        opened_at=found.opened_at,
        closed_at=found.closed_at,
        instalments=tuple(_instalment(row, owed=found.status != LoanStatus.CANCELLED) for row in instalments),
    )


def _instalment(row: Instalment, *, owed: bool) -> InstalmentView:
    """`owed`: a cancelled loan keeps its schedule, and nothing of it is open."""
    paid = row.paid_principal_cents + row.paid_interest_cents + row.paid_guarantee_fee_cents + row.paid_penalty_cents
    return InstalmentView(
        number=row.number,
        due_date=row.due_date,
        principal_cents=row.principal_cents,
        interest_cents=row.interest_cents - row.waived_interest_cents,
        guarantee_fee_cents=row.guarantee_fee_cents,
        penalty_cents=row.penalty_cents,
        paid_cents=paid,
        open_cents=row.open_cents if owed else 0,
        paid_at=row.paid_at,
    )


def loan_outcomes(application_ids: Iterable[int]) -> tuple[LoanOutcome, ...]:
    """Of every loan of these applications that was not cancelled, in one query."""
    rows = Loan.objects.filter(drawdown__grant__application__in=set(application_ids)).exclude(
        status=LoanStatus.CANCELLED
    )
    told = rows.order_by("pk").values_list("drawdown__grant__application", "drawdown", "value_date", "max_dpd")
    return tuple(LoanOutcome(*row) for row in told)


def repayments_of(loan_id: int) -> tuple[RepaymentView, ...]:
    return tuple(
        RepaymentView(
            public_id=row.public_id,
            amount_cents=row.amount_cents,
            principal_cents=row.principal_cents,
            interest_cents=row.interest_cents,
            guarantee_fee_cents=row.guarantee_fee_cents,
            penalty_cents=row.penalty_cents,
            surplus_cents=row.surplus_cents,
            received_at=row.received_at,
        )
        for row in Repayment.objects.filter(loan_id=loan_id)
    )


@dataclass(frozen=True, slots=True)
class SettlementQuote:
    currency: str
    amount_cents: int
    principal_cents: int
    interest_cents: int
    guarantee_fee_cents: int
    penalty_cents: int
    fee_cents: int
    valid_until: datetime


def settlement_quote(loan_id: int, at: datetime) -> SettlementQuote:
    """What settles the loan today; valid to the end of the business day. Raises WrongState where nothing is owed."""
    found = one(_loans(), pk=loan_id)
    if found.status not in OWING:
        raise loan_services.WrongState(f"The loan is {found.status}.", state=found.status)
    lines = sorted(found.instalments.all(), key=lambda row: row.number)
    due = repayments.settlement(found, lines, clock.business_date(at))
    return SettlementQuote(
        currency=found.product.currency,
        amount_cents=due.total_cents,
        principal_cents=due.principal_cents,
        interest_cents=due.interest_cents,
        guarantee_fee_cents=due.guarantee_fee_cents,
        penalty_cents=due.penalty_cents,
        fee_cents=due.fee_cents,
        valid_until=clock.local(at).replace(hour=23, minute=59, second=59, microsecond=0),
    )


def due_now(loan_id: int, at: datetime) -> int:
    """What may be repaid without settling: everything due by today and the next instalment, in cents."""
    found = one(_loans(), pk=loan_id)
    lines = sorted(found.instalments.all(), key=lambda row: row.number)
    return repayments.due_now(found, lines, clock.business_date(at))


def history(user_id: int, at: datetime, *, without_application: int | None = None) -> History:
    """What the borrower has had with us up to now; the application being decided can be left out."""
    open_applications = sum(pk != without_application for pk in _open_applications(user_id=user_id))
    if not _any_loan(user_id=user_id):  # most who are decided on
        return History(open_applications, 0, 0, 0, 0, 0, 0)
    own = Loan.objects.filter(user_id=user_id)
    owing = Instalment.objects.filter(loan__user_id=user_id, loan__status__in=OWING)
    sums = owing.aggregate(due=Sum("principal_cents"), paid=Sum("paid_principal_cents"))
    next_month = [
        loan.instalments.filter(paid_at=None).order_by("number").first()
        for loan in own.filter(status__in=OWING).prefetch_related("instalments")
    ]
    paid = Instalment.objects.filter(loan__user_id=user_id, paid_at__isnull=False).values_list("due_date", "paid_at")
    return History(
        open_applications=open_applications,
        open_loans=own.filter(status__in=OWING).count(),
        outstanding_principal_cents=(sums["due"] or 0) - (sums["paid"] or 0),
        monthly_instalments_cents=sum(row.open_cents for row in next_month if row),
        max_dpd_ever=own.aggregate(worst=Max("max_dpd"))["worst"] or 0,
        settled_loans=own.filter(status=LoanStatus.SETTLED).count(),
        instalments_paid_on_time=sum(1 for due, at in paid if at and clock.business_date(at) <= due),
    )


@compiled
def _open_applications(user_id: int) -> QuerySet[Application, int]:
    return Application.objects.filter(user_id=user_id, status__in=OPEN_STATUSES).order_by().values_list("pk", flat=True)


@compiled
def _any_loan(user_id: int) -> QuerySet[Loan, int]:
    return Loan.objects.filter(user_id=user_id).order_by().values_list("pk", flat=True)[:1]
