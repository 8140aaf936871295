"""The outcome of an application: a limit, a price, a validity."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django_fsm import FSMModelMixin, transition

from lending.common.states import StateField

from .application import Application
from .product import Product


class GrantStatus(models.TextChoices):
    ACTIVE = "ACTIVE", "有效 Active"
    FROZEN = "FROZEN", "冻结 Frozen"
    EXPIRED = "EXPIRED", "已过期 Expired"
    CLOSED = "CLOSED", "已关闭 Closed"


S = GrantStatus


class Grant(FSMModelMixin, models.Model):
    """`used_cents` is principal outstanding (line) or ever paid out (single); `pending_cents` what drawdowns hold."""

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    application = models.OneToOneField(Application, models.PROTECT, related_name="grant")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="grants")
    product = models.ForeignKey(Product, models.PROTECT)
    status = StateField(default=S.ACTIVE, choices=S.choices)
    limit_cents = models.BigIntegerField()
    used_cents = models.BigIntegerField(default=0)
    pending_cents = models.BigIntegerField(default=0)
    months = models.PositiveSmallIntegerField()
    annual_rate = models.DecimalField(max_digits=6, decimal_places=4)
    fees_cents = models.BigIntegerField(default=0)
    irr12 = models.DecimalField(max_digits=8, decimal_places=6)
    xirr = models.DecimalField(max_digits=8, decimal_places=6)
    ceiling_xirr = models.DecimalField(max_digits=6, decimal_places=4)
    created_at = models.DateTimeField()
    valid_until = models.DateTimeField()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["status", "valid_until"], name="grant_by_end")]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=S.values), name="grant_status_known"),
            models.CheckConstraint(
                condition=Q(
                    used_cents__gte=0, pending_cents__gte=0, limit_cents__gte=F("used_cents") + F("pending_cents")
                ),
                name="drawn_and_pending_within_limit",
            ),
            models.CheckConstraint(condition=Q(xirr__lte=F("ceiling_xirr")), name="grant_under_its_ceiling"),
        ]

    def __str__(self) -> str:
        return str(self.public_id)

    @property
    def free_cents(self) -> int:
        return self.limit_cents - self.used_cents - self.pending_cents

    @transition(field=status, source=S.ACTIVE, target=S.FROZEN)
    def freeze(self) -> None: ...

    @transition(field=status, source=S.FROZEN, target=S.ACTIVE)
    def unfreeze(self) -> None: ...

    @transition(field=status, source=[S.ACTIVE, S.FROZEN], target=S.EXPIRED)
    def expire(self) -> None: ...

    @transition(field=status, source=[S.ACTIVE, S.FROZEN], target=S.CLOSED)
    def close(self) -> None: ...
