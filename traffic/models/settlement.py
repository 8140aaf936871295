"""What a channel is owed for the borrowers it brought, line by line, and the month's statement of it."""

from django.db import models
from django.db.models import Q
from django_fsm import transition

from lending.models.statement import Line, Statement, StatementState, by_hand, constraints

from .channel import Channel


class LineKind(models.TextChoices):
    FEE = "fee", "佣金 Fee"
    CLAWBACK = "clawback", "扣回 Clawback"
    ADJUSTMENT = "adjustment", "调整 Adjustment"


class LineReason(models.TextChoices):
    FIRST_GRANT = "first_grant", "首次授信 First grant"
    PAID_OUT = "paid_out", "放款 Paid out"
    LEAD = "lead", "完整进件 Complete intake"
    RETURNED = "returned", "退票 Payout returned"
    CANCELLED = "cancelled", "犹豫期取消 Cancelled in time"
    FIRST_OVERDUE = "first_overdue", "首期逾期 First instalment overdue"
    FRAUD = "fraud", "欺诈 Fraud"
    DUPLICATE = "duplicate", "重复进件 Duplicate"
    ADJUSTMENT = "adjustment", "调整 Adjustment"


S, K = StatementState, LineKind


class ChannelStatement(Statement):
    """What a channel is owed for a month. `total_cents`: ours to pay."""

    channel = models.ForeignKey(Channel, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-month", "channel"]
        permissions = [
            ("settle_channel", "Can draft a channel's statement"),
            ("approve_channelstatement", "Can approve a channel's statement that somebody else drafted"),
        ]
        constraints = constraints("channel_statement", "channel")

    def __str__(self) -> str:
        return f"{self.channel_id} {self.month:%Y-%m}"

    @transition(field="state", source=S.DRAFT, target=S.APPROVED)
    def approve(self) -> None: ...

    @transition(field="state", source=S.DRAFT, target=S.DISCARDED)
    def discard(self) -> None: ...


class SettlementLine(Line):
    """What one event earned a channel, or what it loses of that again. Only its statement changes (trigger).

    `source`: what it is for, once for good: "paid_out:drawdown:12", "clawback:34". `amount_cents`: below zero where
    the channel loses it. `base_cents` and `rate`: what it was reckoned of, where it is a share.
    """

    channel = models.ForeignKey(Channel, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=K.choices)
    reason = models.CharField(max_length=20, choices=LineReason.choices)
    source = models.CharField(max_length=60, unique=True)
    application = models.ForeignKey("lending.Application", models.PROTECT, null=True, related_name="+")
    drawdown = models.ForeignKey("lending.Drawdown", models.PROTECT, null=True, related_name="+")
    reverses = models.OneToOneField("self", models.PROTECT, null=True, related_name="reversed_by")
    base_cents = models.BigIntegerField(null=True)
    rate = models.DecimalField(max_digits=6, decimal_places=4, null=True)
    amount_cents = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    earned_at = models.DateTimeField()
    on_date = models.DateField()
    statement = models.ForeignKey(ChannelStatement, models.PROTECT, null=True, related_name="lines")

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["channel", "on_date"], condition=Q(statement=None), name="settlement_line_open"),
            models.Index(fields=["earned_at"], condition=Q(kind="fee"), name="settlement_fee_by_time"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=K.values, reason__in=LineReason.values), name="settlement_line_known"
            ),
            models.CheckConstraint(
                condition=Q(kind=K.FEE, amount_cents__gt=0, reverses__isnull=True)
                | Q(kind=K.CLAWBACK, amount_cents__lt=0, reverses__isnull=False)
                | Q(kind=K.ADJUSTMENT, reverses__isnull=True),
                name="settlement_line_signed",
            ),
            models.CheckConstraint(condition=by_hand(K.ADJUSTMENT, "application"), name="settlement_line_by_hand"),
        ]

    def __str__(self) -> str:
        return self.source
