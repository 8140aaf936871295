"""What may be done to many cases at once: nothing that a row here does not allow."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django_fsm import FSMModelMixin, transition

from lending.common.states import StateField

from .authority import VersionState, decided_by_two
from .queue import Stage


class BatchAction(models.TextChoices):
    APPROVE = "approve", "通过 Approve"
    DECLINE = "decline", "拒绝 Decline"


class ChecklistNeed(models.TextChoices):
    NEEDED = "needed", "须完成 Needed"
    WAIVED = "waived", "免除 Waived"


class BatchRule(models.Model):
    """Cases of a stage and one of `grades`, up to an amount, may be given
    `action` in a batch: a recommendation at the initial stage, a verdict at the final one.

    `checklist` waived: without a tick. Two people change a row, by a `BatchChange`."""

    stage = models.CharField(max_length=8, choices=Stage.choices)
    action = models.CharField(max_length=8, choices=BatchAction.choices)
    grades = ArrayField(models.CharField(max_length=2))
    amount_to_cents = models.BigIntegerField()
    checklist = models.CharField(max_length=6, choices=ChecklistNeed.choices, default=ChecklistNeed.NEEDED)

    class Meta:
        ordering = ["stage", "action"]
        constraints = [
            models.UniqueConstraint(fields=["stage", "action"], name="review_batch_rule_once"),
            models.CheckConstraint(
                condition=Q(action__in=BatchAction.values, amount_to_cents__gt=0), name="review_batch_rule_known"
            ),
            models.CheckConstraint(
                condition=Q(checklist__in=ChecklistNeed.values), name="review_batch_rule_checklist_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stage} {self.action}"


V = VersionState


class BatchChange(FSMModelMixin, models.Model):
    """What a row of the batch rules shall become: drafted by one, put in force by another. No `grades`: no batch."""

    stage = models.CharField(max_length=8, choices=Stage.choices)
    action = models.CharField(max_length=8, choices=BatchAction.choices)
    grades = ArrayField(models.CharField(max_length=2), blank=True)
    amount_to_cents = models.BigIntegerField()
    checklist = models.CharField(max_length=6, choices=ChecklistNeed.choices)
    state = StateField(default=V.DRAFT, choices=V.choices)
    reason = models.CharField(max_length=300)
    drafted_by = models.CharField(max_length=60)
    drafted_at = models.DateTimeField()
    decided_by = models.CharField(max_length=60, blank=True)
    decided_at = models.DateTimeField(null=True)
    decision_note = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-id"]
        permissions = [
            ("draft_batchchange", "Can draft a change of the batch rules"),
            ("approve_batchchange", "Can approve a change of the batch rules that somebody else drafted"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["stage", "action"], condition=Q(state=V.DRAFT), name="review_batch_change_one_draft"
            ),
            models.CheckConstraint(
                condition=Q(action__in=BatchAction.values, checklist__in=ChecklistNeed.values, amount_to_cents__gt=0),
                name="review_batch_change_known",
            ),
            *decided_by_two("review_batch_change"),
        ]

    def __str__(self) -> str:
        return f"{self.stage} {self.action}: {' '.join(self.grades) or 'none'}, checklist {self.checklist}"

    @transition(field=state, source=V.DRAFT, target=V.APPROVED)
    def approve(self) -> None: ...

    @transition(field=state, source=V.DRAFT, target=V.DISCARDED)
    def discard(self) -> None: ...
