"""Other platforms that borrowers may be offered, the looks for one, and the offers that came of them."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django_fsm import FSMModelMixin, transition

from lending.common.states import StateField


class Platform(models.Model):
    """A downstream lender that borrowers may be offered.

    `annual_rate`, `stated_xirr`: what it says it charges, fractions a year. `balance_cents`: what it has paid in
    advance and not used; `held_cents`: what leads under way may come to. `return_days`: how long it may give one back.
    """

    party = models.OneToOneField(
        "lending.Party",
        models.PROTECT,
        to_field="code",
        db_column="code",
        primary_key=True,
        limit_choices_to={"kind": "platform"},
    )
    enabled = models.BooleanField(default=False)
    accepts_grades = ArrayField(models.CharField(max_length=2))
    amount_min_cents = models.BigIntegerField()
    amount_max_cents = models.BigIntegerField()
    terms_months = ArrayField(models.PositiveSmallIntegerField(), default=list)
    annual_rate = models.DecimalField(max_digits=8, decimal_places=6, default=0)
    stated_xirr = models.DecimalField(max_digits=8, decimal_places=6, null=True)
    settle = models.CharField(max_length=20)
    price = models.CharField(max_length=20)
    settle_kind = models.CharField(max_length=3, blank=True)
    settle_rate = models.DecimalField(max_digits=6, decimal_places=4, null=True)
    settle_fee_cents = models.BigIntegerField(null=True)
    return_days = models.PositiveSmallIntegerField(default=0)
    cap_day = models.PositiveIntegerField()
    balance_cents = models.BigIntegerField()
    held_cents = models.BigIntegerField(default=0)
    flow = models.CharField(max_length=20)
    protocol = models.CharField(max_length=40, blank=True)

    class Meta:
        ordering = ["party_id"]
        permissions = [
            ("book_platform", "Can book what a platform pays in advance"),
            ("switch_platform", "Can switch a platform on and off"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_min_cents__gt=0, amount_max_cents__gte=F("amount_min_cents")),
                name="platform_amounts_in_order",
            ),
            models.CheckConstraint(condition=Q(held_cents__gte=0), name="platform_holds_nothing_below_zero"),
            models.CheckConstraint(
                condition=Q(settle_kind="CPS", settle_rate__gt=0, settle_rate__lt=1, settle_fee_cents=None)
                | Q(settle_kind__in=["CPA", "CPL"], settle_rate=None, settle_fee_cents__gt=0)
                | Q(settle_kind="", settle_rate=None, settle_fee_cents=None),
                name="platform_terms_computable",
            ),
        ]

    def __str__(self) -> str:
        return str(self.party_id)


class PlatformPayment(models.Model):
    """What a platform has paid in advance, booked once a `reference` of the bank's. Never edited.

    `by`: "staff:<id>", or "system" for what it had paid when it was configured.
    """

    platform = models.ForeignKey(Platform, models.PROTECT, related_name="payments")
    reference = models.CharField(max_length=60, unique=True)
    amount_cents = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    on_date = models.DateField()
    booked_at = models.DateTimeField()
    by = models.CharField(max_length=60)
    journal = models.OneToOneField("lending.Journal", models.PROTECT, related_name="+")

    class Meta:
        ordering = ["-id"]
        constraints = [models.CheckConstraint(condition=Q(amount_cents__gt=0), name="platform_payment_above_zero")]

    def __str__(self) -> str:
        return self.reference


class PlatformDay(models.Model):
    """How many leads a platform was given on a business day. Counted by the statement that lets one go."""

    platform = models.ForeignKey(Platform, models.PROTECT, related_name="days")
    date = models.DateField()
    used = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["-date", "platform"]
        constraints = [models.UniqueConstraint(fields=["platform", "date"], name="platform_day_once")]

    def __str__(self) -> str:
        return f"{self.platform_id} {self.date}"


class Trigger(models.TextChoices):
    DECLINED = "declined", "Declined"
    NO_FUNDER = "no_funder", "No funder"
    ASKED_MORE = "asked_more_than_granted", "Asked for more than granted"
    OWN_PAGE = "own_page", "Asked on our own page"


class OfferSearch(models.Model):
    """One look for another platform for `amount_cents`: one a day for each application and trigger.

    `considered`: [{platform, matches, rules: [{rule, passed, value, bound}]}]. `excluded`: why nobody was looked for.
    `result`: the platforms found | none | excluded | held: waits for an appeal's end | released: taken up after it.
    `on_date`: empty for what was looked for before that rule.
    """

    application = models.ForeignKey("lending.Application", models.PROTECT, related_name="+")
    trigger = models.CharField(max_length=24, choices=Trigger.choices)
    considered = models.JSONField()
    excluded = ArrayField(models.CharField(max_length=20), default=list)
    amount_cents = models.BigIntegerField(null=True)
    result = models.CharField(max_length=200)
    at = models.DateTimeField()
    on_date = models.DateField(null=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "offer searches"
        constraints = [
            models.CheckConstraint(condition=Q(trigger__in=Trigger.values), name="offer_search_trigger_known"),
            models.UniqueConstraint(
                fields=["application", "trigger", "on_date"],
                condition=~Q(result__in=["held", "released"]),
                name="offer_search_once_a_day",
            ),
            models.UniqueConstraint(
                fields=["application", "trigger"], condition=Q(result="held"), name="offer_search_held_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.trigger}: {self.result}"


class OfferState(models.TextChoices):
    OPEN = "open", "可选 Open"
    TAKEN = "taken", "已选择 Taken"
    CLOSED = "closed", "已关闭 Closed"


S = OfferState


class Offer(FSMModelMixin, models.Model):
    """What one platform would lend a borrower by its stated terms. Nothing of the borrower has left us for it.

    `place`: its rank in its search; `score`: what that was reckoned of. `odds`, `annual_rate`, `xirr`: fractions;
    `commission_cents`: what the platform would pay us, told to the borrower.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    search = models.ForeignKey(OfferSearch, models.PROTECT, related_name="offers")
    application = models.ForeignKey("lending.Application", models.PROTECT, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    platform = models.ForeignKey(Platform, models.PROTECT, related_name="+")
    place = models.PositiveSmallIntegerField()
    score = models.JSONField()
    grade = models.CharField(max_length=2)
    odds = models.DecimalField(max_digits=3, decimal_places=2)
    amount_cents = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    months = models.PositiveSmallIntegerField()
    annual_rate = models.DecimalField(max_digits=8, decimal_places=6)
    instalment_cents = models.BigIntegerField()
    total_cents = models.BigIntegerField()
    irr12 = models.DecimalField(max_digits=8, decimal_places=6)
    xirr = models.DecimalField(max_digits=8, decimal_places=6)
    commission_cents = models.BigIntegerField()
    state = StateField(default=S.OPEN, choices=S.choices)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["user", "-id"], name="offer_by_user")]
        constraints = [
            models.UniqueConstraint(fields=["search", "platform"], name="offer_once_a_search"),
            models.UniqueConstraint(fields=["search", "place"], name="offer_place_once"),
            models.CheckConstraint(condition=Q(state__in=S.values), name="offer_state_known"),
            models.CheckConstraint(condition=Q(amount_cents__gt=0, months__gt=0), name="offer_amount_positive"),
            models.CheckConstraint(condition=Q(xirr__lte="0.24"), name="offer_under_the_ceiling"),
        ]

    def __str__(self) -> str:
        return f"{self.platform_id} {self.public_id}"

    @transition(field=state, source=S.OPEN, target=S.TAKEN)
    def take(self) -> None: ...

    @transition(field=state, source=S.OPEN, target=S.CLOSED)
    def close(self) -> None: ...
