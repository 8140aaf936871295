"""Where people disagreed with the machine, by rule, and what the analysts were handed about it."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from .case import Case, CaseOutcome


class OverrideBrief(models.Model):
    """Overrides of one rule that became many: what the analysts were told, with a draft and its backtest.

    `draft_id` and `backtest_id` are of the risk engine, without a foreign key; null where there was nothing to begin
    from, and `told` says why.
    """

    subject = models.CharField(max_length=90)
    counted = models.PositiveIntegerField()
    first_at = models.DateTimeField()
    created_at = models.DateTimeField()
    draft_id = models.BigIntegerField(null=True)
    backtest_id = models.BigIntegerField(null=True)
    told = models.TextField()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["subject", "first_at"], name="review_brief_once_a_window")]

    def __str__(self) -> str:
        return f"{self.subject} {self.created_at:%Y-%m-%d}"


class Override(models.Model):
    """One verdict of a person against one thing the machine said: `subject` is "rule:<rule set>.<rule>", "reason:P01"
    where no rule could be found, or "score:<flow>". `outcome` is the person's."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="overrides")
    subject = models.CharField(max_length=90)
    outcome = models.CharField(max_length=8, choices=CaseOutcome.choices[:2])
    decision_id = models.BigIntegerField(null=True)
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    brief = models.ForeignKey(OverrideBrief, models.PROTECT, null=True, blank=True, related_name="overrides")

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["subject", "created_at"], name="review_override_by_subject"),
            models.Index(fields=["created_at"], condition=Q(brief=None), name="review_override_uncounted"),
        ]
        constraints = [models.UniqueConstraint(fields=["case", "subject"], name="review_override_once_a_case")]

    def __str__(self) -> str:
        return f"{self.subject} in case {self.case_id}"
