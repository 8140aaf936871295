"""A programme's money per business day and month (头寸), and the ledger of what moved it."""

from django.db import models
from django.db.models import F, Q

from .programme import Programme


class _Headroom(models.Model):
    """Reserved + committed never exceeds the cap. Moved only by the statements of `services.headroom`."""

    cap_cents = models.BigIntegerField()
    reserved_cents = models.BigIntegerField(default=0)
    committed_cents = models.BigIntegerField(default=0)

    class Meta:
        abstract = True

    @property
    def free_cents(self) -> int:
        return self.cap_cents - self.reserved_cents - self.committed_cents


class HeadroomDay(_Headroom):
    """`business_date` is the funder's own day: from its cut-off on, the next."""

    programme = models.ForeignKey(Programme, models.PROTECT, related_name="days")
    business_date = models.DateField()

    class Meta:
        ordering = ["-business_date", "programme"]
        verbose_name = "headroom of a day"
        verbose_name_plural = "headroom board"
        constraints = [
            models.UniqueConstraint(fields=["programme", "business_date"], name="one_headroom_per_day"),
            models.CheckConstraint(
                condition=Q(
                    reserved_cents__gte=0,
                    committed_cents__gte=0,
                    cap_cents__gte=F("reserved_cents") + F("committed_cents"),
                ),
                name="day_within_its_cap",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.programme_id} {self.business_date}"


class HeadroomMonth(_Headroom):
    programme = models.ForeignKey(Programme, models.PROTECT, related_name="headroom_months")
    month = models.DateField(help_text="Its first day")

    class Meta:
        ordering = ["-month", "programme"]
        verbose_name = "headroom of a month"
        verbose_name_plural = "headroom by month"
        constraints = [
            models.UniqueConstraint(fields=["programme", "month"], name="one_headroom_per_month"),
            models.CheckConstraint(
                condition=Q(
                    reserved_cents__gte=0,
                    committed_cents__gte=0,
                    cap_cents__gte=F("reserved_cents") + F("committed_cents"),
                ),
                name="month_within_its_cap",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.programme_id} {self.month:%Y-%m}"


class ReservationKind(models.TextChoices):
    RESERVE = "reserve", "占用 Reserved"
    RELEASE = "release", "释放 Released"
    COMMIT = "commit", "放款 Committed"
    RETURN = "return", "退票 Returned"


class Reservation(models.Model):
    """One movement of headroom. Append-only (trigger). A `reserve` is live until its one release or commit."""

    kind = models.CharField(max_length=8, choices=ReservationKind.choices)
    programme = models.ForeignKey(Programme, models.PROTECT, related_name="+")
    business_date = models.DateField()
    drawdown = models.ForeignKey("lending.Drawdown", models.PROTECT, related_name="+")
    reserve = models.ForeignKey("self", models.PROTECT, null=True, related_name="later")
    amount_cents = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="reservation_amount_positive"),
            models.CheckConstraint(
                condition=Q(kind="reserve", reserve__isnull=True)
                | (Q(kind__in=["release", "commit", "return"]) & Q(reserve__isnull=False)),
                name="reservation_refers_back",
            ),
            models.UniqueConstraint(
                fields=["reserve"], condition=Q(kind__in=["release", "commit"]), name="reservation_closed_once"
            ),
            models.UniqueConstraint(fields=["reserve"], condition=Q(kind="return"), name="reservation_returned_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.programme_id} {self.business_date}"
