"""A programme's money (头寸): per business day and month, and what is outstanding; the ledger of what moved it.

Days and months count what goes out and keep it. Outstanding, borrower and guarantor count what is owed: a repayment
gives it back. `cap_cents` is the one that held at the latest reservation: each asks the programme anew.
"""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from .programme import Guarantor, Programme


def _within_its_cap(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=Q(
            reserved_cents__gte=0, committed_cents__gte=0, cap_cents__gte=F("reserved_cents") + F("committed_cents")
        ),
        name=name,
    )


class _Headroom(models.Model):
    """Reserved + committed never exceeds the cap. Moved only by the statements of `services.headroom`."""

    cap_cents = models.BigIntegerField()
    reserved_cents = models.BigIntegerField(default=0)
    committed_cents = models.BigIntegerField(default=0)

    class Meta:
        abstract = True

    @property
    def used_cents(self) -> int:
        return self.reserved_cents + self.committed_cents

    @property
    def free_cents(self) -> int:
        return self.cap_cents - self.used_cents


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
            _within_its_cap("day_within_its_cap"),
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
            _within_its_cap("month_within_its_cap"),
        ]

    def __str__(self) -> str:
        return f"{self.programme_id} {self.month:%Y-%m}"


class HeadroomTotal(_Headroom):
    """What a programme has lent and not got back: `committed_cents` is principal owed, over all days."""

    programme = models.OneToOneField(Programme, models.PROTECT, related_name="headroom_total")

    class Meta:
        ordering = ["programme"]
        verbose_name = "outstanding of a programme"
        verbose_name_plural = "outstanding by programme"
        constraints = [_within_its_cap("total_within_its_cap")]

    def __str__(self) -> str:
        return str(self.programme_id)


class HeadroomBorrower(_Headroom):
    """What one borrower has of a programme, over all their grants."""

    programme = models.ForeignKey(Programme, models.PROTECT, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-id"]
        verbose_name = "outstanding of a borrower"
        verbose_name_plural = "outstanding by borrower"
        constraints = [
            models.UniqueConstraint(fields=["programme", "user"], name="one_headroom_per_borrower"),
            _within_its_cap("borrower_within_their_cap"),
        ]

    def __str__(self) -> str:
        return f"{self.programme_id} user:{self.user_id}"


class HeadroomGuarantor(_Headroom):
    """What a guarantor stands for, over all programmes it guarantees."""

    guarantor = models.OneToOneField(Guarantor, models.PROTECT, related_name="headroom")

    class Meta:
        ordering = ["guarantor"]
        verbose_name = "balance of a guarantor"
        verbose_name_plural = "balance by guarantor"
        constraints = [_within_its_cap("guarantor_within_its_cap")]

    def __str__(self) -> str:
        return str(self.guarantor_id)


class ReservationKind(models.TextChoices):
    RESERVE = "reserve", "占用 Reserved"
    RELEASE = "release", "释放 Released"
    COMMIT = "commit", "放款 Committed"
    RETURN = "return", "退票 Returned"
    REPAY = "repay", "还款 Repaid"


class Reservation(models.Model):
    """One movement of headroom. Append-only (trigger). A `reserve` is live until its one release or commit.

    `guarantor`: whose balance the reservation and all that follows from it move.
    """

    kind = models.CharField(max_length=8, choices=ReservationKind.choices)
    programme = models.ForeignKey(Programme, models.PROTECT, related_name="+")
    business_date = models.DateField()
    drawdown = models.ForeignKey("lending.Drawdown", models.PROTECT, related_name="+")
    guarantor = models.ForeignKey(Guarantor, models.PROTECT, null=True, related_name="+")
    reserve = models.ForeignKey("self", models.PROTECT, null=True, related_name="later")
    amount_cents = models.BigIntegerField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount_cents__gt=0), name="reservation_amount_positive"),
            models.CheckConstraint(
                condition=Q(kind="reserve", reserve__isnull=True)
                | (Q(kind__in=["release", "commit", "return", "repay"]) & Q(reserve__isnull=False)),
                name="reservation_refers_back",
            ),
            models.UniqueConstraint(
                fields=["reserve"], condition=Q(kind__in=["release", "commit"]), name="reservation_closed_once"
            ),
            models.UniqueConstraint(fields=["reserve"], condition=Q(kind="return"), name="reservation_returned_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.programme_id} {self.business_date}"
