"""A borrower asks for credit (授信)."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django_fsm import FSMModelMixin, transition

from lending.common.states import StateField

from .product import Product


class ApplicationStatus(models.TextChoices):
    DRAFT = "DRAFT", "草稿 Draft"
    SUBMITTED = "SUBMITTED", "已提交 Submitted"
    ASSESSING = "ASSESSING", "审批中 Assessing"
    REFERRED = "REFERRED", "人工审批 Referred"
    SUPPLEMENT = "SUPPLEMENT", "待补件 Supplement"
    GRANTED = "GRANTED", "授信通过 Granted"
    DECLINED = "DECLINED", "授信拒绝 Declined"
    WITHDRAWN = "WITHDRAWN", "已撤回 Withdrawn"
    EXPIRED = "EXPIRED", "已过期 Expired"


S = ApplicationStatus
OPEN_STATUSES = (S.DRAFT, S.SUBMITTED, S.ASSESSING, S.REFERRED, S.SUPPLEMENT)


class Application(FSMModelMixin, models.Model):
    """`decided_*` are the machine's or reviewer's terms; `asked_*` what the borrower wants. Rates are fractions."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="applications")
    product = models.ForeignKey(Product, models.PROTECT)
    product_family = models.CharField(max_length=20)
    channel_code = models.CharField(max_length=20)
    status = StateField(default=S.DRAFT, choices=S.choices)
    asked_cents = models.BigIntegerField(null=True)
    asked_months = models.PositiveSmallIntegerField(null=True)
    method = models.CharField(max_length=20, blank=True)
    purpose = models.CharField(max_length=40, blank=True)
    grade = models.CharField(max_length=2, blank=True)
    decision_id = models.BigIntegerField(null=True)
    reasons = ArrayField(models.CharField(max_length=4), default=list, blank=True)
    offered_cents = models.BigIntegerField(null=True)
    decided_cents = models.BigIntegerField(null=True)
    decided_months = models.PositiveSmallIntegerField(null=True)
    decided_rate = models.DecimalField(max_digits=6, decimal_places=4, null=True)
    reapply_at = models.DateTimeField(null=True)
    appeals = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    submitted_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["status", "created_at"], name="application_by_status"),
            models.Index(fields=["user", "-id"], name="application_by_user"),
            models.Index(fields=["created_at"], name="application_by_day"),
            models.Index(fields=["user", "submitted_at"], name="application_by_applicant"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=S.values), name="application_status_known"),
            models.UniqueConstraint(
                fields=["user", "product_family"],
                condition=Q(status__in=OPEN_STATUSES),
                name="one_open_application_per_family",
            ),
            models.CheckConstraint(
                condition=Q(status__in=[S.DRAFT, S.WITHDRAWN, S.EXPIRED])
                | Q(
                    submitted_at__isnull=False,
                    asked_cents__isnull=False,
                    asked_cents__gt=0,
                    asked_months__isnull=False,
                    asked_months__gt=0,
                ),
                name="submitted_application_is_complete",
            ),
            models.CheckConstraint(
                condition=~Q(status=S.GRANTED)
                | Q(
                    decided_cents__isnull=False,  # NULL > 0 is not false, and a CHECK refuses only what is false
                    decided_cents__gt=0,
                    decided_months__isnull=False,
                    decided_months__gt=0,
                    decided_rate__isnull=False,
                    decided_at__isnull=False,
                ),
                name="granted_application_has_terms",
            ),
            models.CheckConstraint(
                condition=~Q(status=S.DECLINED) | (Q(reapply_at__isnull=False) & ~Q(reasons=[])),
                name="declined_application_says_why",
            ),
        ]

    def __str__(self) -> str:
        return str(self.public_id)

    @transition(field=status, source=S.DRAFT, target=S.SUBMITTED)
    def submit(self) -> None: ...

    @transition(field=status, source=S.SUBMITTED, target=S.ASSESSING)
    def assess(self) -> None: ...

    @transition(field=status, source=[S.ASSESSING, S.REFERRED], target=S.GRANTED)
    def award(self) -> None: ...

    @transition(field=status, source=[S.ASSESSING, S.DECLINED], target=S.REFERRED)
    def refer(self) -> None: ...

    @transition(field=status, source=[S.ASSESSING, S.REFERRED], target=S.DECLINED)
    def decline(self) -> None: ...

    @transition(field=status, source=S.REFERRED, target=S.SUPPLEMENT)
    def ask_supplement(self) -> None: ...

    @transition(field=status, source=S.SUPPLEMENT, target=S.REFERRED)
    def resume(self) -> None: ...

    @transition(field=status, source=list(OPEN_STATUSES), target=S.WITHDRAWN)
    def withdraw(self) -> None: ...

    @transition(field=status, source=[S.DRAFT, S.REFERRED, S.SUPPLEMENT], target=S.EXPIRED)
    def expire(self) -> None: ...
