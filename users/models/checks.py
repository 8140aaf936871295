"""The register of data sources, and the identity and card checks made through it."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django_fsm import FSMModelMixin, transition

from lending.common.crypto import EncryptedJSONField, EncryptedTextField
from lending.common.states import StateField
from lending.common.work import WorkRow


class DeadRule(models.TextChoices):
    """What a decision does when the source and its fallback both fail."""

    STOP = "stop", "Stop"
    REFER = "refer", "Refer to a person"
    UNKNOWN = "unknown", "Go on without it"


class AskedIn(models.TextChoices):
    """Where an answer of a source is used. The scenarios of the engine, and what stands beside them."""

    ADMISSION = "admission", "Admission"
    IDENTITY = "identity", "Identity check"
    ANTIFRAUD = "antifraud", "Anti-fraud"
    CREDIT = "credit", "Credit"
    DRAWDOWN = "drawdown", "Drawdown"
    CARD = "card", "Card check"
    MESSAGE = "message", "Messages"
    DOCUMENT = "document", "Reading of a document"
    AUTHORISATION = "authorisation", "Authorisation by the borrower"


class NeededAuthorisation(models.TextChoices):
    """What the borrower has to give elsewhere before a source answers, beside the consent."""

    OPERATOR = "operator", "The phone operator's own"


SOURCE_BOUNDS = {
    "timeout_ms": (1, 30_000),
    "retries": (0, 5),
    "pause_ms": (0, 10_000),
    "max_parallel": (1, 500),
    "fresh_days": (0, 3650),
    "retention_days": (1, 3650),
}


class Source(models.Model):
    """One product of a vendor: what it costs, how long we wait and keep, whose consent it needs, what its silence does.

    A trigger holds at commit: no fallback leads back to its source, both stand on one consent and recipient, and all
    that are switched on are paid in one currency, since what an application costs is one sum.
    """

    code = models.CharField(max_length=32, unique=True)
    name_en = models.CharField("name", max_length=80)
    name_zh = models.CharField("name in Chinese", max_length=80)
    vendor = models.CharField(max_length=40, default="", help_text="The company that is paid; spend is summed by it")
    product = models.CharField(max_length=80, default="", help_text="What the vendor calls what we buy")
    stage = models.PositiveSmallIntegerField(help_text="0 is free; a stage runs if the earlier one did not decline")
    scenario = models.CharField(max_length=16, choices=AskedIn)
    price_cents = models.PositiveIntegerField()
    currency = models.CharField(max_length=3, default="CNY")
    timeout_ms = models.PositiveIntegerField("time limit, ms", help_text="For one call, all of it; at most 30,000")
    retries = models.PositiveSmallIntegerField(
        default=2, help_text="How often a call that certainly did nothing is made again"
    )
    pause_ms = models.PositiveIntegerField("pause, ms", default=200, help_text="Before the first repeat; then longer")
    max_parallel = models.PositiveSmallIntegerField(
        "at the same time", default=50, help_text="Calls to it at the same time, of one process"
    )
    fresh_days = models.PositiveSmallIntegerField(help_text="How long an answer keeps; 0: always pulled anew")
    freshness = models.JSONField(
        "by scenario",
        default=dict,
        blank=True,
        help_text="Where a scenario takes an older or only a younger answer: its days; null: asked once, always keeps",
    )
    retention_days = models.PositiveSmallIntegerField(default=365, help_text="How long the raw answer is kept")
    fallback = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="fallback_of")
    dead = models.CharField(
        "when it is silent", max_length=8, choices=DeadRule, help_text="And its fallback gives no answer either"
    )
    consent_code = models.CharField("consent", max_length=32)
    recipient = models.CharField(max_length=40, help_text="A source and its fallback have one recipient code")
    authorisation = models.CharField(
        "needs the authorisation",
        max_length=16,
        choices=NeededAuthorisation,
        blank=True,
        default="",
        help_text="That the borrower gives to the data's owner; without a live one the source is not asked",
    )
    protocol = models.CharField(max_length=32, help_text="Which adapter speaks to it")
    endpoint = models.CharField(max_length=200, blank=True, help_text="Empty: answered inside, no call")
    credentials = EncryptedJSONField(null=True, blank=True)
    enabled = models.BooleanField("switched on", default=True)

    class Meta:
        ordering = ("stage", "code")
        permissions = (("connect_source", "Can set where a source is reached and with what credentials"),)
        constraints = (
            models.CheckConstraint(
                name="users_source_not_own_fallback",
                condition=Q(fallback__isnull=True) | ~Q(fallback=models.F("id")),
            ),
            models.CheckConstraint(name="users_source_dead_known", condition=Q(dead__in=DeadRule.values)),
            models.CheckConstraint(
                name="users_source_authorisation_known",
                condition=Q(authorisation__in=["", *NeededAuthorisation.values]),
            ),
            models.CheckConstraint(name="users_source_currency_is_a_code", condition=Q(currency__regex="^[A-Z]{3}$")),
            *(
                models.CheckConstraint(
                    name=f"users_source_{name}_bounds", condition=Q(**{f"{name}__gte": least, f"{name}__lte": most})
                )
                for name, (least, most) in SOURCE_BOUNDS.items()
            ),
        )

    def __str__(self) -> str:
        return self.code


class CheckKind(models.TextChoices):
    ID2 = "id2", "Name and ID number"
    CARD4 = "card4", "Name, ID number, phone and card"
    OCR = "ocr", "Both sides of the ID card"
    FACE = "face", "Face, alive, with name and ID number"


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
    front = models.ForeignKey(
        "users.Certificate", on_delete=models.PROTECT, null=True, blank=True, related_name="read_as_front"
    )
    back = models.ForeignKey(
        "users.Certificate", on_delete=models.PROTECT, null=True, blank=True, related_name="read_as_back"
    )
    liveness = EncryptedTextField(null=True, blank=True, help_text="The vendor's token of who was before the camera")
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
        indexes = (
            models.Index(fields=["user", "kind", "-created_at"], name="users_check_latest"),
            models.Index(fields=["checked_at"], name="users_check_answered"),
            models.Index(fields=["checked_at"], condition=Q(reply__isnull=False), name="users_check_with_reply"),
        )
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
            models.CheckConstraint(
                name="users_check_pictures_where_needed",
                condition=Q(kind="ocr", front__isnull=False, back__isnull=False)
                | (~Q(kind="ocr") & Q(front__isnull=True, back__isnull=True)),
            ),
            models.CheckConstraint(
                name="users_check_liveness_where_needed",
                condition=Q(kind="face", liveness__isnull=False) | (~Q(kind="face") & Q(liveness__isnull=True)),
            ),
            models.UniqueConstraint(
                name="users_check_one_pending_id2", fields=["user", "kind"], condition=Q(kind="id2", state="pending")
            ),
            models.UniqueConstraint(
                name="users_check_one_pending_ocr", fields=["user", "kind"], condition=Q(kind="ocr", state="pending")
            ),
            models.UniqueConstraint(
                name="users_check_one_pending_face", fields=["user", "kind"], condition=Q(kind="face", state="pending")
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
