"""Scorecards built from data: what was asked, how far it is, and what came of it."""

from django.db import models
from django.db.models import Q
from django_fsm import FSMModelMixin, transition

from lending.common.states import StateField
from lending.common.work import WorkRow
from risk.models.datasets import Dataset
from risk.models.drafts import Draft
from risk.models.strategy import Scenario


class BuildState(models.TextChoices):
    PENDING = "pending", "Waits"
    RUNNING = "running", "Runs"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class ScorecardBuild(FSMModelMixin, WorkRow):
    """A worker proposes bins and fits; then people adjust the bins, and the figures are computed again.

    `settings`: {variables, held_out_percent, max_bins, min_percent, monotone, pdo, anchor_score, anchor_odds,
    bad_percent}. `proposed` and `binnings`: lists of `risk.rules.binning` forms, as proposed and as adjusted.
    `result`: as `risk.rules.modelling.fit` gives it; counts and figures, no rows. `revision` rises with every change.
    """

    title = models.CharField(max_length=120)
    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="builds")
    scenario = models.ForeignKey(Scenario, models.PROTECT, related_name="+")
    settings = models.JSONField()
    state = StateField(default=BuildState.PENDING, choices=BuildState.choices)
    progress = models.PositiveSmallIntegerField(default=0, help_text="Per cent")
    proposed = models.JSONField(default=list, blank=True)
    binnings = models.JSONField(default=list, blank=True)
    result = models.JSONField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True)
    revision = models.PositiveIntegerField(default=1)
    draft = models.ForeignKey(Draft, models.PROTECT, null=True, blank=True, related_name="builds")
    by = models.CharField(max_length=60)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-id",)
        verbose_name = "scorecard from data"
        verbose_name_plural = "scorecards from data"
        indexes = (models.Index(fields=["id"], condition=Q(state__in=["pending", "running"]), name="risk_build_to_do"),)
        constraints = (
            models.CheckConstraint(condition=Q(progress__lte=100), name="risk_build_progress_per_cent"),
            models.CheckConstraint(
                condition=Q(state__in=["pending", "running"], finished_at=None)
                | Q(state__in=["done", "failed", "cancelled"], finished_at__isnull=False),
                name="risk_build_finished_at",
            ),
            models.CheckConstraint(
                condition=~Q(state="done") | Q(result__isnull=False), name="risk_build_done_has_result"
            ),
            models.CheckConstraint(condition=~Q(state="failed") | ~Q(error=""), name="risk_build_failed_says_why"),
        )

    def __str__(self) -> str:
        return self.title

    @transition(field=state, source=BuildState.PENDING, target=BuildState.RUNNING)
    def start(self) -> None: ...

    @transition(field=state, source=BuildState.RUNNING, target=BuildState.DONE)
    def finish(self) -> None: ...

    @transition(field=state, source=[BuildState.PENDING, BuildState.RUNNING], target=BuildState.FAILED)
    def fail(self) -> None: ...

    @transition(field=state, source=[BuildState.PENDING, BuildState.RUNNING], target=BuildState.CANCELLED)
    def cancel(self) -> None: ...
