"""Money across our border: paid out, collected, and what the other side called back about."""

import uuid

from django.db import models
from django.db.models import F, Q

from lending.common.work import WorkRow

from .allocation import Allocation


class PayoutState(models.TextChoices):
    DUE = "DUE", "待放款 Due"
    SENT = "SENT", "已发送 Sent"
    UNKNOWN = "UNKNOWN", "待查询 Unknown"
    PAID = "PAID", "成功 Paid"
    FAILED = "FAILED", "失败 Failed"
    RETURNED = "RETURNED", "退票 Returned"


class Payout(WorkRow):
    """One order to pay a drawdown's principal, `key` stored before it is sent.

    SENT is written with the claim, before the call: a worker that dies after it has perhaps paid, so from there on
    the order is only queried. FAILED is definitive: nothing was paid and nothing will be under this key.
    """

    drawdown = models.ForeignKey("lending.Drawdown", models.PROTECT, related_name="+")
    allocation = models.ForeignKey(Allocation, models.PROTECT, related_name="payouts")
    card = models.ForeignKey("users.BankCard", models.PROTECT, related_name="+")
    amount_cents = models.BigIntegerField()
    provider = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=PayoutState.choices, default=PayoutState.DUE)
    sent_at = models.DateTimeField(null=True)
    reference = models.CharField(max_length=80, blank=True)
    fault = models.CharField(max_length=10, blank=True)
    code = models.CharField(max_length=40, blank=True)
    paid_at = models.DateTimeField(null=True)
    returned_at = models.DateTimeField(null=True)
    followed_up_at = models.DateTimeField(null=True, help_text="Somebody has settled with the borrower what came back")
    answer = models.JSONField(null=True, help_text="The last raw reply")
    last_error = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-id"]
        permissions = [("ask_payout", "Can have the channel asked about a payout, and follow up one that came back")]
        indexes = [
            models.Index(fields=["id"], condition=Q(state__in=["DUE", "SENT", "UNKNOWN"]), name="payout_to_run"),
            models.Index(fields=["id"], condition=Q(state="RETURNED", followed_up_at=None), name="payout_returned"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=PayoutState.values), name="payout_state_known"),
            models.UniqueConstraint(
                fields=["drawdown"], condition=~Q(state="FAILED"), name="one_payout_not_failed_per_drawdown"
            ),
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="payout_amount_positive"),
            models.CheckConstraint(
                condition=~Q(state__in=["PAID", "RETURNED"]) | Q(paid_at__isnull=False), name="paid_payout_says_when"
            ),
            models.CheckConstraint(
                condition=Q(followed_up_at=None) | Q(state="RETURNED"), name="only_a_returned_payout_is_followed_up"
            ),
            models.CheckConstraint(condition=~Q(state="FAILED") | ~Q(fault=""), name="failed_payout_says_whose_fault"),
        ]

    def __str__(self) -> str:
        return self.key


class CollectionState(models.TextChoices):
    DUE = "DUE", "待扣款 Due"
    SENT = "SENT", "已发送 Sent"
    UNKNOWN = "UNKNOWN", "待查询 Unknown"
    COLLECTED = "COLLECTED", "成功 Collected"
    FAILED = "FAILED", "失败 Failed"


class Collection(WorkRow):
    """One debit of a borrower's card for a loan. `collected_cents` may be less than asked (partial).

    `request_key` is the caller's and unique for the loan; `key` is ours and goes to the channel.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    loan = models.ForeignKey("lending.Loan", models.PROTECT, related_name="+")
    request_key = models.CharField(max_length=200)
    card = models.ForeignKey("users.BankCard", models.PROTECT, related_name="+")
    amount_cents = models.BigIntegerField()
    allow_partial = models.BooleanField(default=False)
    provider = models.CharField(max_length=40)
    by = models.CharField(max_length=60)
    state = models.CharField(max_length=10, choices=CollectionState.choices, default=CollectionState.DUE)
    sent_at = models.DateTimeField(null=True)
    reference = models.CharField(max_length=80, blank=True)
    collected_cents = models.BigIntegerField(default=0)
    collected_at = models.DateTimeField(null=True)
    code = models.CharField(max_length=40, blank=True)
    repayment = models.ForeignKey("lending.Repayment", models.PROTECT, null=True, related_name="+")
    answer = models.JSONField(null=True, help_text="The last raw reply")
    last_error = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["id"], condition=Q(state__in=["DUE", "SENT", "UNKNOWN"]), name="collection_to_run"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=CollectionState.values), name="collection_state_known"),
            models.UniqueConstraint(fields=["loan", "request_key"], name="one_collection_per_request"),
            models.UniqueConstraint(
                fields=["loan"], condition=Q(state__in=["DUE", "SENT", "UNKNOWN"]), name="one_open_collection_per_loan"
            ),
            models.CheckConstraint(
                condition=Q(amount_cents__gt=0, collected_cents__gte=0, collected_cents__lte=F("amount_cents")),
                name="collection_amounts_in_order",
            ),
            models.CheckConstraint(
                condition=Q(state="COLLECTED", collected_cents__gt=0, collected_at__isnull=False)
                | (~Q(state="COLLECTED") & Q(collected_cents=0)),
                name="collection_says_what_came",
            ),
        ]

    def __str__(self) -> str:
        return str(self.public_id)


class CallbackEvent(models.Model):
    """What a vendor called back, as it came. The same event id is handled once.

    `outcome`: applied | late (already known, or its subject is closed) | unknown_key | ignored.
    """

    provider = models.CharField(max_length=40)
    event_id = models.CharField(max_length=120)
    type = models.CharField(max_length=40)
    key = models.CharField(max_length=80, blank=True)
    payload = models.JSONField()
    received_at = models.DateTimeField()
    outcome = models.CharField(max_length=12)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["provider", "event_id"], name="callback_once")]

    def __str__(self) -> str:
        return f"{self.provider} {self.event_id}"
