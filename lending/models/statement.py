"""What every statement of a month has in common, whoever it is made with: two people, a total, a verdict."""

from django.db import models
from django.db.models import F, Q
from django_fsm import FSMModelMixin

from lending.common.states import StateField


class StatementState(models.TextChoices):
    DRAFT = "draft", "草稿 Draft"
    APPROVED = "approved", "已批准 Approved"
    DISCARDED = "discarded", "已作废 Discarded"


S = StatementState


class Statement(FSMModelMixin, models.Model):
    """All lines up to the end of a month that no earlier statement had. One person drafts it, another approves it.

    `month`: its first day. `journal`: what its approval posted; empty where nothing was to be. `drafted_by`,
    `decided_by`: "staff:<id>". Its model names the transitions `approve` and `discard`, whose statement it is, and
    takes `constraints`; a trigger keeps a decided one as it is.
    """

    month = models.DateField()
    state = StateField(default=S.DRAFT, choices=S.choices)
    lines_count = models.PositiveIntegerField()
    total_cents = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    drafted_by = models.CharField(max_length=60)
    drafted_at = models.DateTimeField()
    decided_by = models.CharField(max_length=60, blank=True)
    decided_at = models.DateTimeField(null=True)
    decision_note = models.CharField(max_length=300, blank=True)
    journal = models.OneToOneField("lending.Journal", models.PROTECT, null=True, related_name="+")

    class Meta:
        abstract = True


def constraints(prefix: str, whose: str) -> list[models.BaseConstraint]:
    """`whose`: the column of the other side."""
    return [
        models.UniqueConstraint(fields=[whose, "month"], condition=~Q(state=S.DISCARDED), name=f"{prefix}_once"),
        models.CheckConstraint(condition=Q(state__in=S.values), name=f"{prefix}_state_known"),
        models.CheckConstraint(condition=Q(state=S.APPROVED) | Q(journal__isnull=True), name=f"{prefix}_posted_once"),
        models.CheckConstraint(condition=Q(month__day=1), name=f"{prefix}_of_a_month"),
        models.CheckConstraint(
            condition=~Q(state=S.APPROVED) | ~Q(decided_by=F("drafted_by")), name=f"{prefix}_two_people"
        ),
        models.CheckConstraint(
            condition=Q(state=S.DRAFT, decided_by="", decided_at__isnull=True)
            | (~Q(state=S.DRAFT) & Q(decided_at__isnull=False) & ~Q(decided_by="")),
            name=f"{prefix}_decided_by_somebody",
        ),
    ]


class Line(models.Model):
    """`by` whom and why (`note`) a line was written by hand; both empty on every other."""

    by = models.CharField(max_length=60, blank=True)
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        abstract = True


def by_hand(kind: str, *of: str) -> Q:
    """`of`: columns that every line has but one written by hand. For a check of a table of lines."""
    written = (
        Q(**{f"{column}__isnull": True for column in of}, kind=kind) & ~Q(by="") & ~Q(note="") & ~Q(amount_cents=0)
    )
    return written | (~Q(kind=kind) & Q(**{f"{column}__isnull": False for column in of}, by="", note=""))
