"""Channels, the keys they sign with, and their calls."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from lending.common.crypto import EncryptedTextField


class Channel(models.Model):
    """An app or site that sends borrowers. `last_seq`: number of the last status it was told; the stream has no gap.

    `callback_url` may be a path, which is then on the vendors' common host (development: the sandbox); blank: the
    channel has no receiver and its statuses are kept for it. `app_id`: its name at our door; `ip_allow`: addresses and
    networks it may call from, empty for any; `callback_secret_next`: signs beside the other, and alone from
    `callback_secret_from` on; `field_map`: its words for what it sends, as traffic.rules.fieldmap reads.

    `settle`, `price`, `clawback` are the agreement in words; `settle_kind` to `clawback_terms` what is reckoned by: CPA
    (first grant), CPS (share of what is paid out) or CPL (complete intake), and traffic.rules.settlement.CLAWBACKS.
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
    settle_kind = models.CharField(max_length=3, blank=True)
    settle_rate = models.DecimalField(max_digits=6, decimal_places=4, null=True, blank=True)
    settle_fee_cents = models.BigIntegerField(null=True, blank=True)
    clawback_terms = models.JSONField(default=dict, blank=True)
    day_quota = models.PositiveIntegerField(null=True, blank=True)
    callback_url = models.CharField(max_length=200, blank=True)
    callback_secret = EncryptedTextField(null=True)
    callback_secret_next = EncryptedTextField(null=True)
    callback_secret_from = models.DateTimeField(null=True)
    last_seq = models.BigIntegerField(default=0)
    app_id = models.CharField(max_length=40, unique=True, null=True)  # noqa: DJ001  unique where there is one
    ip_allow = ArrayField(models.CharField(max_length=50), default=list, blank=True)
    rate_per_minute = models.PositiveIntegerField(default=600)
    precheck_key = EncryptedTextField(null=True)
    precheck_stopped_at = models.DateTimeField(null=True)
    precheck_counted_from = models.DateTimeField(null=True)
    field_map = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["party_id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(settle_kind="", settle_rate=None, settle_fee_cents=None)
                | Q(settle_kind="CPS", settle_rate__gt=0, settle_rate__lt=1, settle_fee_cents=None)
                | Q(settle_kind__in=["CPA", "CPL"], settle_rate=None, settle_fee_cents__gt=0),
                name="channel_terms_can_be_reckoned",
            )
        ]

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


class ChannelKey(models.Model):
    """A secret that a channel signs its requests with. Two may be live at once, so that it can be changed in peace.

    `valid_to`: None for the newest; an older one ends then, or has ended.
    """

    channel = models.ForeignKey(Channel, models.PROTECT, related_name="keys")
    secret = EncryptedTextField()
    issued_by = models.CharField(max_length=60)
    issued_at = models.DateTimeField()
    valid_to = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["channel"], condition=Q(valid_to=None), name="channel_one_newest_key"),
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gte=F("issued_at")), name="channel_key_ends_after_it_began"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel_id} {self.pk}"


class PartnerCall(models.Model):
    """One signed request that was let in. It is also the memory of used nonces: what is not written was not let in.

    `at` is the true time, also where a demonstration's clock runs ahead. `status` is None while it is answered.
    `verdict`: what the answer came to, in one word: a precheck's class, a status word; "" where a call has none.
    """

    channel = models.ForeignKey(Channel, models.PROTECT, related_name="+")
    nonce = models.CharField(max_length=64)
    operation = models.CharField(max_length=24)
    at = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True)
    code = models.CharField(max_length=60, blank=True)
    verdict = models.CharField(max_length=24, default="", db_default="", blank=True)
    ms = models.PositiveIntegerField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["channel", "nonce"], name="partner_nonce_once")]
        indexes = [models.Index(fields=["channel", "at"], name="partner_call_by_time")]

    def __str__(self) -> str:
        return f"{self.channel_id} {self.operation} {self.status or ''}"
