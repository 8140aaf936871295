"""The documents a borrower is shown, and the consents given to them."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from lending.common.crypto import EncryptedTextField


class Moment(models.TextChoices):
    REGISTER = "register", "Registration"
    APPLY = "apply", "Application"
    UPLOAD = "upload", "Upload of a document"
    DRAWDOWN = "drawdown", "Drawdown"
    SIGN = "sign", "Signing"
    CARD_FIX = "card_fix", "Change of the receiving account"
    PAYOUT = "payout", "After payout"
    ASSIGNMENT = "assignment", "Assignment of the claim"
    SETTLEMENT = "settlement", "Settlement"
    DISTRIBUTION = "distribution", "Offer of another platform"


class AcceptedBy(models.TextChoices):
    CHECKBOX = "checkbox", "Checkbox"
    OTP = "otp", "One-time code"
    CONFIRM = "confirm", "Read and confirmed"
    OTP_SEAL = "otp_seal", "One-time code and seal"
    SEAL = "seal", "Seal of the issuer"


class Document(models.Model):
    """One version of one text. Its words never change; a new wording is a new version.

    `recipients` are party and processor codes; empty with `named_recipients`: the giver is shown the names
    (funders, platforms) and the consent carries them.
    """

    code = models.CharField(max_length=32)
    version = models.CharField(max_length=16)
    moment = models.CharField(max_length=16, choices=Moment)
    accepted_by = models.CharField(max_length=12, choices=AcceptedBy)
    is_optional = models.BooleanField(default=False)
    is_separate = models.BooleanField(default=False, help_text="Asked for on its own, never bundled")
    is_consent = models.BooleanField(default=True, help_text="False: issued as a contract, not given as a consent")
    recipients = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    named_recipients = models.BooleanField(default=False)
    blocks = ArrayField(models.CharField(max_length=32), default=list, blank=True)
    position = models.PositiveSmallIntegerField(help_text="Order of showing")
    title_en = models.CharField(max_length=120)
    title_zh = models.CharField(max_length=120)
    body_en = models.TextField()
    body_zh = models.TextField()
    valid_from = models.DateTimeField()

    class Meta:
        ordering = ("position", "code", "-valid_from")
        constraints = (models.UniqueConstraint(name="users_document_version", fields=["code", "version"]),)

    def __str__(self) -> str:
        return f"{self.code} {self.version}"


class Consent(models.Model):
    """Who agreed to which version, for whom, when and from where. Never edited; withdrawing is the one later act."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="consents")
    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="consents")
    code = models.CharField(max_length=32)
    version = models.CharField(max_length=16)
    accepted_by = models.CharField(max_length=12, choices=AcceptedBy)
    recipients = ArrayField(models.CharField(max_length=40))
    context = models.CharField(max_length=80, blank=True, help_text="What it was given for, for example a drawdown")
    ip = EncryptedTextField(null=True, blank=True, help_text="Emptied when nothing is kept any more")
    otp = models.ForeignKey("users.LoginCode", on_delete=models.PROTECT, null=True, blank=True, related_name="consents")
    given_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.CharField(max_length=40, blank=True)

    class Meta:
        indexes = (models.Index(fields=["user", "code", "-given_at"], name="users_consent_latest"),)
        constraints = (
            models.CheckConstraint(name="users_consent_has_recipient", condition=Q(recipients__len__gt=0)),
            models.CheckConstraint(
                name="users_consent_otp_backed", condition=~Q(accepted_by="otp") | Q(otp__isnull=False)
            ),
            models.CheckConstraint(
                name="users_consent_withdrawn_who_and_when",
                condition=Q(withdrawn_at__isnull=True, withdrawn_by="")
                | (Q(withdrawn_at__isnull=False) & ~Q(withdrawn_by="")),
            ),
        )

    def __str__(self) -> str:
        return f"consent {self.pk}: {self.code} {self.version}"
