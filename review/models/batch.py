"""What may be done to many cases at once: nothing that a row here does not allow."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from .queue import Stage


class BatchAction(models.TextChoices):
    APPROVE = "approve", "通过 Approve"
    DECLINE = "decline", "拒绝 Decline"


class BatchRule(models.Model):
    """Cases of a stage and one of `grades`, up to an amount, may be given
    `action` in a batch: a recommendation at the initial stage, a verdict at the final one."""

    stage = models.CharField(max_length=8, choices=Stage.choices)
    action = models.CharField(max_length=8, choices=BatchAction.choices)
    grades = ArrayField(models.CharField(max_length=2))
    amount_to_cents = models.BigIntegerField()

    class Meta:
        ordering = ["stage", "action"]
        constraints = [
            models.UniqueConstraint(fields=["stage", "action"], name="review_batch_rule_once"),
            models.CheckConstraint(
                condition=Q(action__in=BatchAction.values, amount_to_cents__gt=0), name="review_batch_rule_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stage} {self.action}"
