"""What people add to a case: notes and files. Both stay as they were written; a correction is another note."""

from django.db import models
from django.db.models import Q

from lending.common.crypto import EncryptedTextField, blind_index

from .case import Case


def seal(text: str) -> str:
    """A keyed digest of a note."""
    return blind_index(text, "case_note")


class CaseNote(models.Model):
    """`by`: "staff:<id>", without a foreign key, so that it outlives the account. `seal`: a keyed digest of the text,
    by which a text that was changed under it shows; the trigger lets nothing change but its encryption."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="notes")
    by = models.CharField(max_length=60)
    at = models.DateTimeField()
    text = EncryptedTextField()
    seal = models.CharField(max_length=64)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"note {self.pk} on {self.case_id}"


class AttachmentKind(models.TextChoices):
    ID_FRONT = "id_front", "身份证人像面 ID card, portrait side"
    ID_BACK = "id_back", "身份证国徽面 ID card, emblem side"
    FACE = "face", "人脸照片 Picture of the face"
    INCOME = "income_proof", "收入证明 Proof of income"
    EMPLOYMENT = "employment_proof", "工作证明 Proof of employment"
    ADDRESS = "address_proof", "居住证明 Proof of address"
    RECORDING = "call_note", "通话记录 Note of a call"
    OTHER = "other", "其他 Other"


class Attachment(models.Model):
    """A file that staff put to a case, encrypted in the vault; sha256 and size are those of the bytes kept."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="attachments")
    kind = models.CharField(max_length=20, choices=AttachmentKind.choices)
    title = models.CharField(max_length=120)
    file = models.CharField(max_length=120)
    sha256 = models.CharField(max_length=64)
    size = models.PositiveIntegerField()
    by = models.CharField(max_length=60)
    at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["case", "sha256"], name="review_attachment_once_a_case"),
            models.CheckConstraint(condition=Q(size__gt=0), name="review_attachment_is_not_empty"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.title}"
