"""What staff did: one row for every act that changed something."""

from django.db import models
from django.db.models import Q


class StaffAct(models.Model):
    """Who did what to which row, and why. Append-only by trigger; no foreign keys, so it outlives all."""

    by = models.CharField(max_length=40)
    act = models.CharField(max_length=40)
    subject = models.CharField(max_length=80, help_text="For example notice:17")
    reason = models.CharField(max_length=300)
    at = models.DateTimeField()

    class Meta:
        ordering = ("-id",)
        indexes = (
            models.Index(fields=["subject", "-id"], name="users_staffact_subject"),
            models.Index(fields=["by", "-id"], name="users_staffact_by"),
        )
        constraints = (models.CheckConstraint(name="users_staffact_has_reason", condition=~Q(reason="")),)

    def __str__(self) -> str:
        return f"{self.by} {self.act} {self.subject}"


class Amendment(models.Model):
    """One value of a row of a register that was changed: from what to what, by whom and why. Append-only by trigger.

    Values are kept as text; of a secret only that it was replaced. No foreign keys, so it outlives all.
    """

    subject = models.CharField(max_length=80, help_text="For example source:bureau")
    field = models.CharField(max_length=40)
    before = models.CharField(max_length=300, blank=True)
    after = models.CharField(max_length=300, blank=True)
    by = models.CharField(max_length=40)
    reason = models.CharField(max_length=300)
    at = models.DateTimeField()

    class Meta:
        ordering = ("-id",)
        verbose_name = "change of a register"
        verbose_name_plural = "changes of registers"
        indexes = (models.Index(fields=["subject", "field", "-id"], name="users_amendment_subject"),)
        constraints = (models.CheckConstraint(name="users_amendment_has_reason", condition=~Q(reason="")),)

    def __str__(self) -> str:
        return f"{self.subject} {self.field}"
