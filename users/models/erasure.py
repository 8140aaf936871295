"""Accounts that were erased at their owner's wish."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q


class Erasure(models.Model):
    """The account is a number from then on. `kept`: codes of what the law keeps, `keep_until` its last day; deleted at
    `forgotten_at`."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="erasure")
    by = models.CharField(max_length=40)
    erased_at = models.DateTimeField()
    kept = ArrayField(models.CharField(max_length=20))
    keep_until = models.DateField()
    forgotten_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-erased_at",)
        indexes = (
            models.Index(fields=["keep_until"], condition=Q(forgotten_at__isnull=True), name="users_erasure_to_forget"),
        )

    def __str__(self) -> str:
        return f"erasure of user {self.user_id}"
