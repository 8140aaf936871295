"""Joint login (联登): a link that a channel shows its borrower."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from .channel import Channel


class JoinLink(models.Model):
    """Opens our pages for one borrower, once and for ten minutes. Only a digest of what is in the link is kept."""

    token_hash = models.CharField(max_length=64, unique=True)
    channel = models.ForeignKey(Channel, models.PROTECT, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    product_code = models.CharField(max_length=20, blank=True)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    signed_in = models.BooleanField(default=False)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["user", "channel", "made_at"], name="join_link_of_user")]
        constraints = [
            models.CheckConstraint(
                condition=Q(used_at=None) | Q(used_at__gte=F("made_at"), used_at__lt=F("expires_at")),
                name="join_link_used_in_time",
            ),
            models.CheckConstraint(
                condition=Q(signed_in=False) | Q(used_at__isnull=False), name="join_link_signed_in_by_use"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel_id} {self.pk}"
