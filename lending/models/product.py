"""Products, servicing terms and lifetimes: what the market's configuration says."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q


class ProductKind(models.TextChoices):
    LINE = "line", "循环 Line"
    SINGLE = "single", "单笔 Single"


class Product(models.Model):
    """Amounts in cents, terms in months, `ceiling_xirr` a fraction (0.24 = 24 % a year, effective)."""

    code = models.CharField(max_length=20, unique=True)
    name = models.CharField(max_length=80)
    name_zh = models.CharField(max_length=80)
    family = models.CharField(max_length=20)
    kind = models.CharField(max_length=10, choices=ProductKind.choices)
    currency = models.CharField(max_length=3, default="CNY")
    amount_min_cents = models.BigIntegerField()
    amount_max_cents = models.BigIntegerField()
    step_cents = models.BigIntegerField()
    drawdown_min_cents = models.BigIntegerField()
    max_open_loans = models.PositiveSmallIntegerField(default=1)
    terms_months = ArrayField(models.PositiveSmallIntegerField())
    methods = ArrayField(models.CharField(max_length=20))
    grant_valid_days = models.PositiveSmallIntegerField()
    ceiling_xirr = models.DecimalField(max_digits=6, decimal_places=4)
    purposes = ArrayField(models.CharField(max_length=20))
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_min_cents__gt=0, amount_max_cents__gte=F("amount_min_cents"), step_cents__gt=0),
                name="product_amounts_in_order",
            )
        ]

    def __str__(self) -> str:
        return self.code


class ServicingTerm(models.Model):
    """One key of the after-loan parameters, as text with its note."""

    key = models.CharField(max_length=40, primary_key=True)
    value = models.CharField(max_length=200)
    note = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"{self.key} = {self.value}"


class Lifetime(models.Model):
    """How long a thing may wait. `ttl_seconds` by the wall clock."""

    thing = models.CharField(max_length=30, primary_key=True)
    name_zh = models.CharField(max_length=40)
    ttl_seconds = models.PositiveIntegerField()
    then = models.CharField(max_length=200)

    def __str__(self) -> str:
        return self.thing
