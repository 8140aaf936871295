"""A drawdown looks for its lender: how the choice was made, and one funder being asked."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from lending.common.work import WorkRow

from .headroom import Reservation
from .programme import Programme


class Routing(models.Model):
    """One look over every programme: every rule with its value, the headroom seen, and what came of it.

    `explanation`: [{programme, funder, eligible, priority, rules: [{rule, passed, value, bound}], headroom, outcome}].
    """

    drawdown = models.ForeignKey("lending.Drawdown", models.PROTECT, related_name="+")
    programme = models.ForeignKey(Programme, models.PROTECT, null=True, help_text="Empty: no funder")
    explanation = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"routing {self.pk}"


class AllocationState(models.TextChoices):
    RESERVED = "RESERVED", "已占用 Reserved"
    SUBMITTED = "SUBMITTED", "已提交 Submitted"
    UNKNOWN = "UNKNOWN", "待查询 Unknown"
    ACCEPTED = "ACCEPTED", "已通过 Accepted"
    REFUSED = "REFUSED", "已拒绝 Refused"
    RELEASED = "RELEASED", "已释放 Released"
    COMMITTED = "COMMITTED", "已放款 Committed"


ASKING = (AllocationState.RESERVED, AllocationState.SUBMITTED, AllocationState.UNKNOWN)
LIVE = (*ASKING, AllocationState.ACCEPTED, AllocationState.COMMITTED)


class ReleaseCause(models.TextChoices):
    CLOSED = "closed", "Drawdown closed"
    APPROVAL_RAN_OUT = "approval_ran_out", "Funder's approval ran out"
    NO_ANSWER = "no_answer", "Funder gave no answer in time"
    NO_CONSENT = "no_consent", "Consent withdrawn"
    PAYOUT_FAILED = "payout_failed", "Funder's payout failed"
    NO_HEADROOM = "no_headroom", "No headroom on the day of payout"
    RETURNED = "returned", "Payment returned"
    REROUTED = "rerouted", "Taken away by the desk"


class Allocation(WorkRow):
    """One funder asked for one drawdown. Personal data leaves with it: the two consents are checked by a trigger.

    `recipient` is the funder's code, which both consents must name.
    """

    drawdown = models.ForeignKey("lending.Drawdown", models.PROTECT, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    programme = models.ForeignKey(Programme, models.PROTECT, related_name="allocations")
    routing = models.OneToOneField(Routing, models.PROTECT, related_name="allocation")
    reservation = models.OneToOneField(Reservation, models.PROTECT, related_name="allocation")
    consent = models.ForeignKey("users.Consent", models.PROTECT, related_name="+")
    bureau_consent = models.ForeignKey("users.Consent", models.PROTECT, related_name="+")
    recipient = models.CharField(max_length=20)
    state = models.CharField(max_length=10, choices=AllocationState.choices, default=AllocationState.RESERVED)
    amount_cents = models.BigIntegerField()
    reference = models.CharField(max_length=80, blank=True)
    refusal = models.CharField(max_length=200, blank=True, help_text="The funder's own words")
    release_cause = models.CharField(max_length=20, choices=ReleaseCause.choices, blank=True)
    withdraw_due = models.BooleanField(default=False, help_text="Released here, the funder is still to be told")
    approval_expires_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    answer = models.JSONField(null=True, help_text="The last raw reply")
    last_error = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-id"]
        permissions = [("reroute_drawdown", "Can take a drawdown away from its funder")]
        indexes = [
            models.Index(fields=["id"], condition=Q(state__in=ASKING) | Q(withdraw_due=True), name="allocation_to_run"),
            models.Index(fields=["drawdown", "-id"], name="allocation_by_drawdown"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=AllocationState.values), name="allocation_state_known"),
            models.UniqueConstraint(
                fields=["drawdown"], condition=Q(state__in=LIVE), name="one_live_allocation_per_drawdown"
            ),
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="allocation_amount_positive"),
            models.CheckConstraint(
                condition=~Q(state="RELEASED") | ~Q(release_cause=""), name="released_allocation_says_why"
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["ACCEPTED", "COMMITTED"]) | Q(decided_at__isnull=False),
                name="accepted_allocation_says_when",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.recipient} {self.state}"
