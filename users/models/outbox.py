"""What leaves us for a person: messages to borrowers, notices to staff."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django_fsm import FSMModelMixin, transition

from lending.common.crypto import EncryptedTextField
from lending.common.states import StateField
from lending.common.work import WorkRow


class MessageState(models.TextChoices):
    QUEUED = "queued", "Queued"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed"


class Message(FSMModelMixin, WorkRow):
    """One text message. The key goes to the gateway, so that a repeated send is one message."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="messages"
    )
    phone = EncryptedTextField()
    template = models.CharField(max_length=40)
    language = models.CharField(max_length=8)
    text = EncryptedTextField(help_text="Emptied once a message with a code is done")
    state = StateField(default=MessageState.QUEUED, choices=MessageState.choices)
    reference = models.CharField(max_length=80, blank=True, help_text="The gateway's own number")
    failure = models.CharField(max_length=200, blank=True)
    valid_until = models.DateTimeField(null=True, blank=True, help_text="Not sent after this instant")
    done_at = models.DateTimeField(null=True, blank=True)
    price_cents = models.PositiveIntegerField(default=0, help_text="Of a message that went out")

    class Meta:
        indexes = (models.Index(fields=["done_at"], name="users_message_done"),)
        constraints = (
            models.CheckConstraint(
                name="users_message_done_at",
                condition=Q(state="queued", done_at__isnull=True) | (~Q(state="queued") & Q(done_at__isnull=False)),
            ),
        )

    def __str__(self) -> str:
        return f"{self.template} message {self.pk}"

    @transition(field=state, source=MessageState.QUEUED, target=MessageState.SENT)
    def sent(self) -> None: ...

    @transition(field=state, source=MessageState.QUEUED, target=MessageState.FAILED)
    def failed(self) -> None: ...


class Severity(models.TextChoices):
    INFO = "info", "Information"
    WARNING = "warning", "Warning"
    CRITICAL = "critical", "Critical"


class Notice(models.Model):
    """Something staff must look at. One open row per kind and subject; raised again, it counts."""

    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=80)
    text = models.CharField(max_length=500)
    severity = models.CharField(max_length=8, choices=Severity)
    times = models.PositiveIntegerField(default=1)
    raised_at = models.DateTimeField()
    last_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=40, blank=True)
    closed_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ("-last_at",)
        constraints = (
            models.UniqueConstraint(
                name="users_notice_one_open", fields=["kind", "subject"], condition=Q(closed_at__isnull=True)
            ),
            models.CheckConstraint(
                name="users_notice_closed_who_and_when",
                condition=Q(closed_at__isnull=True, closed_by="") | (Q(closed_at__isnull=False) & ~Q(closed_by="")),
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"
