"""The register of data sources, and the identity and card checks made through it."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django_fsm import FSMModelMixin, transition

from lending.common.crypto import EncryptedJSONField
from lending.common.states import StateField
from lending.common.work import WorkRow


class DeadRule(models.TextChoices):
    """What a decision does when the source and its fallback both fail."""

    STOP = "stop", "Stop"
    REFER = "refer", "Refer to a person"
    UNKNOWN = "unknown", "Go on without it"


class Source(models.Model):
    """One vendor endpoint: what it costs, how long we wait, how long an answer keeps, whose consent it needs."""

    code = models.CharField(max_length=32, unique=True)
    name_en = models.CharField(max_length=80)
    name_zh = models.CharField(max_length=80)
    stage = models.PositiveSmallIntegerField(help_text="0 is free; a stage runs if the earlier one did not decline")
    scenario = models.CharField(max_length=16)
    price_cents = models.PositiveIntegerField()
    timeout_ms = models.PositiveIntegerField()
    fresh_days = models.PositiveSmallIntegerField(help_text="0: always pulled anew")
    fallback = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="fallback_of")
    dead = models.CharField(max_length=8, choices=DeadRule)
    consent_code = models.CharField(max_length=32)
    recipient = models.CharField(max_length=40, help_text="A source and its fallback have one recipient code")
    protocol = models.CharField(max_length=32, help_text="Which adapter speaks to it")
    endpoint = models.CharField(max_length=200, blank=True, help_text="Empty: answered inside, no call")
    credentials = EncryptedJSONField(null=True, blank=True)
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ("stage", "code")
        constraints = (
            models.CheckConstraint(name="users_source_timeout_positive", condition=Q(timeout_ms__gt=0)),
            models.CheckConstraint(
                name="users_source_not_own_fallback",
                condition=Q(fallback__isnull=True) | ~Q(fallback=models.F("id")),
            ),
        )

    def __str__(self) -> str:
        return self.code


class CheckKind(models.TextChoices):
    ID2 = "id2", "Name and ID number"
    CARD4 = "card4", "Name, ID number, phone and card"


class CheckState(models.TextChoices):
    PENDING = "pending", "Pending"
    PASSED = "passed", "Passed"
    FAILED = "failed", "Failed"
    DEAD = "dead", "No answer"


class Check(FSMModelMixin, WorkRow):
    """One question to an identity or card vendor, and its answer. Sends data, so it names the consent it needs."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="checks")
    kind = models.CharField(max_length=8, choices=CheckKind)
    card = models.ForeignKey("users.BankCard", on_delete=models.PROTECT, null=True, blank=True, related_name="checks")
    subject_index = models.CharField(max_length=64, help_text="Blind index of what was asked; an answer holds for it")
    consent = models.ForeignKey("users.Consent", on_delete=models.PROTECT, related_name="+")
    recipient = models.CharField(max_length=40)
    state = StateField(default=CheckState.PENDING, choices=CheckState.choices)
    source = models.ForeignKey(Source, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    price_cents = models.PositiveIntegerField(default=0, help_text="All that was spent, the failed source included")
    reply = EncryptedJSONField(null=True, blank=True)
    failure = models.CharField(max_length=200, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = (models.Index(fields=["user", "kind", "-created_at"], name="users_check_latest"),)
        constraints = (
            models.CheckConstraint(
                name="users_check_answered_at",
                condition=Q(state="pending", checked_at__isnull=True)
                | (~Q(state="pending") & Q(checked_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="users_check_card_where_needed",
                condition=Q(kind="card4", card__isnull=False) | (~Q(kind="card4") & Q(card__isnull=True)),
            ),
            models.UniqueConstraint(
                name="users_check_one_pending_id2", fields=["user", "kind"], condition=Q(kind="id2", state="pending")
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} check {self.pk}"

    @transition(field=state, source=CheckState.PENDING, target=CheckState.PASSED)
    def passed(self) -> None: ...

    @transition(field=state, source=CheckState.PENDING, target=CheckState.FAILED)
    def failed(self) -> None: ...

    @transition(field=state, source=CheckState.PENDING, target=CheckState.DEAD)
    def died(self) -> None: ...
