"""What data may cost."""

from django.db import models
from django.db.models import Q


class BudgetKind(models.TextChoices):
    DAY = "day", "All data of a business day"
    APPLICATION = "application", "An application, on average of seven days"
    FUNDED = "funded", "A funded loan: all data of thirty days over the loans paid out"


class Budget(models.Model):
    """An amount that spend on data is held to. `told_on`, `told_percent`: its last alarm, so that it comes once."""

    kind = models.CharField(max_length=12, choices=BudgetKind, unique=True)
    limit_cents = models.PositiveIntegerField()
    alarm_percent = models.PositiveSmallIntegerField(help_text="Of the limit, at which an alarm is raised")
    told_on = models.DateField(null=True, blank=True)
    told_percent = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ("id",)
        verbose_name = "budget for data"
        verbose_name_plural = "budgets for data"
        constraints = (
            models.CheckConstraint(name="risk_budget_kind_known", condition=Q(kind__in=BudgetKind.values)),
            models.CheckConstraint(name="risk_budget_limit_positive", condition=Q(limit_cents__gt=0)),
            models.CheckConstraint(
                name="risk_budget_alarm_bounds", condition=Q(alarm_percent__gte=1, alarm_percent__lte=200)
            ),
        )

    def __str__(self) -> str:
        return str(self.get_kind_display())
