"""One application in front of people: where it stands, who holds it, until when it is due."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django_fsm import FSMModelMixin, transition

from lending.common.states import StateField
from lending.models import Application

from .queue import Queue, Stage

MAX_OPEN_CASES = 5  # a reviewer


class CaseStatus(models.TextChoices):
    WAITING_INITIAL = "WAITING_INITIAL", "待初审 Waiting, initial"
    IN_INITIAL = "IN_INITIAL", "初审中 In initial review"
    WAITING_FINAL = "WAITING_FINAL", "待终审 Waiting, final"
    IN_FINAL = "IN_FINAL", "终审中 In final review"
    SUPPLEMENT = "SUPPLEMENT", "待补件 Supplement"
    SUSPENDED = "SUSPENDED", "挂起 Suspended"
    CLOSED = "CLOSED", "已结案 Closed"


class CaseOutcome(models.TextChoices):
    """What became of the case; its status only says where it is."""

    APPROVE = "approve", "通过 Approved"
    DECLINE = "decline", "拒绝 Declined"
    VOID = "void", "作废 Ended without a verdict"


class Attention(models.IntegerChoices):
    """How late the present stage is; what the sweep raised it to, and with it told the leads."""

    IN_TIME = 0, "正常 In time"
    AT_RISK = 1, "将超时 At risk"
    BREACHED = 2, "已超时 Breached"


S = CaseStatus
WAITING = (S.WAITING_INITIAL, S.WAITING_FINAL)
WORKED = (S.IN_INITIAL, S.IN_FINAL)
OPEN = tuple(status for status in S if status != S.CLOSED)


def _is_initial(case: Any) -> bool:
    return bool(case.stage == Stage.INITIAL)


def _is_final(case: Any) -> bool:
    return bool(case.stage == Stage.FINAL)


class Case(FSMModelMixin, models.Model):
    """`round` 1 is the first review, an appeal opens the next.

    Held: `claimed_by`, `leased_until` and `slot` (1 to 5 of that reviewer) are set together, while it is worked on.
    `held_for` keeps a waiting case for the reviewer who knows it until `held_until`. `rank`: next case = lowest.
    `is_favoured`: a borrower of a high level; `bonus`: what the queue gives for it, in points of priority.
    The clock runs to `due_at` and stands, since `paused_at`, only while the borrower owes a supplement; a suspension
    until `resume_at` stops nothing.
    `level_needed`: whom the present stage is handed to. Amount is the lower of offer and wish, or
    `proposed_cents`, what a final reviewer would lend. `routed_under`: the authority version it was placed by.
    """

    application = models.ForeignKey(Application, models.PROTECT, related_name="review_cases")
    round = models.PositiveSmallIntegerField()
    borrower = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    queue = models.ForeignKey(Queue, models.PROTECT, related_name="cases")
    stage = models.CharField(max_length=8, choices=Stage.choices)
    status = StateField(default=S.WAITING_INITIAL, choices=S.choices)
    outcome = models.CharField(max_length=8, choices=CaseOutcome.choices, blank=True)
    initial_reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    final_reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    recommendation = models.CharField(max_length=8, choices=CaseOutcome.choices[:2], blank=True)
    claimed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    leased_until = models.DateTimeField(null=True)
    slot = models.PositiveSmallIntegerField(null=True)
    held_for = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    held_until = models.DateTimeField(null=True)
    amount_cents = models.BigIntegerField()
    proposed_cents = models.BigIntegerField(null=True)
    grade = models.CharField(max_length=2, blank=True)
    language = models.CharField(max_length=8, blank=True)
    product_code = models.CharField(max_length=20, blank=True)
    channel_code = models.CharField(max_length=20, blank=True)
    is_exception = models.BooleanField(default=False)
    is_appeal = models.BooleanField(default=False)
    level_needed = models.PositiveSmallIntegerField()
    routed_under = models.PositiveSmallIntegerField(default=0)
    is_favoured = models.BooleanField(default=False)
    bonus = models.SmallIntegerField(default=0)
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField()
    at_risk_at = models.DateTimeField()
    attention = models.PositiveSmallIntegerField(choices=Attention.choices, default=Attention.IN_TIME)
    rank = models.BigIntegerField()
    paused_at = models.DateTimeField(null=True)
    resume_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["rank", "id"]
        permissions = [("print_case", "Can print a case for an auditor")]
        indexes = [
            models.Index(fields=["rank", "id"], condition=Q(status__in=WAITING), name="review_case_next"),
            models.Index(fields=["rank", "id"], name="review_case_by_rank"),
            models.Index(fields=["closed_at"], name="review_case_by_closing"),
            models.Index(fields=["rank", "id"], condition=Q(closed_at__isnull=True), name="review_case_open"),
            # What a queue is counted by, and its oldest case.
            models.Index(fields=["queue", "status"], condition=Q(closed_at__isnull=True), name="review_case_in_queue"),
            models.Index(
                fields=["queue", "opened_at"],
                condition=Q(status__in=[*WAITING, *WORKED], closed_at__isnull=True),
                name="review_case_oldest",
            ),
            models.Index(
                fields=["queue", "due_at"],
                condition=Q(closed_at__isnull=True, paused_at__isnull=True),
                name="review_case_late",
            ),
            # The list in its order, narrowed by what a value of is rare.
            *(
                models.Index(fields=[name, "rank", "id"], name=f"review_case_by_{name.removesuffix('_code')}")
                for name in ("queue", "status", "product_code", "channel_code", "grade")
            ),
            models.Index(fields=["leased_until"], condition=Q(status__in=WORKED), name="review_case_leases"),
            models.Index(fields=["routed_under"], condition=~Q(status=S.CLOSED), name="review_case_routed"),
            models.Index(
                fields=["at_risk_at"], condition=Q(closed_at__isnull=True, attention=0), name="review_case_soon_at_risk"
            ),
            models.Index(
                fields=["due_at"], condition=Q(closed_at__isnull=True, attention__lt=2), name="review_case_soon_late"
            ),
            models.Index(fields=["resume_at"], condition=Q(status=S.SUSPENDED), name="review_case_suspended"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["application", "round"], name="review_case_once_a_round"),
            models.UniqueConstraint(
                fields=["application"], condition=~Q(status=S.CLOSED), name="review_one_open_case_per_application"
            ),
            models.UniqueConstraint(fields=["claimed_by", "slot"], name="review_at_most_five_open_cases"),
            models.CheckConstraint(condition=Q(status__in=S.values), name="review_case_status_known"),
            models.CheckConstraint(
                condition=Q(proposed_cents__isnull=True) | Q(proposed_cents__gt=0),
                name="review_case_proposes_something",
            ),
            models.CheckConstraint(
                condition=Q(initial_reviewer__isnull=True)
                | Q(final_reviewer__isnull=True)
                | ~Q(initial_reviewer=F("final_reviewer")),
                name="review_case_has_two_reviewers",
            ),
            models.CheckConstraint(
                condition=~Q(status=S.IN_FINAL)
                | Q(initial_reviewer__isnull=True)
                | ~Q(claimed_by=F("initial_reviewer")),
                name="review_final_is_not_held_by_the_initial_reviewer",
            ),
            models.CheckConstraint(
                condition=~Q(status=S.IN_INITIAL) | Q(final_reviewer__isnull=True) | ~Q(claimed_by=F("final_reviewer")),
                name="review_initial_is_not_held_by_the_final_reviewer",
            ),
            models.CheckConstraint(
                condition=Q(
                    status__in=WORKED,
                    claimed_by__isnull=False,
                    leased_until__isnull=False,
                    slot__isnull=False,
                    slot__range=(1, 5),
                )
                | (~Q(status__in=WORKED) & Q(claimed_by__isnull=True, leased_until__isnull=True, slot__isnull=True)),
                name="review_case_held_while_worked_on",
            ),
            models.CheckConstraint(
                condition=Q(held_for__isnull=True, held_until__isnull=True)
                | Q(held_for__isnull=False, held_until__isnull=False, status__in=[*WAITING, S.SUPPLEMENT, S.SUSPENDED]),
                name="review_case_kept_for_somebody_until",
            ),
            models.CheckConstraint(
                condition=(Q(status=S.CLOSED, closed_at__isnull=False) & ~Q(outcome=""))
                | (~Q(status=S.CLOSED) & Q(closed_at__isnull=True, outcome="")),
                name="review_closed_case_has_an_outcome",
            ),
            models.CheckConstraint(
                condition=Q(status=S.SUPPLEMENT, paused_at__isnull=False)
                | (~Q(status=S.SUPPLEMENT) & Q(paused_at__isnull=True)),
                name="review_case_clock_stands_while_the_borrower_owes",
            ),
            models.CheckConstraint(
                condition=Q(status=S.SUSPENDED, resume_at__isnull=False)
                | (~Q(status=S.SUSPENDED) & Q(resume_at__isnull=True)),
                name="review_case_suspended_until",
            ),
            models.CheckConstraint(condition=Q(attention__in=Attention.values), name="review_case_attention_known"),
            models.CheckConstraint(
                condition=Q(status__in=[S.SUPPLEMENT, S.SUSPENDED, S.CLOSED])
                | Q(status__in=[S.WAITING_INITIAL, S.IN_INITIAL], stage=Stage.INITIAL)
                | Q(status__in=[S.WAITING_FINAL, S.IN_FINAL], stage=Stage.FINAL),
                name="review_case_status_fits_its_stage",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.application_id}/{self.round}"

    # What leads into IN_INITIAL and IN_FINAL is one SQL statement, in `services.claims` and `services.dispatch`. These
    # two name the pairs for the diagram and the tests.
    @transition(field=status, source=S.WAITING_INITIAL, target=S.IN_INITIAL)
    def take_initial(self) -> None: ...

    @transition(field=status, source=S.WAITING_FINAL, target=S.IN_FINAL)
    def take_final(self) -> None: ...

    @transition(field=status, source=S.IN_INITIAL, target=S.WAITING_INITIAL)
    def give_back_initial(self) -> None: ...

    @transition(field=status, source=S.IN_FINAL, target=S.WAITING_FINAL)
    def give_back_final(self) -> None: ...

    @transition(field=status, source=[S.WAITING_INITIAL, S.IN_INITIAL], target=S.WAITING_FINAL)
    def pass_on(self) -> None:
        """After the recommendation; a new appeal goes there at once."""

    @transition(field=status, source=S.IN_FINAL, target=S.WAITING_INITIAL)
    def return_to_initial(self) -> None: ...

    @transition(field=status, source=WORKED, target=S.SUPPLEMENT)
    def ask_supplement(self) -> None: ...

    @transition(field=status, source=WORKED, target=S.SUSPENDED)
    def suspend(self) -> None: ...

    @transition(
        field=status,
        source=[S.SUPPLEMENT, S.SUSPENDED],
        target=S.WAITING_INITIAL,
        conditions=[_is_initial],
    )
    def resume_initial(self) -> None: ...

    @transition(
        field=status,
        source=[S.SUPPLEMENT, S.SUSPENDED],
        target=S.WAITING_FINAL,
        conditions=[_is_final],
    )
    def resume_final(self) -> None: ...

    @transition(field=status, source=WORKED, target=S.CLOSED)
    def decide(self) -> None: ...

    @transition(field=status, source=list(OPEN), target=S.CLOSED)
    def void(self) -> None: ...


class Skip(models.Model):
    """This reviewer gave this case back and is not offered it again before `until`."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="skips")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    until = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["case", "reviewer"], name="review_skip_once")]

    def __str__(self) -> str:
        return f"{self.case_id} not {self.reviewer_id}"
