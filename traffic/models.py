"""Where borrowers come from and go to: channels, what they are told, and the platforms borrowers may be offered."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from lending.common.crypto import EncryptedTextField
from lending.common.work import WorkRow


class Channel(models.Model):
    """An app or site that sends borrowers. `last_seq`: number of the last status it was told; the stream has no gap.

    `callback_url` may be a path, which is then on the vendors' common host (development: the sandbox); blank: the
    channel has no receiver and its statuses are kept for it.
    """

    party = models.OneToOneField(
        "lending.Party",
        models.PROTECT,
        to_field="code",
        db_column="code",
        primary_key=True,
        limit_choices_to={"kind": "channel"},
    )
    flow = models.CharField(max_length=20)
    products = ArrayField(models.CharField(max_length=20))
    precheck = models.CharField(max_length=20, blank=True)
    attribution_days = models.PositiveSmallIntegerField(null=True, blank=True)
    settle = models.CharField(max_length=60, blank=True)
    price = models.CharField(max_length=60, blank=True)
    clawback = models.CharField(max_length=80, blank=True)
    day_quota = models.PositiveIntegerField(null=True, blank=True)
    callback_url = models.CharField(max_length=200, blank=True)
    callback_secret = EncryptedTextField(null=True)
    last_seq = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["party_id"]

    def __str__(self) -> str:
        return str(self.party_id)


class PartnerStatus(models.Model):
    """A word partners see, and the states it stands for: "application:DRAFT", "drawdown:PAID", …"""

    code = models.CharField(max_length=24, primary_key=True)
    name_zh = models.CharField(max_length=40)
    sources = ArrayField(models.CharField(max_length=40))

    class Meta:
        ordering = ["code"]
        verbose_name_plural = "partner statuses"

    def __str__(self) -> str:
        return self.code


class PushState(models.TextChoices):
    WITHHELD = "withheld", "不推送 Withheld"  # partners have no word for it
    KEPT = "kept", "留存 Kept"  # the channel has no receiver
    DUE = "due", "待推送 Due"
    SENT = "sent", "已推送 Sent"
    FAILED = "failed", "推送失败 Failed"  # given up after 24 h; may be resent


class StatusPush(WorkRow):
    """One event as the channel is told it. `payload` carries our identifiers and amounts, no personal data."""

    event = models.OneToOneField("lending.Event", models.PROTECT, related_name="+")
    application = models.ForeignKey("lending.Application", models.PROTECT, related_name="+")
    channel = models.ForeignKey(Channel, models.PROTECT, related_name="pushes")
    seq = models.BigIntegerField(null=True)
    word = models.CharField(max_length=24, blank=True)
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=PushState.choices)
    sent_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "status pushes"
        indexes = [
            models.Index(fields=["id"], condition=Q(state="due"), name="push_to_send"),
            models.Index(fields=["id"], condition=Q(state="failed"), name="push_given_up"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=PushState.values), name="push_state_known"),
            models.UniqueConstraint(fields=["channel", "seq"], name="push_seq_once"),
            models.CheckConstraint(
                condition=Q(state="withheld", seq__isnull=True, word="")
                | (~Q(state="withheld") & Q(seq__isnull=False) & ~Q(word="")),
                name="push_has_word_and_seq_or_neither",
            ),
            models.CheckConstraint(condition=~Q(state="sent") | Q(sent_at__isnull=False), name="sent_push_says_when"),
        ]

    def __str__(self) -> str:
        return f"{self.channel_id} {self.seq} {self.word}"


class Platform(models.Model):
    """A downstream lender that borrowers may be offered. Switched off until distribution is built."""

    party = models.OneToOneField(
        "lending.Party",
        models.PROTECT,
        to_field="code",
        db_column="code",
        primary_key=True,
        limit_choices_to={"kind": "platform"},
    )
    enabled = models.BooleanField(default=False)
    accepts_grades = ArrayField(models.CharField(max_length=2))
    amount_min_cents = models.BigIntegerField()
    amount_max_cents = models.BigIntegerField()
    settle = models.CharField(max_length=20)
    price = models.CharField(max_length=20)
    cap_day = models.PositiveIntegerField()
    balance_cents = models.BigIntegerField()
    flow = models.CharField(max_length=20)

    class Meta:
        ordering = ["party_id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_min_cents__gt=0, amount_max_cents__gte=F("amount_min_cents")),
                name="platform_amounts_in_order",
            )
        ]

    def __str__(self) -> str:
        return str(self.party_id)


class Trigger(models.TextChoices):
    DECLINED = "declined", "Declined"
    NO_FUNDER = "no_funder", "No funder"
    ASKED_MORE = "asked_more_than_granted", "Asked for more than granted"


class OfferSearch(models.Model):
    """One look for another platform. `considered`: [{platform, result, rules: [{rule, passed, value, bound}]}]."""

    application = models.ForeignKey("lending.Application", models.PROTECT, related_name="+")
    trigger = models.CharField(max_length=24, choices=Trigger.choices)
    considered = models.JSONField()
    result = models.CharField(max_length=20)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "offer searches"
        constraints = [
            models.CheckConstraint(condition=Q(trigger__in=Trigger.values), name="offer_search_trigger_known")
        ]

    def __str__(self) -> str:
        return f"{self.trigger}: {self.result}"
