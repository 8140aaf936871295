"""Outages on purpose: a source that seems dead, slow or wrong for some minutes."""

from django.db import models
from django.db.models import F, Q

from users.models.checks import Source


class DrillMode(models.TextChoices):
    DEAD = "dead", "Dead: nobody is reached"
    SLOW = "slow", "Slow: no answer within the time limit"
    WRONG = "wrong", "Wrong: an answer that cannot be read"


class Drill(models.Model):
    """From `started_at` to `until`, or to `ended_at` where somebody stops it, the source is not called at all.

    It is over at `until` whether or not anybody writes `ended_at`.
    """

    source = models.ForeignKey(Source, on_delete=models.PROTECT, related_name="drills")
    mode = models.CharField(max_length=8, choices=DrillMode)
    reason = models.CharField(max_length=300)
    started_by = models.CharField(max_length=40)
    started_at = models.DateTimeField()
    until = models.DateTimeField()
    ended_by = models.CharField(max_length=40, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        permissions = (("run_drill", "Can make a source seem dead, slow or wrong"),)
        constraints = (
            models.UniqueConstraint(
                fields=["source"], condition=Q(ended_at__isnull=True), name="users_drill_one_open_a_source"
            ),
            models.CheckConstraint(name="users_drill_mode_known", condition=Q(mode__in=DrillMode.values)),
            models.CheckConstraint(name="users_drill_ends_later", condition=Q(until__gt=F("started_at"))),
            models.CheckConstraint(name="users_drill_has_reason", condition=~Q(reason="")),
            models.CheckConstraint(
                name="users_drill_ended_by",
                condition=Q(ended_at__isnull=True, ended_by="") | (Q(ended_at__isnull=False) & ~Q(ended_by="")),
            ),
        )

    def __str__(self) -> str:
        return f"{self.source.code} {self.mode}"
