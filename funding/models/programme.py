"""Who lends, and under which terms: what the configuration says."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q


class FunderType(models.TextChoices):
    BANK = "bank", "银行 Bank"
    CONSUMER_FINANCE = "consumer_finance", "消费金融 Consumer finance"
    OWN = "own", "自有 Own"
    ASSIGNEE = "assignee", "受让方 Assignee"


class Funder(models.Model):
    """A funding party. Times are the market's; `closes` and `cut_off` of null mean midnight (24:00).

    `protocol` is a key of `funding.providers.base.FUNDERS`; blank: no wire yet, its programmes stay switched off.
    """

    party = models.OneToOneField(
        "lending.Party",
        models.PROTECT,
        to_field="code",
        db_column="code",
        primary_key=True,
        limit_choices_to={"kind": "funder"},
    )
    type = models.CharField(max_length=20, choices=FunderType.choices)
    workdays_only = models.BooleanField(default=False)
    opens = models.TimeField()
    closes = models.TimeField(null=True, blank=True)
    cut_off = models.TimeField(null=True, blank=True)
    answer = models.CharField(max_length=40)
    protocol = models.CharField(max_length=40, blank=True)
    channel_share_max = models.DecimalField(max_digits=5, decimal_places=4, null=True, blank=True)
    channels_exempt = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    province_share_max = models.DecimalField(max_digits=5, decimal_places=4, null=True, blank=True)
    shares_from_cents = models.BigIntegerField(default=0, help_text="Shares are looked at above this much in a month")

    class Meta:
        ordering = ["party_id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(closes__isnull=True) | Q(closes__gt=F("opens")), name="funder_hours_in_order"
            ),
            models.CheckConstraint(
                condition=(Q(channel_share_max__isnull=True) | Q(channel_share_max__gt=0, channel_share_max__lte=1))
                & (Q(province_share_max__isnull=True) | Q(province_share_max__gt=0, province_share_max__lte=1)),
                name="funder_shares_are_fractions",
            ),
        ]

    def __str__(self) -> str:
        return str(self.party_id)


class Guarantor(models.Model):
    """Who compensates a creditor. Cap = `leverage_max` × `net_capital_cents`."""

    party = models.OneToOneField("lending.Party", models.PROTECT, to_field="code", db_column="code", primary_key=True)
    covers = models.DecimalField(max_digits=5, decimal_places=4)
    compensation_dpd = models.PositiveSmallIntegerField()
    net_capital_cents = models.BigIntegerField()
    leverage_max = models.DecimalField(max_digits=5, decimal_places=2)

    def __str__(self) -> str:
        return str(self.party_id)

    @property
    def cap_cents(self) -> int:
        return int(self.net_capital_cents * self.leverage_max)


class Mode(models.TextChoices):
    DIRECT = "direct", "直投 Direct"
    OWN = "own", "自有 Own book"
    ASSIGNMENT = "assignment", "债转 Assignment"


class Programme(models.Model):
    """What a funder lends on. `interest`: the funder's part of the customer's rate by grade, {"A": "0.1080"}.

    Empty channel and level lists mean every channel and level. A null `priority` is never routed to (it buys later).
    """

    code = models.CharField(max_length=20, primary_key=True)
    funder = models.ForeignKey(Funder, models.PROTECT, related_name="programmes")
    mode = models.CharField(max_length=12, choices=Mode.choices)
    enabled = models.BooleanField(default=False)
    products = ArrayField(models.CharField(max_length=20))
    channels_only = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    channels_except = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    grades = ArrayField(models.CharField(max_length=2))
    amount_min_cents = models.BigIntegerField()
    amount_max_cents = models.BigIntegerField()
    months = ArrayField(models.PositiveSmallIntegerField())
    region_only = models.CharField(max_length=2, blank=True)
    maturity_age_max = models.PositiveSmallIntegerField()
    interest = models.JSONField(default=dict, blank=True)
    guarantor = models.ForeignKey(Guarantor, models.PROTECT, null=True, blank=True)
    guarantee_share = models.CharField(max_length=40, blank=True)
    cap_day_cents = models.BigIntegerField(null=True, blank=True)
    cap_month_cents = models.BigIntegerField()
    cap_outstanding_cents = models.BigIntegerField()
    per_borrower_cents = models.BigIntegerField()
    priority = models.PositiveSmallIntegerField(null=True, blank=True)
    tags_except = ArrayField(
        models.CharField(max_length=40), default=list, blank=True, help_text="Nobody who has one of these tags"
    )
    levels_only = ArrayField(models.CharField(max_length=8), default=list, blank=True)

    class Meta:
        ordering = [F("priority").asc(nulls_last=True), "code"]
        permissions = [("switch_programme", "Can switch a programme on and off")]
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_min_cents__gt=0, amount_max_cents__gte=F("amount_min_cents")),
                name="programme_amounts_in_order",
            ),
            models.CheckConstraint(
                condition=Q(enabled=False)
                | Q(
                    cap_day_cents__isnull=False,
                    cap_day_cents__gt=0,
                    cap_month_cents__isnull=False,
                    cap_month_cents__gt=0,
                    priority__isnull=False,
                ),
                name="programme_that_lends_is_capped",
            ),
        ]

    def __str__(self) -> str:
        return self.code


class FunderSettlement(models.Model):
    """How what a programme's borrowers pay is shared out: in the words of the agreement, and as it is reckoned by.

    The latter as `funding.rules.settlement.Terms`: `rate` is of the `basis`.
    """

    programme = models.OneToOneField(Programme, models.PROTECT, primary_key=True, related_name="settlement")
    collected_by = models.CharField(max_length=80)
    split = models.CharField(max_length=300)
    settle = models.CharField(max_length=120)
    reserve = models.CharField(max_length=120, blank=True)
    basis = models.CharField(max_length=10, blank=True)
    rate = models.DecimalField(max_digits=6, decimal_places=4, null=True, blank=True)
    fee_back = models.DecimalField(max_digits=5, decimal_places=4, null=True, blank=True)
    none_over_dpd = models.PositiveSmallIntegerField(null=True, blank=True)
    provision = ArrayField(models.DecimalField(max_digits=5, decimal_places=4), default=list, blank=True)
    due_workday = models.PositiveSmallIntegerField(null=True, blank=True)
    deposit = models.DecimalField(max_digits=5, decimal_places=4, null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(deposit=None) | Q(basis="balance", deposit__gt=0, deposit__lte=1),
                name="funder_deposit_of_a_balance",
            ),
            models.CheckConstraint(
                condition=Q(basis="", rate__isnull=True)
                | Q(basis="own", rate=1, provision__len=5, fee_back__isnull=True, none_over_dpd__isnull=True)
                | Q(basis="balance", rate__gt=0, rate__lt=1, provision__len=0, none_over_dpd__isnull=True)
                | Q(basis="collected", rate__gt=0, rate__lt=1, provision__len=0, fee_back__isnull=True)
                | Q(basis="servicing", rate__gt=0, rate__lt=1, provision__len=0, fee_back__isnull=True),
                name="funder_terms_can_be_reckoned",
            ),
        ]

    def __str__(self) -> str:
        return f"settlement of {self.programme_id}"
