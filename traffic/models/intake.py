"""What channels bring: orders, touches of a borrower, and whose borrower it was when money was granted."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from .channel import Channel


class ChannelOrder(models.Model):
    """An application as the channel calls it. One of them for the channel's id, however often it is sent.

    `waits_since`: everything is agreed by API, and the draft is submitted once the identity check has its answer.
    `cards`: those that the channel has added for the borrower; of others it sees nothing.
    """

    channel = models.ForeignKey(Channel, models.PROTECT, related_name="+")
    external_id = models.CharField(max_length=64)
    application = models.OneToOneField("lending.Application", models.PROTECT, related_name="+")
    request_sha256 = models.CharField(max_length=64)
    details_taken = models.BooleanField()
    received_at = models.DateTimeField()
    waits_since = models.DateTimeField(null=True)
    cards = models.ManyToManyField("users.BankCard", related_name="+")

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["channel", "external_id"], name="channel_order_once")]
        indexes = [models.Index(fields=["id"], condition=Q(waits_since__isnull=False), name="channel_order_to_submit")]

    def __str__(self) -> str:
        return f"{self.channel_id} {self.external_id}"


class TouchKind(models.TextChoices):
    INTAKE = "intake", "Intake"
    SESSION = "session", "Joint login"
    PRECHECK = "precheck", "Precheck"


class Touch(models.Model):
    """A channel brought this borrower to us."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    channel = models.ForeignKey(Channel, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=TouchKind.choices)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "touches"
        indexes = [models.Index(fields=["user", "at"], name="touch_of_user")]
        constraints = [models.CheckConstraint(condition=Q(kind__in=TouchKind.values), name="touch_kind_known")]

    def __str__(self) -> str:
        return f"{self.channel_id} {self.kind}"


class Attribution(models.Model):
    """Whose borrower it was at the grant. Written once; a trigger refuses to change it."""

    application = models.OneToOneField("lending.Application", models.PROTECT, primary_key=True, related_name="+")
    channel = models.ForeignKey(Channel, models.PROTECT, related_name="+")
    first = models.ForeignKey(Channel, models.PROTECT, null=True, related_name="+")
    last = models.ForeignKey(Channel, models.PROTECT, null=True, related_name="+")
    rule = models.CharField(max_length=20)
    frozen_at = models.DateTimeField()

    class Meta:
        ordering = ["-application"]

    def __str__(self) -> str:
        return f"{self.channel_id} ({self.rule})"


class ChannelDay(models.Model):
    """How much of a channel's day is used. `date`: the market's business day."""

    channel = models.ForeignKey(Channel, models.PROTECT, related_name="+")
    date = models.DateField()
    used = models.PositiveIntegerField()

    class Meta:
        ordering = ["-date", "channel"]
        constraints = [models.UniqueConstraint(fields=["channel", "date"], name="channel_day_once")]

    def __str__(self) -> str:
        return f"{self.channel_id} {self.date}"
