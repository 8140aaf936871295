"""Business days of the market, and the clock that development moves forward."""

from django.db import models
from django.db.models import Q


class Holiday(models.Model):
    """A date that differs from its weekday: a holiday, or a weekend day that is worked (`workday`)."""

    on_date = models.DateField(primary_key=True)
    workday = models.BooleanField(default=False)
    name = models.CharField(max_length=60)

    class Meta:
        ordering = ["on_date"]

    def __str__(self) -> str:
        return f"{self.on_date} {self.name}"


class DemoClock(models.Model):
    """How far development runs ahead of the real time. One row; only ever moved forward."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    offset_seconds = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(id=1), name="one_demo_clock"),
            models.CheckConstraint(condition=Q(offset_seconds__gte=0), name="demo_clock_never_behind"),
        ]

    def __str__(self) -> str:
        return f"+{self.offset_seconds} s"
