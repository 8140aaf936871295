"""Second looks at closed cases: which are taken, who takes them, what they found, and what moved."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from .case import Case, CaseOutcome
from .queue import Queue, Stage


class SamplingRule(models.Model):
    """Of the closed cases it describes, `share_bp` of 10,000 get a second look. What is empty describes any.

    `alone`, `overrules`: whether the closing reviewer decided alone, or against the machine. `first_cases`: of the
    reviewer's first so many; `level_to`: of reviewers up to this level.
    """

    code = models.CharField(max_length=20, unique=True)
    stage = models.CharField(max_length=8, choices=Stage.choices, blank=True)
    outcome = models.CharField(max_length=8, choices=CaseOutcome.choices[:2], blank=True)
    queue_code = models.CharField(max_length=10, blank=True)
    alone = models.BooleanField(null=True, blank=True)
    overrules = models.BooleanField(null=True, blank=True)
    first_cases = models.PositiveSmallIntegerField(null=True, blank=True)
    level_to = models.PositiveSmallIntegerField(null=True, blank=True)
    amount_from_cents = models.BigIntegerField(null=True, blank=True)
    share_bp = models.PositiveSmallIntegerField()
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["-share_bp", "code"]
        constraints = [
            models.CheckConstraint(condition=Q(share_bp__range=(1, 10_000)), name="review_sampling_share_in_range")
        ]

    def __str__(self) -> str:
        return self.code


class SamplingMark(models.Model):
    """Cases that were closed up to here have been sampled. One row."""

    through_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="review_sampling_has_one_mark")]

    def __str__(self) -> str:
        return f"{self.through_at:%Y-%m-%d %H:%M}"


class Severity(models.IntegerChoices):
    MINOR = 1, "轻微 Minor"
    MAJOR = 2, "较重 Major"
    CRITICAL = 3, "严重 Critical"


class ErrorClass(models.Model):
    """A kind of mistake a second look can find."""

    code = models.CharField(max_length=4, primary_key=True)
    severity = models.PositiveSmallIntegerField(choices=Severity.choices)
    text_en = models.CharField(max_length=120)
    text_zh = models.CharField(max_length=120)

    class Meta:
        ordering = ["-severity", "code"]
        verbose_name_plural = "error classes"
        constraints = [
            models.CheckConstraint(condition=Q(severity__in=Severity.values), name="review_error_severity_known")
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.text_zh} {self.text_en}"


class QualitySetting(models.Model):
    """A figure that quality work is steered by, read by its code."""

    code = models.CharField(max_length=30, primary_key=True)
    value = models.PositiveIntegerField()
    text_en = models.CharField(max_length=160)
    text_zh = models.CharField(max_length=160)

    class Meta:
        ordering = ["code"]

    def __str__(self) -> str:
        return f"{self.code} = {self.value}"


class SecondLook(models.Model):
    """A closed case, judged once more by somebody who does not know how it ended.

    `reviewer` closed the case with `outcome`; `recommender` recommended `recommendation` before, where two took part.
    The checker is neither. Done: `verdict` and `done_at` are set together. `severity` is the worst of the errors, and
    major at least where the verdicts differ; what has one is on the reviewer's coaching list until acknowledged.
    """

    case = models.OneToOneField(Case, models.PROTECT, related_name="second_look")
    queue = models.ForeignKey(Queue, models.PROTECT, related_name="+")
    rule = models.ForeignKey(SamplingRule, models.PROTECT, related_name="looks")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    outcome = models.CharField(max_length=8, choices=CaseOutcome.choices[:2])
    recommender = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    recommendation = models.CharField(max_length=8, choices=CaseOutcome.choices[:2], blank=True)
    created_at = models.DateTimeField()
    checker = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    taken_at = models.DateTimeField(null=True)
    verdict = models.CharField(max_length=8, choices=CaseOutcome.choices[:2], blank=True)
    reasons = ArrayField(models.CharField(max_length=4), default=list, blank=True)
    errors = ArrayField(models.CharField(max_length=4), default=list, blank=True)
    severity = models.PositiveSmallIntegerField(null=True, choices=Severity.choices)
    note = models.TextField(blank=True)
    done_at = models.DateTimeField(null=True)
    reply = models.TextField(blank=True)
    acknowledged_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        permissions = [("check_quality", "Can take second looks at closed cases")]
        indexes = [
            models.Index(fields=["id"], condition=Q(done_at=None), name="review_look_open"),
            models.Index(fields=["done_at"], name="review_look_done"),
            models.Index(fields=["reviewer", "done_at"], name="review_look_by_reviewer"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(checker=None)
                | ~Q(checker=F("reviewer")) & (Q(recommender=None) | ~Q(checker=F("recommender"))),
                name="review_look_is_not_at_own_case",
            ),
            models.CheckConstraint(
                condition=Q(checker=None, taken_at=None) | Q(checker__isnull=False, taken_at__isnull=False),
                name="review_look_taken_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(done_at=None, verdict="", severity=None)
                | Q(done_at__isnull=False, checker__isnull=False, verdict__in=["approve", "decline"]),
                name="review_look_done_has_a_verdict",
            ),
            models.CheckConstraint(
                condition=Q(acknowledged_at=None, reply="")
                | Q(acknowledged_at__isnull=False, done_at__isnull=False) & ~Q(reply=""),
                name="review_look_acknowledged_with_a_reply",
            ),
        ]

    def __str__(self) -> str:
        return f"second look {self.pk}"


class DriftAlarm(models.Model):
    """A rate of a reviewer or queue that left its own former days. `subject`: "reviewer:5" or "queue:CALL"."""

    subject = models.CharField(max_length=40)
    metric = models.CharField(max_length=10, choices=[("approval", "通过率 Approval"), ("overturn", "改判率 Overturn")])
    raised_on = models.DateField()
    before_count = models.PositiveIntegerField()
    before_rate = models.FloatField()
    now_count = models.PositiveIntegerField()
    now_rate = models.FloatField()
    z = models.FloatField()
    raised_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["subject", "metric", "raised_on"], name="review_drift_once_a_day")
        ]

    def __str__(self) -> str:
        return f"{self.subject} {self.metric} {self.raised_on}"
