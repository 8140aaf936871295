"""A guarantor has paid what a borrower did not (代偿)."""

from django.db import models
from django.db.models import F, Q

from .programme import Guarantor


class Claim(models.Model):
    """What the guarantor paid the creditor of a loan, by part, when it took the claim over. Append-only (trigger)."""

    loan = models.OneToOneField("lending.Loan", models.PROTECT, related_name="+")
    guarantor = models.ForeignKey(Guarantor, models.PROTECT, related_name="claims")
    creditor = models.CharField(max_length=20)
    dpd = models.PositiveSmallIntegerField()
    principal_cents = models.BigIntegerField()
    interest_cents = models.BigIntegerField()
    guarantee_fee_cents = models.BigIntegerField()
    penalty_cents = models.BigIntegerField()
    amount_cents = models.BigIntegerField()
    business_date = models.DateField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    amount_cents__gt=0,
                    amount_cents=F("principal_cents")
                    + F("interest_cents")
                    + F("guarantee_fee_cents")
                    + F("penalty_cents"),
                ),
                name="claim_parts_sum",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.guarantor_id} for loan {self.loan_id}"
