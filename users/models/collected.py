"""What the borrower's own phone sends: whether it may be asked for at all, and what was counted in it."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from lending.common.crypto import EncryptedJSONField


class CollectedKind(models.TextChoices):
    """Also the code of the consent that each needs."""

    DEVICE = "device", "Device"
    SMS = "sms", "Text messages"
    CONTACTS = "contacts", "Address book"


class CollectionRule(models.Model):
    """Whether a market lets it be collected. Without a row it may not be."""

    market = models.CharField(max_length=8)
    kind = models.CharField(max_length=12, choices=CollectedKind)
    is_allowed = models.BooleanField()
    fresh_days = models.PositiveSmallIntegerField(help_text="What is older counts as unknown")
    basis = models.CharField(max_length=200, help_text="Why it may be collected, or why not")

    class Meta:
        ordering = ("market", "kind")
        constraints = (
            models.UniqueConstraint(name="users_collection_rule_once", fields=["market", "kind"]),
            models.CheckConstraint(name="users_collection_rule_fresh", condition=Q(fresh_days__gte=1)),
        )

    def __str__(self) -> str:
        return f"{self.market} {self.kind}: {'yes' if self.is_allowed else 'no'}"


class CollectorNumber(models.Model):
    """A telephone number that is known to belong to a debt collector, by its blind index alone."""

    number_index = models.CharField(max_length=64, unique=True, editable=False)
    source = models.CharField(max_length=40, help_text="Who says so")
    added_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"collector's number {self.pk}"


class CollectorList(models.Model):
    """One version of the whole list of such numbers: how many, and who brought it. The latest is in use; of a list that
    was replaced, no number is kept."""

    version = models.PositiveIntegerField(unique=True)
    numbers = models.PositiveIntegerField(help_text="How many it has")
    before = models.PositiveIntegerField(help_text="How many the list had that it replaced")
    by = models.CharField(max_length=40)
    reason = models.CharField(max_length=300)
    at = models.DateTimeField()

    class Meta:
        ordering = ("-version",)
        verbose_name = "list of collectors' numbers"
        verbose_name_plural = "lists of collectors' numbers"
        permissions = (("replace_collectors", "Can replace the list of collectors' numbers"),)
        constraints = (
            models.CheckConstraint(name="users_collectorlist_has_some", condition=Q(numbers__gte=1)),
            models.CheckConstraint(name="users_collectorlist_has_reason", condition=~Q(reason="")),
        )

    def __str__(self) -> str:
        return f"version {self.version}"


class CollectedFeatures(models.Model):
    """What was counted in one delivery; the delivery itself is not kept. The next one replaces it.

    `features`: whole numbers by name, see `users.rules.collected`.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="collected")
    kind = models.CharField(max_length=12, choices=CollectedKind)
    market = models.CharField(max_length=8)
    features = EncryptedJSONField()
    consent = models.ForeignKey("users.Consent", on_delete=models.PROTECT, related_name="+")
    received_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "collected features"
        constraints = (
            models.UniqueConstraint(name="users_collected_once", fields=["user", "kind"]),
            models.CheckConstraint(name="users_collected_kind", condition=Q(kind__in=["sms", "contacts"])),
        )

    def __str__(self) -> str:
        return f"{self.kind} of user {self.user_id}"
