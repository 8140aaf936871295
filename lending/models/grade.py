from django.db import models
from django.db.models import Q


class Grade(models.Model):
    """Risk grade: from which score, at which price, up to which limit. Rates are fractions a year (0.144 = 14.4 %)."""

    code = models.CharField(max_length=2, primary_key=True)
    score_min = models.SmallIntegerField()
    sample_pd_max = models.DecimalField(max_digits=5, decimal_places=4)
    pd_max = models.DecimalField(max_digits=5, decimal_places=4)
    outcome = models.CharField(max_length=8)
    annual_rate = models.DecimalField(max_digits=6, decimal_places=4, null=True)
    limit_line_cents = models.BigIntegerField()
    limit_once_cents = models.BigIntegerField()
    limit_biz_cents = models.BigIntegerField()

    class Meta:
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome="decline") | Q(annual_rate__isnull=False), name="grade_that_lends_has_a_price"
            )
        ]

    def __str__(self) -> str:
        return self.code
