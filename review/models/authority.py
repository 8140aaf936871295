"""Which authority matrix is in force, and who changed it: one person drafts a version, another approves it."""

from django.db import models
from django.db.models import F, Q
from django_fsm import FSMModelMixin, transition

from lending.common.states import StateField


class VersionState(models.TextChoices):
    DRAFT = "draft", "草稿 Draft"
    APPROVED = "approved", "已批准 Approved"
    DISCARDED = "discarded", "已作废 Discarded"


V = VersionState


def decided_by_two(prefix: str) -> list[models.BaseConstraint]:
    """What holds of a draft that one person writes and another puts in force."""
    return [
        models.CheckConstraint(condition=Q(state__in=V.values), name=f"{prefix}_state_known"),
        models.CheckConstraint(
            condition=~Q(state=V.APPROVED) | ~Q(decided_by=F("drafted_by")), name=f"{prefix}_two_people"
        ),
        models.CheckConstraint(
            condition=Q(state=V.DRAFT, decided_by="", decided_at__isnull=True)
            | ~Q(state=V.DRAFT) & Q(decided_at__isnull=False) & ~Q(decided_by=""),
            name=f"{prefix}_decided_by_somebody",
        ),
    ]


class AuthorityVersion(FSMModelMixin, models.Model):
    """The matrix `number`, whose cells are `AuthorityRule` rows. In force is the highest that is approved.

    `drafted_by`, `decided_by`: "staff:<id>", or what loaded it. Cells of an approved version never change (trigger).
    """

    number = models.PositiveSmallIntegerField(unique=True)
    state = StateField(default=V.DRAFT, choices=V.choices)
    reason = models.CharField(max_length=300)
    drafted_by = models.CharField(max_length=60)
    drafted_at = models.DateTimeField()
    decided_by = models.CharField(max_length=60, blank=True)
    decided_at = models.DateTimeField(null=True)
    decision_note = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-number"]
        permissions = [
            ("draft_authorityversion", "Can draft a version of the authority matrix"),
            ("approve_authorityversion", "Can approve what somebody else drafted"),
        ]
        constraints = decided_by_two("review_authority")

    def __str__(self) -> str:
        return f"v{self.number}"

    @transition(field=state, source=V.DRAFT, target=V.APPROVED)
    def approve(self) -> None: ...

    @transition(field=state, source=V.DRAFT, target=V.DISCARDED)
    def discard(self) -> None: ...
