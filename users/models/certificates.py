"""Documents that borrowers keep with us: both sides of the ID card, and what proves income, work and home."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django_fsm import FSMModelMixin, transition

from lending.common.states import StateField


class CertificateKind(models.TextChoices):
    ID_FRONT = "id_front", "身份证人像面 ID card, portrait side"
    ID_BACK = "id_back", "身份证国徽面 ID card, emblem side"
    INCOME = "income_proof", "收入证明 Proof of income"
    EMPLOYMENT = "employment_proof", "工作证明 Proof of employment"
    ADDRESS = "address_proof", "居住证明 Proof of address"
    FACE_PHOTO = "face_photo", "本人手持身份证照 Photo of oneself holding the ID card"


ID_CARD = (CertificateKind.ID_FRONT, CertificateKind.ID_BACK)
PICTURES = (*ID_CARD, CertificateKind.FACE_PHOTO)  # never a PDF


class CertificateState(models.TextChoices):
    KEPT = "kept", "Kept"
    REPLACED = "replaced", "Replaced by a later one"
    REMOVED = "removed", "Removed by its owner"


class Certificate(FSMModelMixin, models.Model):
    """One file in the vault, made anew from what came. sha256 and size are those of the bytes kept.

    `file` is empty once the file is deleted; the row stays and says that it was there.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="certificates")
    kind = models.CharField(max_length=20, choices=CertificateKind)
    state = StateField(default=CertificateState.KEPT, choices=CertificateState.choices)
    file = models.CharField(max_length=120, blank=True, help_text="Name in the vault")
    sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField(help_text="Bytes")
    consent = models.ForeignKey("users.Consent", on_delete=models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-pk",)
        indexes = (models.Index(fields=["user", "-uploaded_at"], name="users_certificate_latest"),)
        constraints = (
            models.CheckConstraint(name="users_certificate_not_empty", condition=Q(size__gt=0)),
            models.CheckConstraint(
                name="users_certificate_kept_or_ended",
                condition=(Q(state="kept", ended_at__isnull=True) & ~Q(file=""))
                | (~Q(state="kept") & Q(ended_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="users_certificate_removed_is_gone", condition=~Q(state="removed") | Q(file="")
            ),
            models.UniqueConstraint(
                name="users_certificate_one_id_card",
                fields=["user", "kind"],
                condition=Q(state="kept", kind__in=["id_front", "id_back"]),
            ),
            models.UniqueConstraint(
                name="users_certificate_once", fields=["user", "kind", "sha256"], condition=Q(state="kept")
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    @transition(field=state, source=CertificateState.KEPT, target=CertificateState.REPLACED)
    def replaced(self) -> None: ...

    @transition(field=state, source=CertificateState.KEPT, target=CertificateState.REMOVED)
    def removed(self) -> None: ...
