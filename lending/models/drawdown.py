"""Money taken against a grant (用信), from the borrower's yes to the payout."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django_fsm import FSMModelMixin, transition

from lending.common.states import StateField

from .grant import Grant
from .product import Product


class DrawdownStatus(models.TextChoices):
    REQUESTED = "REQUESTED", "已申请 Requested"
    ROUTING = "ROUTING", "匹配资方 Routing"
    NO_FUNDER = "NO_FUNDER", "待资金 No funder"
    FUNDER_PENDING = "FUNDER_PENDING", "资方审批 Funder pending"
    SIGNING = "SIGNING", "待签约 Signing"
    SIGNED = "SIGNED", "已签约 Signed"
    DISBURSING = "DISBURSING", "放款中 Disbursing"
    CARD_FIX = "CARD_FIX", "待换卡 Card fix"
    PAID = "PAID", "已放款 Paid"
    RETURNED = "RETURNED", "退票 Returned"
    DECLINED = "DECLINED", "拒绝 Declined"
    CANCELLED = "CANCELLED", "已取消 Cancelled"
    EXPIRED = "EXPIRED", "已过期 Expired"


S = DrawdownStatus
ENDED = (S.PAID, S.RETURNED, S.DECLINED, S.CANCELLED, S.EXPIRED)
CANCELLABLE = (S.REQUESTED, S.ROUTING, S.NO_FUNDER, S.FUNDER_PENDING, S.SIGNING, S.CARD_FIX)


class Drawdown(FSMModelMixin, models.Model):
    """`candidates`: the funders the borrower's consent names, in order. Rates are fractions a year."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    grant = models.ForeignKey(Grant, models.PROTECT, related_name="drawdowns")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="drawdowns")
    product = models.ForeignKey(Product, models.PROTECT)
    status = StateField(default=S.REQUESTED, choices=S.choices)
    amount_cents = models.BigIntegerField()
    months = models.PositiveSmallIntegerField()
    method = models.CharField(max_length=20)
    annual_rate = models.DecimalField(max_digits=6, decimal_places=4)
    irr12 = models.DecimalField(max_digits=8, decimal_places=6)
    xirr = models.DecimalField(max_digits=8, decimal_places=6)
    ceiling_xirr = models.DecimalField(max_digits=6, decimal_places=4)
    purpose = models.CharField(max_length=40)
    card = models.ForeignKey("users.BankCard", models.PROTECT)
    consent = models.ForeignKey("users.Consent", models.PROTECT, related_name="+")
    bureau_consent = models.ForeignKey("users.Consent", models.PROTECT, related_name="+")
    candidates = ArrayField(models.CharField(max_length=20))
    funder_code = models.CharField(max_length=20, blank=True)
    guarantor_code = models.CharField(max_length=20, blank=True)
    guarantee_rate = models.DecimalField(max_digits=6, decimal_places=4, default=0, help_text="Part of the price")
    mode = models.CharField(max_length=12, blank=True)
    contract_set_sha256 = models.CharField(max_length=64, blank=True)
    decision_id = models.BigIntegerField(null=True)
    reasons = ArrayField(models.CharField(max_length=4), default=list, blank=True)
    confirmed_at = models.DateTimeField()
    approval_expires_at = models.DateTimeField(null=True)
    status_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["status", "status_at"], name="drawdown_by_status")]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=S.values), name="drawdown_status_known"),
            models.CheckConstraint(condition=Q(amount_cents__gt=0, months__gt=0), name="drawdown_amount_positive"),
            models.CheckConstraint(condition=Q(xirr__lte=F("ceiling_xirr")), name="drawdown_under_its_ceiling"),
            models.CheckConstraint(
                condition=Q(guarantee_rate=0)
                | (Q(guarantee_rate__gt=0, guarantee_rate__lt=F("annual_rate")) & ~Q(guarantor_code="")),
                name="drawdown_guarantee_is_part_of_the_price",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=[S.FUNDER_PENDING, S.SIGNING, S.SIGNED, S.DISBURSING, S.CARD_FIX, S.PAID])
                | ~Q(funder_code=""),
                name="drawdown_past_routing_has_a_funder",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=[S.SIGNED, S.DISBURSING, S.PAID]) | ~Q(contract_set_sha256=""),
                name="drawdown_past_signing_has_its_contracts",
            ),
            models.CheckConstraint(
                condition=~Q(status=S.PAID) | Q(paid_at__isnull=False), name="paid_drawdown_says_when"
            ),
        ]

    def __str__(self) -> str:
        return str(self.public_id)

    @transition(field=status, source=[S.REQUESTED, S.NO_FUNDER], target=S.ROUTING)
    def route(self) -> None: ...

    @transition(field=status, source=S.REQUESTED, target=S.DECLINED)
    def decline(self) -> None: ...

    @transition(field=status, source=S.ROUTING, target=S.FUNDER_PENDING)
    def ask_funder(self) -> None: ...

    @transition(field=status, source=S.ROUTING, target=S.NO_FUNDER)
    def find_no_funder(self) -> None: ...

    @transition(field=status, source=S.FUNDER_PENDING, target=S.SIGNING)
    def accept(self) -> None: ...

    @transition(field=status, source=[S.FUNDER_PENDING, S.SIGNING, S.DISBURSING, S.CARD_FIX], target=S.ROUTING)
    def reroute(self) -> None: ...

    @transition(field=status, source=S.SIGNING, target=S.SIGNED)
    def sign(self) -> None: ...

    @transition(field=status, source=[S.SIGNED, S.CARD_FIX], target=S.DISBURSING)
    def disburse(self) -> None: ...

    @transition(field=status, source=S.DISBURSING, target=S.CARD_FIX)
    def ask_card(self) -> None: ...

    @transition(field=status, source=S.DISBURSING, target=S.PAID)
    def pay(self) -> None: ...

    @transition(field=status, source=S.PAID, target=S.RETURNED)
    def return_(self) -> None: ...

    @transition(field=status, source=list(CANCELLABLE), target=S.CANCELLED)
    def cancel(self) -> None: ...

    @transition(field=status, source=list(CANCELLABLE), target=S.EXPIRED)
    def expire(self) -> None: ...
