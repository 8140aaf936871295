"""A borrower handed on to the platform they chose: what left, what came of it, what it earned us."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from lending.common.work import WorkRow

from .offer import Offer, Platform
from .settlement import LineKind


class LeadState(models.TextChoices):
    CHOSEN = "CHOSEN", "已选择 Chosen"
    READY = "READY", "待推送 Ready"
    SENT = "SENT", "已推送 Sent"
    UNKNOWN = "UNKNOWN", "待查询 Unknown"
    ACCEPTED = "ACCEPTED", "已接收 Accepted"
    PAID = "PAID", "已放款 Paid out"
    REFUSED = "REFUSED", "已拒绝 Refused"
    RETURNED = "RETURNED", "已退单 Returned"
    ENDED = "ENDED", "已终止 Ended"


UNSENT = (LeadState.CHOSEN, LeadState.READY)
ASKING = (LeadState.SENT, LeadState.UNKNOWN)
TAKEN = (LeadState.ACCEPTED, LeadState.PAID)
OVER = (LeadState.REFUSED, LeadState.RETURNED, LeadState.ENDED)


class LeadEnd(models.TextChoices):
    NO_CONSENT = "no_consent", "Consent withdrawn"
    EXCLUDED = "excluded", "Excluded meanwhile"
    KNOWN = "known", "Not taken at the precheck"
    NOT_TAKEN = "not_taken", "The platform did not understand it"


class Lead(WorkRow):
    """One borrower, one platform, under one consent that names it: asked without a name first, then told once.

    CHOSEN: the blinded question is next. READY: the push is next. SENT is written with the claim, before the push: a
    worker that dies after it has perhaps sent, so from there on it is only asked about by `key`. `watched`: taken, and
    asked about from time to time, in case the platform's own word was lost. `held_cents`: of the platform's balance.
    """

    offer = models.OneToOneField(Offer, models.PROTECT, related_name="lead")
    application = models.ForeignKey("lending.Application", models.PROTECT, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    platform = models.ForeignKey(Platform, models.PROTECT, related_name="leads")
    consent = models.OneToOneField("users.Consent", models.PROTECT, related_name="+")
    recipient = models.CharField(max_length=20)
    state = models.CharField(max_length=10, choices=LeadState.choices, default=LeadState.CHOSEN)
    on_date = models.DateField()
    amount_cents = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    held_cents = models.BigIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    paid_at = models.DateTimeField(null=True)
    paid_cents = models.BigIntegerField(null=True)
    returned_at = models.DateTimeField(null=True)
    watched = models.BooleanField(default=False)
    reference = models.CharField(max_length=80, blank=True)
    link = models.CharField(max_length=300, blank=True, help_text="Where the borrower goes on, at the platform")
    refusal = models.CharField(max_length=200, blank=True, help_text="The platform's own words")
    end = models.CharField(max_length=12, choices=LeadEnd.choices, blank=True)
    answer = models.JSONField(null=True, help_text="The last raw reply")
    last_error = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-id"]
        permissions = [("ask_lead", "Can have a platform asked about a lead")]
        indexes = [
            models.Index(
                fields=["id"],
                condition=Q(state__in=["CHOSEN", "READY", "SENT", "UNKNOWN"]) | Q(watched=True),
                name="lead_to_run",
            ),
            models.Index(fields=["application", "-id"], name="lead_by_application"),
            models.Index(fields=["platform", "state"], name="lead_by_platform"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=LeadState.values), name="lead_state_known"),
            models.UniqueConstraint(
                fields=["application"],
                condition=~Q(state__in=["REFUSED", "RETURNED", "ENDED"]),
                name="one_live_lead_per_application",
            ),
            models.CheckConstraint(condition=Q(amount_cents__gt=0, held_cents__gte=0), name="lead_amounts_in_order"),
            models.CheckConstraint(condition=~Q(state="ENDED") | ~Q(end=""), name="ended_lead_says_why"),
            models.CheckConstraint(
                condition=Q(state__in=["CHOSEN", "READY", "ENDED"]) | Q(sent_at__isnull=False),
                name="sent_lead_says_when",
            ),
            models.CheckConstraint(
                condition=~Q(state="PAID") | Q(paid_at__isnull=False, paid_cents__gt=0), name="paid_lead_says_what"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.recipient} {self.state}"


class PlatformReason(models.TextChoices):
    LEAD = "lead", "有效线索 Lead taken"
    PAID_OUT = "paid_out", "放款 Paid out"
    RETURNED = "returned", "退单 Returned"


class PlatformLine(models.Model):
    """What a lead earned us, or what we lose of that again; its platform's balance moves with it. Never edited.

    `source`: what it is for, once for good: "lead:12", "paid_out:12", "returned:34". `amount_cents`: below zero where
    we lose it. `base_cents` and `rate`: what it was reckoned of, where it is a share.
    """

    platform = models.ForeignKey(Platform, models.PROTECT, related_name="lines")
    lead = models.ForeignKey(Lead, models.PROTECT, related_name="lines")
    kind = models.CharField(max_length=10, choices=LineKind.choices)
    reason = models.CharField(max_length=12, choices=PlatformReason.choices)
    source = models.CharField(max_length=60, unique=True)
    reverses = models.OneToOneField("self", models.PROTECT, null=True, related_name="reversed_by")
    base_cents = models.BigIntegerField(null=True)
    rate = models.DecimalField(max_digits=6, decimal_places=4, null=True)
    amount_cents = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    earned_at = models.DateTimeField()
    on_date = models.DateField()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["platform", "on_date"], name="platform_line_by_day")]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="fee", amount_cents__gt=0, reverses__isnull=True, reason__in=["lead", "paid_out"])
                | Q(kind="clawback", amount_cents__lt=0, reverses__isnull=False, reason="returned"),
                name="platform_line_signed",
            ),
            models.UniqueConstraint(fields=["lead"], condition=Q(kind="fee"), name="platform_line_one_fee_a_lead"),
        ]

    def __str__(self) -> str:
        return self.source


class PlatformCallback(models.Model):
    """What a platform called back, as it came. The same event id is handled once.

    `outcome`: applied | late (already known, or its lead is over) | unknown_key | ignored.
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
        constraints = [models.UniqueConstraint(fields=["provider", "event_id"], name="platform_callback_once")]

    def __str__(self) -> str:
        return f"{self.provider} {self.event_id}"
