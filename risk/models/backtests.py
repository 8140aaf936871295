"""A strategy tried over many rows beside the one that serves, chunk by chunk."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django_fsm import FSMModelMixin, transition

from lending.common.crypto import EncryptedJSONField
from lending.common.states import StateField
from lending.common.work import WorkRow
from risk.models.datasets import Dataset
from risk.models.drafts import Draft
from risk.models.strategy import Release, Scenario


class BacktestState(models.TextChoices):
    PENDING = "pending", "Waits for a worker"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


class Backtest(FSMModelMixin, WorkRow):
    """The candidate as it was at the start, the baseline, the rows, and what came of it.

    `candidate`: [{key, scenario, graph}], the root first, whatever becomes of the draft; `candidate_sha256` is the
    closure of them, which a release of the same content has too. `inputs`, `defaults`: the scenario's variables and the
    catalogue's defaults at the start. `totals`: {candidate, baseline: {outcome: rows}}. `summary`: of
    `risk.rules.backtesting`; its samples name people, so it is encrypted. The row itself is leased by who sums up.
    """

    scenario = models.ForeignKey(Scenario, models.PROTECT, related_name="backtests")
    draft = models.ForeignKey(Draft, models.PROTECT, null=True, blank=True, related_name="backtests")
    release = models.ForeignKey(Release, models.PROTECT, null=True, blank=True, related_name="backtests")
    candidate_name = models.CharField("candidate", max_length=120)
    candidate = models.JSONField()
    candidate_sha256 = models.CharField(max_length=64)
    baseline = models.ForeignKey(Release, models.PROTECT, null=True, blank=True, related_name="+")
    approved_with = models.JSONField(help_text="What an approval carries: of the candidate, of the baseline")
    inputs = ArrayField(models.CharField(max_length=40))
    defaults = models.JSONField(default=dict, blank=True)
    dataset = models.ForeignKey(Dataset, models.PROTECT, null=True, blank=True, related_name="backtests")
    since = models.DateTimeField(null=True, blank=True)
    until = models.DateTimeField(null=True, blank=True)
    product_code = models.CharField(max_length=20, blank=True)
    channel_code = models.CharField(max_length=20, blank=True)
    groups = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    row_count = models.PositiveIntegerField("rows")
    chunk_count = models.PositiveIntegerField()
    state = StateField(default=BacktestState.PENDING, choices=BacktestState.choices)
    totals = models.JSONField(default=dict, blank=True)
    summary = EncryptedJSONField(null=True, blank=True)
    failure = models.CharField(max_length=300, blank=True)
    by = models.CharField(max_length=60)
    begun_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    cancelled_by = models.CharField(max_length=60, blank=True)

    class Meta:
        ordering = ("-id",)
        permissions = (("run_backtest", "Can start and cancel backtests"),)
        indexes = (
            models.Index(fields=["candidate_sha256", "-id"], name="risk_backtest_of_candidate"),
            models.Index(fields=["id"], condition=Q(state__in=["pending", "running"]), name="risk_backtest_to_do"),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(draft__isnull=False, release=None) | Q(draft=None, release__isnull=False),
                name="risk_backtest_of_one_candidate",
            ),
            models.CheckConstraint(
                condition=Q(dataset__isnull=False, since=None, until=None)
                | Q(dataset=None, since__isnull=False, until__gt=models.F("since")),
                name="risk_backtest_over_one_source",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["pending", "running"], finished_at=None)
                | (Q(state__in=["done", "failed", "cancelled"]) & Q(finished_at__isnull=False)),
                name="risk_backtest_finished_at",
            ),
            models.CheckConstraint(
                condition=~Q(state="done") | Q(summary__isnull=False), name="risk_backtest_done_has_summary"
            ),
            models.CheckConstraint(
                condition=Q(state="failed") & ~Q(failure="") | ~Q(state="failed") & Q(failure=""),
                name="risk_backtest_failed_says_why",
            ),
            models.CheckConstraint(
                condition=Q(state="cancelled") & ~Q(cancelled_by="") | ~Q(state="cancelled") & Q(cancelled_by=""),
                name="risk_backtest_cancelled_by",
            ),
            models.CheckConstraint(condition=Q(row_count__gt=0, chunk_count__gt=0), name="risk_backtest_has_rows"),
        )

    def __str__(self) -> str:
        return f"{self.candidate_name} over {self.source}"

    @property
    def source(self) -> str:
        """What it runs over, in words."""
        if self.dataset is not None:
            return self.dataset.name
        where = " · ".join(code for code in (self.product_code, self.channel_code) if code)
        return f"decisions of {self.scenario_id and self.scenario.code}{f' ({where})' if where else ''}"

    @transition(field=state, source=BacktestState.PENDING, target=BacktestState.RUNNING)
    def begin(self) -> None: ...

    @transition(field=state, source=BacktestState.RUNNING, target=BacktestState.DONE)
    def finish(self) -> None: ...

    @transition(field=state, source=[BacktestState.PENDING, BacktestState.RUNNING], target=BacktestState.FAILED)
    def fail(self) -> None: ...

    @transition(field=state, source=[BacktestState.PENDING, BacktestState.RUNNING], target=BacktestState.CANCELLED)
    def cancel(self) -> None: ...


class ChunkState(models.TextChoices):
    PENDING = "pending", "To be run"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


class BacktestChunk(FSMModelMixin, WorkRow):
    """Up to 500 rows: a part of the dataset (`number`), or the decisions named. Leased by one worker at a time.

    `results`: tried rows of `risk.rules.trials`, encrypted because they name people. `counts`: of its `Known`.
    """

    backtest = models.ForeignKey(Backtest, models.CASCADE, related_name="chunks")
    number = models.PositiveIntegerField(help_text="Counted from 0")
    decision_ids = ArrayField(models.BigIntegerField(), default=list, blank=True)
    state = StateField(default=ChunkState.PENDING, choices=ChunkState.choices)
    row_count = models.PositiveIntegerField("rows", default=0)
    error_count = models.PositiveIntegerField("errors", default=0)
    counts = models.JSONField(default=dict, blank=True)
    results = EncryptedJSONField(null=True, blank=True)
    last_error = models.CharField(max_length=300, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("backtest", "number")
        indexes = (models.Index(fields=["backtest"], condition=Q(state="pending"), name="risk_backtestchunk_to_do"),)
        constraints = (
            models.UniqueConstraint(fields=["backtest", "number"], name="risk_backtestchunk_once"),
            models.CheckConstraint(
                condition=~Q(state="done") | Q(results__isnull=False), name="risk_backtestchunk_done_has_results"
            ),
            models.CheckConstraint(
                condition=Q(state="pending", finished_at=None) | (~Q(state="pending") & Q(finished_at__isnull=False)),
                name="risk_backtestchunk_finished_at",
            ),
        )

    def __str__(self) -> str:
        return f"chunk {self.number} of backtest {self.backtest_id}"

    @transition(field=state, source=ChunkState.PENDING, target=ChunkState.DONE)
    def finish(self) -> None: ...

    @transition(field=state, source=ChunkState.PENDING, target=ChunkState.FAILED)
    def fail(self) -> None: ...
