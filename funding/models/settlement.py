"""What the platform earns with a lender or a guarantor, line by line, and the month's statement with each."""

from django.db import models
from django.db.models import Q
from django_fsm import transition

from lending.models.statement import Line, Statement, StatementState, by_hand, constraints

from .programme import Programme


class LineKind(models.TextChoices):
    SHARE = "share", "利息分润 Share of interest"
    INTEREST = "interest", "已收利息 Interest collected"
    COST = "cost", "资金成本 Cost of the balance"
    FEE_BACK = "fee_back", "担保费返还 Part of the guarantee fee"
    OWN = "own", "自有利息 Interest of the own book"
    PROVISION = "provision", "拨备 Provision"
    ADJUSTMENT = "adjustment", "调整 Adjustment"


S, K = StatementState, LineKind
OF_MONTHS = (K.COST, K.PROVISION)


class FunderStatement(Statement):
    """With a lender, or a guarantor. `due_on`: by when it was agreed to be made. `total_cents`: what the platform has
    earned with them."""

    party = models.ForeignKey("lending.Party", models.PROTECT, to_field="code", db_column="party", related_name="+")
    due_on = models.DateField(null=True)

    class Meta:
        ordering = ["-month", "party"]
        permissions = [
            ("settle_funder", "Can draft a statement with a funder or guarantor"),
            ("approve_funderstatement", "Can approve a funder's statement that somebody else drafted"),
        ]
        constraints = constraints("funder_statement", "party")

    def __str__(self) -> str:
        return f"{self.party_id} {self.month:%Y-%m}"

    @transition(field="state", source=S.DRAFT, target=S.APPROVED)
    def approve(self) -> None: ...

    @transition(field="state", source=S.DRAFT, target=S.DISCARDED)
    def discard(self) -> None: ...


class FunderLine(Line):
    """What one event, or one month of one loan, is worth to the platform. Only its statement changes (trigger).

    `source`: what it is for, once for good: "share:repayment:12", "cost:loan:3:2026-03". `base_cents` and `rate`: what
    it was reckoned of; of a month, the balance at its end. `dpd`: days past due then, where they matter.
    `amount_cents`: above zero where the platform earns it. A line that `reverses` another takes it back whole.
    """

    programme = models.ForeignKey(Programme, models.PROTECT, null=True, related_name="+")
    party = models.ForeignKey("lending.Party", models.PROTECT, to_field="code", db_column="party", related_name="+")
    kind = models.CharField(max_length=10, choices=K.choices)
    source = models.CharField(max_length=60, unique=True)
    loan = models.ForeignKey("lending.Loan", models.PROTECT, null=True, related_name="+")
    repayment = models.ForeignKey("lending.Repayment", models.PROTECT, null=True, related_name="+")
    reverses = models.OneToOneField("self", models.PROTECT, null=True, related_name="reversed_by")
    base_cents = models.BigIntegerField(null=True)
    rate = models.DecimalField(max_digits=6, decimal_places=4, null=True)
    dpd = models.PositiveSmallIntegerField(null=True)
    amount_cents = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    on_date = models.DateField()
    at = models.DateTimeField()
    statement = models.ForeignKey(FunderStatement, models.PROTECT, null=True, related_name="lines")

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["party", "on_date"], condition=Q(statement=None), name="funder_line_open"),
            models.Index(fields=["loan", "kind", "on_date"], name="funder_line_by_loan"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=K.values), name="funder_line_known"),
            models.CheckConstraint(
                condition=by_hand(K.ADJUSTMENT, "programme", "loan", "base_cents", "rate"), name="funder_line_by_hand"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=OF_MONTHS, repayment__isnull=True) | ~Q(kind__in=OF_MONTHS),
                name="funder_line_of_a_month_or_an_event",
            ),
        ]

    def __str__(self) -> str:
        return self.source
