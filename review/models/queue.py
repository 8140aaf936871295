"""Configuration of the desk: queues, who may approve what, and the codes a reviewer explains an action with."""

from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from review.rules.authority import COLUMNS, EXCEPTION
from review.rules.queues import MARKS


class Stage(models.TextChoices):
    INITIAL = "initial", "初审 Initial"
    FINAL = "final", "终审 Final"


class Mode(models.TextChoices):
    CLAIM = "claim", "领取 Reviewers claim"
    DISPATCH = "dispatch", "派单 Dealt out"


class Queue(models.Model):
    """Where cases of one kind wait. Its clock runs from `opens` to `closes`; due and at risk are minutes of it.

    `mode`: reviewers take the next case, or each case goes to the least loaded of those on duty. Its priority rule: a
    point per `ageing_minutes` of age, `boost` points for every case, `level_bonus` for a borrower of a high level.
    `handling_minutes`: what one reviewer takes for one case, as long as too few have been measured.
    """

    code = models.CharField(max_length=10, unique=True)
    name_zh = models.CharField(max_length=40)
    stage = models.CharField(max_length=8, choices=Stage.choices)
    takes = models.CharField(max_length=120)
    opens = models.TimeField()
    closes = models.TimeField()
    workdays_only = models.BooleanField(default=False)
    due_minutes = models.PositiveSmallIntegerField()
    at_risk_minutes = models.PositiveSmallIntegerField()
    skill = models.CharField(max_length=20)
    mode = models.CharField(max_length=8, choices=Mode.choices, default=Mode.CLAIM)
    ageing_minutes = models.PositiveSmallIntegerField(default=10)
    boost = models.SmallIntegerField(default=0)
    level_bonus = models.PositiveSmallIntegerField(default=20)
    handling_minutes = models.PositiveSmallIntegerField(default=12)

    class Meta:
        ordering = ["-stage", "code"]
        constraints = [
            models.CheckConstraint(condition=Q(handling_minutes__gt=0), name="review_queue_takes_time"),
            models.CheckConstraint(condition=Q(mode__in=Mode.values), name="review_queue_mode_known"),
            models.CheckConstraint(condition=Q(ageing_minutes__gt=0), name="review_queue_ages"),
            models.CheckConstraint(condition=Q(opens__lt=F("closes")), name="review_queue_opens_before_it_closes"),
            models.CheckConstraint(
                condition=Q(at_risk_minutes__gt=0, due_minutes__gt=F("at_risk_minutes")),
                name="review_queue_at_risk_before_due",
            ),
        ]

    def __str__(self) -> str:
        return self.code


class QueueMember(models.Model):
    """Who serves a queue. One without members is served by everybody with its skill."""

    queue = models.ForeignKey(Queue, models.CASCADE, related_name="members")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["queue", "reviewer"]
        constraints = [models.UniqueConstraint(fields=["queue", "reviewer"], name="review_queue_member_once")]

    def __str__(self) -> str:
        return f"{self.queue_id} {self.reviewer_id}"


def _codes(length: int) -> Any:
    return ArrayField(models.CharField(max_length=length), default=list, blank=True)


class RoutingRule(models.Model):
    """Cases that fit every filled column go to `queue`; the first rule by `position` of the case's stage decides."""

    position = models.PositiveSmallIntegerField(unique=True)
    queue = models.ForeignKey(Queue, models.PROTECT, related_name="rules")
    families = _codes(20)
    channels = _codes(20)
    grades = _codes(2)
    languages = _codes(8)
    reasons = _codes(4)
    over_cents = models.BigIntegerField(null=True, blank=True)
    mark = models.CharField(max_length=10, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.CheckConstraint(condition=Q(mark__in=["", *MARKS]), name="review_routing_mark_known"),
        ]

    def __str__(self) -> str:
        return f"{self.position} {self.queue_id}"


class AuthorityRule(models.Model):
    """One cell of the authority matrix. Levels 1 to 4; final null = initial alone; both null = not allowed.

    The highest `version` that is approved is in force; older ones stay, so that an old decision can be explained.
    """

    version = models.PositiveSmallIntegerField()
    amount_to_cents = models.BigIntegerField()
    column = models.CharField(max_length=10)
    initial_level = models.PositiveSmallIntegerField(null=True, blank=True)
    final_level = models.PositiveSmallIntegerField(null=True, blank=True)

    class Meta:
        ordering = ["-version", "column", "amount_to_cents"]
        constraints = [
            models.UniqueConstraint(fields=["version", "amount_to_cents", "column"], name="review_authority_once"),
            models.CheckConstraint(
                condition=Q(column__in=sorted({*COLUMNS.values(), EXCEPTION})), name="review_authority_column_known"
            ),
            models.CheckConstraint(
                condition=Q(initial_level__isnull=True, final_level__isnull=True)
                | Q(initial_level__isnull=False, initial_level__range=(1, 4), final_level__isnull=True)
                | Q(initial_level__isnull=False, final_level__isnull=False)
                & Q(initial_level__range=(1, 4), final_level__range=(F("initial_level"), 4)),
                name="review_authority_levels_in_order",
            ),
        ]

    def __str__(self) -> str:
        return f"v{self.version} {self.column} ≤ {self.amount_to_cents // 100}"


class FindingAction(models.TextChoices):
    APPROVE = "approve", "通过 Approve"
    SUPPLEMENT = "supplement", "补件 Supplement"
    RETURN = "return", "退回初审 Return"
    SUSPEND = "suspend", "挂起 Suspend"
    ESCALATE = "escalate", "上报 Escalate"
    RELEASE = "release", "释放 Release"
    RECUSE = "recuse", "回避 Recuse"
    PHONE = "phone", "电核豁免 Without a telephone verification"
    SKIP = "skip", "跳过 Skip"
    AMOUNT = "amount", "改额 Propose another amount"


class Finding(models.Model):
    """A code that explains an action other than a decline, whose codes are lending's reasons.

    `item_kind`: what a supplement for it asks the borrower to bring. `borrower_…`: what the borrower reads of an
    approval or a supplement.
    """

    code = models.CharField(max_length=4, primary_key=True)
    action = models.CharField(max_length=10, choices=FindingAction.choices)
    text_en = models.CharField(max_length=120)
    text_zh = models.CharField(max_length=120)
    item_kind = models.CharField(max_length=40, blank=True)
    borrower_en = models.CharField(max_length=200, blank=True)
    borrower_zh = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                condition=Q(action="supplement") & ~Q(item_kind="") | ~Q(action="supplement") & Q(item_kind=""),
                name="review_supplement_finding_asks_for_something",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.text_zh} {self.text_en}"
