"""What the borrower still has to bring (补件)."""

import uuid

from django.db import models
from django.db.models import Q

from lending.common.crypto import EncryptedTextField

from .application import Application


class Supplement(models.Model):
    """One request of a reviewer; answered once, or overtaken by expiry or withdrawal."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    application = models.ForeignKey(Application, models.PROTECT, related_name="supplements")
    requested_by = models.CharField(max_length=60)
    requested_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["application"],
                condition=Q(answered_at=None, closed_at=None),
                name="one_open_supplement_per_application",
            )
        ]

    def __str__(self) -> str:
        return str(self.public_id)


class SupplementItem(models.Model):
    """One thing asked for: a document or an answer. The file's sha256 and size are those of the stored bytes."""

    supplement = models.ForeignKey(Supplement, models.PROTECT, related_name="items")
    kind = models.CharField(max_length=40)
    request_text = models.CharField(max_length=200)
    answer_text = EncryptedTextField(null=True)
    file = models.FileField(upload_to="supplements/", blank=True)
    file_sha256 = models.CharField(max_length=64, blank=True)
    file_size = models.PositiveIntegerField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["supplement", "kind"], name="one_item_per_kind")]

    def __str__(self) -> str:
        return self.kind
