"""Closed cases counted by day, so that a page over months never reads the cases themselves."""

from django.conf import settings
from django.db import models


class Part(models.TextChoices):
    CLOSED = "closed", "结案 Closed the case"
    RECOMMENDED = "recommended", "初审意见 Recommended"


class ReviewDay(models.Model):
    """Cases that were closed on a business day, of one queue, product and reviewer.

    `part` closed: of who closed them (null: ended without a verdict) in their last queue. `part` recommended: of who
    recommended before somebody else decided, in the queue of that recommendation. `overturned`: the verdict was not
    the recommendation. Seconds are sums over the cases: `open_seconds` from opening to closing, the others by where the
    case stood. Approved and declined are of this reviewer: what they recommended in part recommended.
    """

    day = models.DateField()
    part = models.CharField(max_length=12, choices=Part.choices)
    queue_code = models.CharField(max_length=10)
    product_code = models.CharField(max_length=20)
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    cases = models.PositiveIntegerField()
    approved = models.PositiveIntegerField()
    declined = models.PositiveIntegerField()
    recommended = models.PositiveIntegerField()
    overturned = models.PositiveIntegerField()
    late = models.PositiveIntegerField()
    open_seconds = models.BigIntegerField()
    waiting_initial_seconds = models.BigIntegerField()
    in_initial_seconds = models.BigIntegerField()
    waiting_final_seconds = models.BigIntegerField()
    in_final_seconds = models.BigIntegerField()
    paused_seconds = models.BigIntegerField()
    measured_at = models.DateTimeField()

    class Meta:
        ordering = ["-day", "part", "queue_code"]
        permissions = [("see_figures", "Can see the figures of every reviewer")]
        indexes = [models.Index(fields=["reviewer", "day"], name="review_day_by_reviewer")]
        constraints = [
            models.UniqueConstraint(
                fields=["day", "part", "queue_code", "product_code", "reviewer"],
                nulls_distinct=False,
                name="review_day_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.queue_code}"
