"""Prechecks (撞库): what a channel asked about a phone it did not tell, and the hashes it may ask about."""

from django.conf import settings
from django.db import models

from .channel import Channel


class PrecheckSubject(models.Model):
    """A borrower's phone as one channel's key hashes it: hex HMAC-SHA256."""

    channel = models.ForeignKey(Channel, models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    digest = models.CharField(max_length=64)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["channel", "user"], name="precheck_subject_once")]
        indexes = [models.Index(fields=["channel", "digest"], name="precheck_subject_by_digest")]

    def __str__(self) -> str:
        return f"{self.channel_id} {self.digest[:8]}"


class Precheck(models.Model):
    """One question. `digest`: what was sent, a hash or its first eight digits; `hit`: it was of somebody we know."""

    channel = models.ForeignKey(Channel, models.PROTECT, related_name="+")
    digest = models.CharField(max_length=64)
    answer = models.CharField(max_length=20)
    hit = models.BooleanField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["channel", "at"], include=["hit"], name="precheck_latest"),
            models.Index(fields=["digest", "at"], name="precheck_by_digest"),
        ]

    def __str__(self) -> str:
        return f"{self.channel_id} {self.answer}"
