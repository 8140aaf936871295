"""Champion and challenger, shadows, and exemptions of one borrower from one rule."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from risk.models.strategy import Release, Scenario, Scope


class ExperimentKind(models.TextChoices):
    CHALLENGER = "challenger", "Challenger decides for its share"
    SHADOW = "shadow", "Shadow: evaluated and stored, never acted on"


class Experiment(Scope):
    """A second release beside the one in force, for a scope.

    A borrower's place (0 to 9,999) is a hash of borrower and `salt`; those below `share_bp` belong to the challenger,
    so a larger share moves nobody out of it. A shadow is evaluated for those, and decides for nobody.
    """

    name = models.CharField(max_length=80)
    scenario = models.ForeignKey(Scenario, models.PROTECT, related_name="experiments")
    kind = models.CharField(max_length=10, choices=ExperimentKind)
    challenger = models.ForeignKey(Release, models.PROTECT, related_name="experiments")
    share_bp = models.PositiveIntegerField(help_text="Ten-thousandths of the borrowers")
    salt = models.CharField(max_length=40)
    started_by = models.CharField(max_length=60)
    started_at = models.DateTimeField()
    ended_by = models.CharField(max_length=60, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        permissions = (("put_in_force", "Can roll back, retire and run experiments"),)
        constraints = (
            models.UniqueConstraint(
                fields=["scenario", "kind", "product_code", "channel_code", "segment"],
                condition=Q(ended_at=None),
                name="risk_experiment_one_a_scope",
            ),
            models.CheckConstraint(
                condition=Q(share_bp__gte=1, share_bp__lte=10_000), name="risk_experiment_share_in_bounds"
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, ended_by="") | (Q(ended_at__isnull=False) & ~Q(ended_by="")),
                name="risk_experiment_ended_who_and_when",
            ),
        )

    def __str__(self) -> str:
        return self.name


class Exemption(models.Model):
    """One borrower is not held to one rule until the end of a day: asked by one person, approved by another."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="exemptions")
    rule = models.CharField(max_length=120, help_text="Rule set and rule, for example credit_rules.many_lenders")
    until_date = models.DateField()
    reason = models.CharField(max_length=300)
    asked_by = models.CharField(max_length=60)
    asked_at = models.DateTimeField()
    approved_by = models.CharField(max_length=60, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=60, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        permissions = (("ask_exemption", "Can ask to exempt a borrower from a rule"),)
        indexes = (models.Index(fields=["user"], condition=Q(ended_at=None), name="risk_exemption_live"),)
        constraints = (
            models.UniqueConstraint(
                fields=["user", "rule"], condition=Q(ended_at=None), name="risk_exemption_one_a_rule"
            ),
            models.CheckConstraint(
                condition=Q(approved_at=None, approved_by="")
                | (Q(approved_at__isnull=False) & ~Q(approved_by="") & ~Q(approved_by=F("asked_by"))),
                name="risk_exemption_four_eyes",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, ended_by="") | (Q(ended_at__isnull=False) & ~Q(ended_by="")),
                name="risk_exemption_ended_who_and_when",
            ),
        )

    def __str__(self) -> str:
        return f"{self.rule} until {self.until_date}"
