"""What happened to an application, grant, drawdown or loan: the history, and the to-do list of `lending.flow`."""

from django.db import models
from django.db.models import Q

from .application import Application
from .drawdown import Drawdown
from .grant import Grant
from .loan import Loan


class Subject(models.TextChoices):
    APPLICATION = "application"
    GRANT = "grant"
    DRAWDOWN = "drawdown"
    LOAN = "loan"


class Event(models.Model):
    """One transition, written in its transaction. Unhandled until flow has run the step of its target.

    `actor`: "user:<id>", "staff:<id>", "vendor:<code>" or "system". The subject's own key and those of its parents
    are set; the ones below it are null.
    """

    subject = models.CharField(max_length=12, choices=Subject.choices)
    application = models.ForeignKey(Application, models.PROTECT, related_name="events")
    grant = models.ForeignKey(Grant, models.PROTECT, null=True, related_name="events")
    drawdown = models.ForeignKey(Drawdown, models.PROTECT, null=True, related_name="events")
    loan = models.ForeignKey(Loan, models.PROTECT, null=True, related_name="events")
    source = models.CharField(max_length=16, blank=True)
    target = models.CharField(max_length=16)
    actor = models.CharField(max_length=60)
    reason = models.CharField(max_length=200, blank=True)
    occurred_at = models.DateTimeField()
    handled_at = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    parked_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        permissions = [("unpark_event", "Can have a parked step tried again")]
        indexes = [
            models.Index(fields=["id"], condition=Q(handled_at=None, parked_at=None), name="event_to_handle"),
            models.Index(fields=["application", "id"], condition=Q(handled_at=None), name="event_unhandled_of_case"),
            models.Index(fields=["id"], condition=Q(parked_at__isnull=False), name="event_parked"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(subject="application")
                | Q(subject="grant", grant__isnull=False)
                | Q(subject="drawdown", drawdown__isnull=False)
                | Q(subject="loan", loan__isnull=False),
                name="event_has_its_subject",
            )
        ]

    def __str__(self) -> str:
        return f"{self.subject} {self.source}→{self.target}"

    @property
    def subject_id(self) -> int:
        found: int = getattr(self, f"{self.subject}_id")
        return found
