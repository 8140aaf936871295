"""Bank cards: where loans are paid to and repaid from."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django_fsm import FSMModelMixin, transition

from lending.common.crypto import EncryptedTextField
from lending.common.states import StateField


class CardState(models.TextChoices):
    ADDED = "added", "Being checked"
    CHECKED = "checked", "Waiting for the code"
    CONFIRMED = "confirmed", "Confirmed"
    REFUSED = "refused", "Refused"
    REMOVED = "removed", "Removed"


class BankCard(FSMModelMixin, models.Model):
    """A card bound by the four elements and a code sent to the phone the bank knows."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="bank_cards")
    bank = models.CharField(max_length=40)
    holder = EncryptedTextField()
    number = EncryptedTextField()
    number_index = models.CharField(max_length=64, editable=False)
    last4 = models.CharField(max_length=4)
    phone = EncryptedTextField(help_text="The phone the bank has for this card")
    state = StateField(default=CardState.ADDED, choices=CardState.choices)
    created_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at",)
        indexes = (models.Index(fields=["number_index", "-created_at"], name="users_bankcard_same_number"),)
        constraints = (
            models.UniqueConstraint(
                name="users_bankcard_once",
                fields=["user", "number_index"],
                condition=~Q(state__in=["refused", "removed"]),
            ),
            models.CheckConstraint(
                name="users_bankcard_confirmed_at", condition=~Q(state="confirmed") | Q(confirmed_at__isnull=False)
            ),
        )

    def __str__(self) -> str:
        return f"{self.bank} …{self.last4}"

    @transition(field=state, source=CardState.ADDED, target=CardState.CHECKED)
    def checked(self) -> None: ...

    @transition(field=state, source=CardState.ADDED, target=CardState.REFUSED)
    def refused(self) -> None: ...

    @transition(field=state, source=CardState.CHECKED, target=CardState.CONFIRMED)
    def confirmed(self) -> None: ...

    @transition(field=state, source=[CardState.ADDED, CardState.CHECKED, CardState.CONFIRMED], target=CardState.REMOVED)
    def removed(self) -> None: ...
