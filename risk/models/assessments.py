"""What was decided: one assessment an application or drawdown, its pulls of data, and its decisions."""

import uuid
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django_fsm import FSMModelMixin, transition

from lending.common.crypto import EncryptedJSONField, EncryptedTextField
from lending.common.states import StateField
from lending.common.work import WorkRow
from risk.models.experiments import Experiment
from risk.models.strategy import Release, Scenario, Segment


class AssessmentKind(models.TextChoices):
    APPLICATION = "application", "Application"
    DRAWDOWN = "drawdown", "Drawdown"


class AssessmentState(models.TextChoices):
    PENDING = "pending", "Pending"
    DONE = "done", "Done"
    CANCELLED = "cancelled", "Cancelled"


class Assessment(FSMModelMixin, WorkRow):
    """The run of the scenarios for one subject. A crashed run resumes from its settled pulls and stored decisions."""

    kind = models.CharField(max_length=12, choices=AssessmentKind)
    application = models.ForeignKey("lending.Application", models.PROTECT, related_name="assessments")
    drawdown = models.ForeignKey("lending.Drawdown", models.PROTECT, null=True, blank=True, related_name="assessments")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="assessments")
    state = StateField(default=AssessmentState.PENDING, choices=AssessmentState.choices)
    as_of_date = models.DateField(help_text="Business day of every decision of this run")
    segment = models.CharField(max_length=10, choices=Segment, blank=True)
    skipped = models.JSONField(default=dict, blank=True, help_text="Sources not asked, and why")
    outcome = models.CharField(max_length=8, blank=True)
    spend_cents = models.PositiveIntegerField(default=0, help_text="All pulls and the identity or card check")
    last_error = models.CharField(max_length=300, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = (
            models.Index(fields=["id"], condition=Q(state="pending"), name="risk_assessment_to_do"),
            models.Index(fields=["finished_at"], name="risk_assessment_finished"),
            models.Index(fields=["as_of_date"], name="risk_assessment_by_day"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["application"], condition=Q(kind="application"), name="risk_assessment_once_an_application"
            ),
            models.UniqueConstraint(
                fields=["drawdown"], condition=Q(kind="drawdown"), name="risk_assessment_once_a_drawdown"
            ),
            models.CheckConstraint(
                condition=Q(kind="application", drawdown=None) | Q(kind="drawdown", drawdown__isnull=False),
                name="risk_assessment_names_its_subject",
            ),
            models.CheckConstraint(
                condition=Q(state="pending", finished_at=None) | (~Q(state="pending") & Q(finished_at__isnull=False)),
                name="risk_assessment_finished_at",
            ),
            models.CheckConstraint(
                condition=~Q(state="done") | Q(outcome__in=["approve", "refer", "decline"]),
                name="risk_assessment_done_has_outcome",
            ),
        )

    def __str__(self) -> str:
        return f"assessment {self.pk} of {self.kind} {self.drawdown_id or self.application_id}"

    @transition(field=state, source=AssessmentState.PENDING, target=AssessmentState.DONE)
    def finish(self) -> None: ...

    @transition(field=state, source=AssessmentState.PENDING, target=AssessmentState.CANCELLED)
    def cancel(self) -> None: ...


class PullState(models.TextChoices):
    PENDING = "pending", "Pending"
    ANSWERED = "answered", "Answered"
    DEAD = "dead", "No answer"


def _is_quarantined(pull: Any) -> bool:
    return bool(pull.quarantined)


class DataPull(FSMModelMixin, WorkRow):
    """One question to one source. It sends personal data, so a trigger holds its consent live at insert and at claim.

    `reused_from`: a fresh enough earlier answer stands, nothing was sent and nothing is spent. `quarantined`: something
    came, is kept in `payload` and could not be read; to the decision it is no answer.
    """

    assessment = models.ForeignKey(Assessment, models.PROTECT, related_name="pulls")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    source = models.ForeignKey("users.Source", models.PROTECT, related_name="+")
    source_code = models.CharField(max_length=32)
    answers_for = models.CharField(max_length=32, help_text="The source in whose place a fallback answers; else itself")
    stage = models.PositiveSmallIntegerField()
    consent = models.ForeignKey("users.Consent", models.PROTECT, related_name="+")
    recipient = models.CharField(max_length=40)
    state = StateField(default=PullState.PENDING, choices=PullState.choices)
    price_cents = models.PositiveIntegerField(default=0)
    latency_ms = models.PositiveIntegerField(null=True, blank=True)
    payload = EncryptedJSONField(null=True, blank=True)
    reused_from = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="reused_by")
    failure = models.CharField(max_length=200, blank=True)
    quarantined = models.BooleanField(default=False)
    subject_index = models.CharField(
        max_length=64, blank=True, help_text="Blind index of what was sent; an answer is used again for that alone"
    )
    settled_at = models.DateTimeField(null=True, blank=True)
    purged_at = models.DateTimeField(null=True, blank=True, help_text="When the raw answer was deleted")

    class Meta:
        indexes = (
            models.Index(fields=["user", "answers_for", "-settled_at"], name="risk_pull_latest"),
            models.Index(
                fields=["source", "settled_at"], condition=Q(payload__isnull=False), name="risk_pull_with_payload"
            ),
            models.Index(fields=["-settled_at"], condition=Q(quarantined=True), name="risk_pull_quarantined"),
            models.Index(fields=["settled_at"], name="risk_pull_settled"),
        )
        constraints = (
            models.UniqueConstraint(fields=["assessment", "source"], name="risk_pull_once"),
            models.CheckConstraint(
                condition=Q(state="pending", settled_at=None) | (~Q(state="pending") & Q(settled_at__isnull=False)),
                name="risk_pull_settled_at",
            ),
            models.CheckConstraint(
                condition=~Q(state="answered")
                | Q(payload__isnull=False)
                | Q(reused_from__isnull=False)
                | Q(purged_at__isnull=False),
                name="risk_pull_answer_is_kept",
            ),
            models.CheckConstraint(
                condition=Q(purged_at=None) | Q(payload=None, settled_at__isnull=False), name="risk_pull_purged_is_gone"
            ),
            models.CheckConstraint(
                condition=Q(quarantined=False)
                | (Q(state="dead") & (Q(payload__isnull=False) | Q(purged_at__isnull=False))),
                name="risk_pull_quarantined_is_kept",
            ),
            models.CheckConstraint(
                condition=Q(reused_from=None) | Q(price_cents=0), name="risk_pull_reused_costs_nothing"
            ),
        )

    def __str__(self) -> str:
        return f"{self.source_code} pull {self.pk}"

    @transition(field=state, source=PullState.PENDING, target=PullState.ANSWERED)
    def answered(self) -> None: ...

    @transition(field=state, source=PullState.PENDING, target=PullState.DEAD)
    def died(self) -> None: ...

    @transition(field=state, source=PullState.DEAD, target=PullState.ANSWERED, conditions=[_is_quarantined])
    def read_again(self) -> None: ...


class Arm(models.TextChoices):
    CHAMPION = "champion", "Champion"
    CHALLENGER = "challenger", "Challenger"


class Decision(models.Model):
    """One evaluation, never changed: replayed with its release, the inputs give the same bytes as `output`.

    `inputs` and `output` are canonical JSON text (sorted keys, no blanks). Rules, reasons and outcome stand beside it
    for lists and statistics.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    assessment = models.ForeignKey(Assessment, models.PROTECT, related_name="decisions")
    scenario = models.ForeignKey(Scenario, models.PROTECT, related_name="+")
    step = models.CharField(max_length=40, help_text="The scenario, or the knock-out after a stage of it")
    release = models.ForeignKey(Release, models.PROTECT, related_name="decisions")
    experiment = models.ForeignKey(Experiment, models.PROTECT, null=True, blank=True, related_name="decisions")
    arm = models.CharField(max_length=10, choices=Arm, blank=True)
    engine = models.CharField(max_length=40)
    as_of_date = models.DateField()
    inputs = EncryptedTextField()
    defaulted = ArrayField(
        models.CharField(max_length=40), default=list, blank=True, help_text="Inputs whose default stood in"
    )
    output = models.TextField()
    outcome = models.CharField(max_length=8)
    grade = models.CharField(max_length=2, blank=True)
    score = models.IntegerField(null=True, blank=True)
    limit_cents = models.BigIntegerField(null=True, blank=True)
    annual_rate = models.DecimalField(max_digits=6, decimal_places=4, null=True, blank=True)
    reasons = ArrayField(models.CharField(max_length=4), default=list, blank=True)
    tags = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    hits = models.JSONField(default=list, blank=True)
    spend_cents = models.PositiveIntegerField(help_text="Spent on the subject up to here")
    latency_us = models.PositiveIntegerField()
    decided_at = models.DateTimeField()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(fields=["assessment", "step"], name="risk_decision_once_a_step"),
            models.CheckConstraint(
                condition=Q(outcome__in=["approve", "refer", "decline"]), name="risk_decision_outcome_known"
            ),
            models.CheckConstraint(condition=Q(outcome="approve") | ~Q(reasons=[]), name="risk_decision_says_why"),
            models.CheckConstraint(
                condition=Q(experiment=None, arm="") | (Q(experiment__isnull=False) & ~Q(arm="")),
                name="risk_decision_arm_of_an_experiment",
            ),
        )
        indexes = (
            models.Index(fields=["scenario", "decided_at"], name="risk_decision_by_scenario"),
            models.Index(fields=["release", "decided_at"], name="risk_decision_by_release"),
        )

    def __str__(self) -> str:
        return f"{self.step}: {self.outcome}"


class ShadowDecision(models.Model):
    """What a shadow would have said beside a decision. Nobody acts on it; `failure`: why it said nothing."""

    decision = models.ForeignKey(Decision, models.PROTECT, related_name="shadows")
    experiment = models.ForeignKey(Experiment, models.PROTECT, related_name="shadow_decisions")
    release = models.ForeignKey(Release, models.PROTECT, related_name="+")
    output = models.TextField(blank=True)
    outcome = models.CharField(max_length=8, blank=True)
    score = models.IntegerField(null=True, blank=True)
    limit_cents = models.BigIntegerField(null=True, blank=True)
    annual_rate = models.DecimalField(max_digits=6, decimal_places=4, null=True, blank=True)
    reasons = ArrayField(models.CharField(max_length=4), default=list, blank=True)
    failure = models.CharField(max_length=300, blank=True)
    latency_us = models.PositiveIntegerField()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(fields=["decision", "experiment"], name="risk_shadow_once_a_decision"),
            models.CheckConstraint(
                condition=(Q(failure="") & ~Q(outcome="")) | (~Q(failure="") & Q(outcome="")),
                name="risk_shadow_says_or_fails",
            ),
        )

    def __str__(self) -> str:
        return f"shadow of {self.decision_id}: {self.outcome or self.failure}"
