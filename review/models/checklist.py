"""What a reviewer of a queue has to look at, and who has ticked what when."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from .case import Case
from .queue import Queue


class NeededFor(models.TextChoices):
    ANY = "any", "任何结论 Any verdict"
    APPROVE = "approve", "通过 An approval"
    NOTHING = "", "可选 Optional"


class ChecklistItem(models.Model):
    """One line of a queue's list. An item that is no longer active is not asked for; its ticks stay."""

    queue = models.ForeignKey(Queue, models.PROTECT, related_name="checklist")
    key = models.SlugField(max_length=30)
    position = models.PositiveSmallIntegerField()
    text_en = models.CharField(max_length=120)
    text_zh = models.CharField(max_length=120)
    needed_for = models.CharField(max_length=8, choices=NeededFor.choices, blank=True)
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["queue_id", "position"]
        constraints = [
            models.UniqueConstraint(fields=["queue", "key"], name="review_checklist_key_once"),
            models.CheckConstraint(
                condition=Q(needed_for__in=NeededFor.values), name="review_checklist_needed_for_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.text_zh} {self.text_en}"


class ChecklistTick(models.Model):
    """Ticked, and perhaps taken back; ticked again is another row."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="ticks")
    item = models.ForeignKey(ChecklistItem, models.PROTECT, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    ticked_at = models.DateTimeField()
    taken_back_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    taken_back_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["case", "item"], condition=Q(taken_back_at=None), name="review_ticked_once"
            ),
            models.CheckConstraint(
                condition=Q(taken_back_by__isnull=True, taken_back_at__isnull=True)
                | Q(taken_back_by__isnull=False, taken_back_at__isnull=False),
                name="review_tick_taken_back_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.case_id} {self.item_id}"
