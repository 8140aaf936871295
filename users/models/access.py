"""Lists of people and things we know, and the log of who looked at personal data."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q


class ListKind(models.TextChoices):
    BLACK = "black", "Black"
    GREY = "grey", "Grey"
    WHITE = "white", "White"


class ListSubject(models.TextChoices):
    PHONE = "phone", "Phone"
    ID_NUMBER = "id_number", "ID number"
    CARD = "card", "Bank card"
    DEVICE = "device", "Device"


class ListSource(models.TextChoices):
    """Who says so."""

    MANUAL = "manual", "A member of staff"
    FRAUD_DESK = "fraud_desk", "Fraud desk"
    COURT = "court", "Court"
    REGULATOR = "regulator", "Regulator or police"
    PARTNER = "partner", "Partner or funder"
    BORROWER = "borrower", "The owner"


class ListEntry(models.Model):
    """A blind index on a list. The subject itself is never stored, so the list gives nothing away."""

    kind = models.CharField(max_length=8, choices=ListKind)
    subject = models.CharField(max_length=12, choices=ListSubject)
    subject_index = models.CharField(max_length=64)
    source = models.CharField(max_length=12, choices=ListSource, default=ListSource.MANUAL, help_text="Who says so")
    reason = models.CharField(max_length=200)
    added_by = models.CharField(max_length=40)
    added_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    removed_by = models.CharField(max_length=40, blank=True)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "list entries"
        indexes = (models.Index(fields=["subject_index", "subject"], name="users_listentry_subject"),)
        constraints = (
            models.UniqueConstraint(
                name="users_listentry_once",
                fields=["kind", "subject", "subject_index"],
                condition=Q(removed_at__isnull=True),
            ),
            models.CheckConstraint(
                name="users_listentry_source_known",
                condition=Q(source__in=["manual", "fraud_desk", "court", "regulator", "partner", "borrower"]),
            ),
            models.CheckConstraint(
                name="users_listentry_removed_who_and_when",
                condition=Q(removed_at__isnull=True, removed_by="") | (Q(removed_at__isnull=False) & ~Q(removed_by="")),
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


class AccessLog(models.Model):
    """Who saw which personal data of whom, and why. Append-only by trigger; no foreign keys, so it outlives all."""

    by = models.CharField(max_length=40)
    subject = models.CharField(max_length=80, help_text="For example user:17")
    fields = ArrayField(models.CharField(max_length=40))
    reason = models.CharField(max_length=300)
    at = models.DateTimeField()

    class Meta:
        ordering = ("-at",)
        indexes = (models.Index(fields=["subject", "-at"], name="users_accesslog_subject"),)
        constraints = (models.CheckConstraint(name="users_accesslog_has_reason", condition=~Q(reason="")),)

    def __str__(self) -> str:
        return f"{self.by} saw {self.subject}"
