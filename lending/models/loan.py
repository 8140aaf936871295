"""What was paid out (借据): its instalments, its creditor over time, what was repaid."""

import uuid
from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django_fsm import FSMModelMixin, transition

from lending.common.states import StateField

from .drawdown import Drawdown
from .product import Product


class LoanStatus(models.TextChoices):
    ACTIVE = "ACTIVE", "正常 Active"
    OVERDUE = "OVERDUE", "逾期 Overdue"
    SETTLED = "SETTLED", "结清 Settled"
    CANCELLED = "CANCELLED", "已取消 Cancelled"
    COMPENSATED = "COMPENSATED", "代偿 Compensated"
    WRITTEN_OFF = "WRITTEN_OFF", "核销 Written off"


S = LoanStatus
OWING = (S.ACTIVE, S.OVERDUE, S.COMPENSATED, S.WRITTEN_OFF)


class Loan(FSMModelMixin, models.Model):
    """`accrued_through`: the last business day whose interest and penalty are in the journal."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    drawdown = models.OneToOneField(Drawdown, models.PROTECT, related_name="loan")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="loans")
    product = models.ForeignKey(Product, models.PROTECT)
    status = StateField(default=S.ACTIVE, choices=S.choices)
    principal_cents = models.BigIntegerField()
    annual_rate = models.DecimalField(max_digits=6, decimal_places=4)
    guarantee_rate = models.DecimalField(max_digits=6, decimal_places=4, default=0, help_text="Part of the price")
    overdue_rate = models.DecimalField(max_digits=6, decimal_places=4)
    months = models.PositiveSmallIntegerField()
    method = models.CharField(max_length=20)
    irr12 = models.DecimalField(max_digits=8, decimal_places=6)
    xirr = models.DecimalField(max_digits=8, decimal_places=6)
    creditor = models.CharField(max_length=20)
    guarantor_code = models.CharField(max_length=20, blank=True)
    book = models.CharField(max_length=20)
    value_date = models.DateField()
    accrued_through = models.DateField()
    dpd = models.PositiveSmallIntegerField(default=0)
    max_dpd = models.PositiveSmallIntegerField(default=0)
    opened_at = models.DateTimeField()
    withdrawal_requested_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["status", "accrued_through"], name="loan_by_day_close")]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=S.values), name="loan_status_known"),
            models.CheckConstraint(condition=Q(principal_cents__gt=0), name="loan_principal_positive"),
            models.CheckConstraint(
                condition=Q(guarantee_rate=0)
                | (Q(guarantee_rate__gt=0, guarantee_rate__lt=F("annual_rate")) & ~Q(guarantor_code="")),
                name="loan_guarantee_is_part_of_the_price",
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=False, status__in=[S.SETTLED, S.CANCELLED])
                | Q(closed_at__isnull=True, status__in=OWING),
                name="closed_loan_says_when",
            ),
        ]

    def __str__(self) -> str:
        return str(self.public_id)

    @property
    def interest_rate(self) -> Decimal:
        """The creditor's part of the price; the rest is the guarantor's."""
        return self.annual_rate - self.guarantee_rate

    @transition(field=status, source=S.ACTIVE, target=S.OVERDUE)
    def fall_overdue(self) -> None: ...

    @transition(field=status, source=S.OVERDUE, target=S.ACTIVE)
    def cure(self) -> None: ...

    @transition(field=status, source=list(OWING), target=S.SETTLED)
    def settle(self) -> None: ...

    @transition(field=status, source=S.ACTIVE, target=S.CANCELLED)
    def cancel(self) -> None: ...

    @transition(field=status, source=S.OVERDUE, target=S.COMPENSATED)
    def compensate(self) -> None: ...

    @transition(field=status, source=S.OVERDUE, target=S.WRITTEN_OFF)
    def write_off(self) -> None: ...


class LoanCreditor(models.Model):
    """Who owns the claim from a date on; the latest row at a date is the creditor of that date."""

    loan = models.ForeignKey(Loan, models.PROTECT, related_name="creditors")
    creditor = models.CharField(max_length=20)
    from_date = models.DateField()

    class Meta:
        ordering = ["loan", "from_date"]
        constraints = [models.UniqueConstraint(fields=["loan", "from_date"], name="one_creditor_at_any_date")]

    def __str__(self) -> str:
        return f"{self.creditor} from {self.from_date}"


class Instalment(models.Model):
    """What falls due on one day, and what of it is paid. `penalty_cents` grows by day close."""

    loan = models.ForeignKey(Loan, models.PROTECT, related_name="instalments")
    number = models.PositiveSmallIntegerField()
    due_date = models.DateField()
    principal_cents = models.BigIntegerField()
    interest_cents = models.BigIntegerField()
    guarantee_fee_cents = models.BigIntegerField(default=0)
    penalty_cents = models.BigIntegerField(default=0)
    accrued_interest_cents = models.BigIntegerField(default=0)
    accrued_guarantee_fee_cents = models.BigIntegerField(default=0)
    paid_principal_cents = models.BigIntegerField(default=0)
    paid_interest_cents = models.BigIntegerField(default=0)
    paid_guarantee_fee_cents = models.BigIntegerField(default=0)
    paid_penalty_cents = models.BigIntegerField(default=0)
    waived_interest_cents = models.BigIntegerField(default=0)
    paid_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["loan", "number"]
        indexes = [models.Index(fields=["due_date", "id"], name="instalment_by_due_date")]
        constraints = [
            models.UniqueConstraint(fields=["loan", "number"], name="one_instalment_per_number"),
            models.CheckConstraint(
                condition=Q(
                    principal_cents__gte=0,
                    interest_cents__gte=0,
                    guarantee_fee_cents__gte=0,
                    penalty_cents__gte=0,
                    paid_principal_cents__gte=0,
                    paid_principal_cents__lte=F("principal_cents"),
                    paid_interest_cents__gte=0,
                    paid_interest_cents__lte=F("interest_cents") - F("waived_interest_cents"),
                    paid_guarantee_fee_cents__gte=0,
                    paid_guarantee_fee_cents__lte=F("guarantee_fee_cents"),
                    paid_penalty_cents__gte=0,
                    paid_penalty_cents__lte=F("penalty_cents"),
                    accrued_interest_cents__lte=F("interest_cents"),
                    accrued_guarantee_fee_cents__lte=F("guarantee_fee_cents"),
                ),
                name="instalment_paid_within_due",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number}"

    @property
    def open_principal_cents(self) -> int:
        return self.principal_cents - self.paid_principal_cents

    @property
    def open_interest_cents(self) -> int:
        return self.interest_cents - self.waived_interest_cents - self.paid_interest_cents

    @property
    def open_guarantee_fee_cents(self) -> int:
        return self.guarantee_fee_cents - self.paid_guarantee_fee_cents

    @property
    def open_penalty_cents(self) -> int:
        return self.penalty_cents - self.paid_penalty_cents

    @property
    def open_cents(self) -> int:
        return (
            self.open_principal_cents
            + self.open_interest_cents
            + self.open_guarantee_fee_cents
            + self.open_penalty_cents
        )


class Repayment(models.Model):
    """Money received for a loan, split. `key` is the collection's key: the same money is never posted twice."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    loan = models.ForeignKey(Loan, models.PROTECT, related_name="repayments")
    key = models.CharField(max_length=80, unique=True)
    amount_cents = models.BigIntegerField()
    principal_cents = models.BigIntegerField()
    interest_cents = models.BigIntegerField()
    guarantee_fee_cents = models.BigIntegerField()
    penalty_cents = models.BigIntegerField()
    surplus_cents = models.BigIntegerField(default=0)
    received_at = models.DateTimeField()
    posted_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_cents__gt=0)
                & Q(
                    amount_cents=F("principal_cents")
                    + F("interest_cents")
                    + F("guarantee_fee_cents")
                    + F("penalty_cents")
                    + F("surplus_cents")
                ),
                name="repayment_parts_sum",
            )
        ]

    def __str__(self) -> str:
        return str(self.public_id)
