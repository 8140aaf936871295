"""The days of what decides, as they were measured."""

from django.db import models
from django.db.models import F, Q

from risk.models.strategy import Release, Scenario


class MonitoringDay(models.Model):
    """What one release decided on one business day; written anew while the day moves.

    `reasons`: {code: decisions}; `scores`: [[score, decisions]]; `unknown`: {variable: share of the `looked_at`
    latest decisions that did not know it}; `alarms`: [{figure, value, level, threshold}] against `level`, of which
    `compared_with` says whose it is. `through_id`: the latest decision that is counted.
    """

    scenario = models.ForeignKey(Scenario, models.PROTECT, related_name="monitoring_days")
    release = models.ForeignKey(Release, models.PROTECT, related_name="monitoring_days")
    day = models.DateField()
    decisions = models.PositiveIntegerField()
    approved = models.PositiveIntegerField()
    referred = models.PositiveIntegerField()
    declined = models.PositiveIntegerField()
    reasons = models.JSONField()
    scores = models.JSONField()
    score_psi = models.FloatField("score PSI", null=True, blank=True)
    unknown = models.JSONField()
    looked_at = models.PositiveIntegerField()
    compared_with = models.CharField(max_length=80, blank=True)
    alarms = models.JSONField(default=list, blank=True)
    alarmed_at = models.DateTimeField(null=True, blank=True)
    through_id = models.BigIntegerField()
    measured_at = models.DateTimeField()

    class Meta:
        ordering = ("-day", "scenario", "release")
        constraints = (
            models.UniqueConstraint(fields=["release", "scenario", "day"], name="risk_monitoringday_once"),
            models.CheckConstraint(
                condition=Q(decisions=F("approved") + F("referred") + F("declined"), decisions__gt=0),
                name="risk_monitoringday_adds_up",
            ),
        )
        indexes = (models.Index(fields=["scenario", "-day"], name="risk_monitoringday_latest"),)

    def __str__(self) -> str:
        return f"{self.release} on {self.day}"

    @property
    def approval_rate(self) -> float:
        return self.approved / self.decisions
