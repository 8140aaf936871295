"""What a channel is told of its borrowers."""

from django.db import models
from django.db.models import Q

from lending.common.work import WorkRow

from .channel import Channel


class PushState(models.TextChoices):
    WITHHELD = "withheld", "不推送 Withheld"  # partners have no word for it
    KEPT = "kept", "留存 Kept"  # the channel has no receiver
    DUE = "due", "待推送 Due"
    SENT = "sent", "已推送 Sent"
    FAILED = "failed", "推送失败 Failed"  # given up after 24 h; may be resent


class StatusPush(WorkRow):
    """One event as the channel is told it. `payload` carries our identifiers and amounts, no personal data.

    `sent_at`: when the channel first took it, whatever is sent again later.
    """

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
            models.Index(fields=["channel", "created_at"], name="push_of_a_day"),
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
