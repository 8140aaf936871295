"""Reads of grants and drawdowns. A stranger's row is NotFound."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from lending.models import (
    Drawdown,
    DrawdownStatus,
    Event,
    Grant,
    Product,
)
from lending.queries.configuration import QuoteView, ReasonView, party, priced, product, reasons
from lending.queries.gate import one
from lending.services.gates import InvalidRequest, check_asked


@dataclass(frozen=True, slots=True)
class GrantView:
    id: int
    public_id: UUID
    application_id: int
    user_id: int
    product_code: str
    limit_cents: int
    used_cents: int
    pending_cents: int
    free_cents: int
    annual_rate: Decimal
    months: int
    irr12: Decimal
    xirr: Decimal
    status: str
    valid_until: datetime


@dataclass(frozen=True, slots=True)
class DrawdownView:
    id: int
    public_id: UUID
    application_id: int
    grant_id: int
    grant_public_id: UUID
    user_id: int
    product_code: str
    channel_code: str
    grade: str
    amount_cents: int
    months: int
    method: str
    annual_rate: Decimal
    irr12: Decimal
    xirr: Decimal
    ceiling_xirr: Decimal
    status: str
    status_at: datetime
    funder_code: str
    guarantor_code: str
    guarantee_rate: Decimal
    mode: str
    card_id: int
    purpose: str
    consent_id: int
    bureau_consent_id: int
    candidates: tuple[str, ...]
    contract_set_sha256: str
    reasons: tuple[str, ...]
    confirmed_at: datetime
    approval_expires_at: datetime | None
    paid_at: datetime | None
    loan_public_id: UUID | None


def grant(grant_id: int) -> GrantView:
    return _grant(one(Grant.objects.select_related("product"), pk=grant_id))


def grant_for(user_id: int, public_id: UUID) -> GrantView:
    return _grant(one(Grant.objects.select_related("product"), user_id=user_id, public_id=public_id))


def grants_of(user_id: int) -> tuple[GrantView, ...]:
    return tuple(map(_grant, Grant.objects.select_related("product").filter(user_id=user_id)))


def _grant(found: Grant) -> GrantView:
    return GrantView(
        id=found.pk,
        public_id=found.public_id,
        application_id=found.application_id,
        user_id=found.user_id,
        product_code=found.product.code,
        limit_cents=found.limit_cents,
        used_cents=found.used_cents,
        pending_cents=found.pending_cents,
        free_cents=found.free_cents,
        annual_rate=found.annual_rate,
        months=found.months,
        irr12=found.irr12,
        xirr=found.xirr,
        status=found.status,
        valid_until=found.valid_until,
    )


def grant_quote(grant: GrantView, *, amount_cents: int, months: int, method: str, on: date) -> QuoteView:
    """What a drawdown would cost, at the price of the grant."""
    currency = product(grant.product_code).currency
    return priced(
        currency, amount_cents=amount_cents, months=months, annual_rate=grant.annual_rate, method=method, on=on
    )


def drawdown_quote(grant: GrantView, *, amount_cents: int, months: int, method: str, on: date) -> QuoteView:
    """As `grant_quote`, for what could be drawn. Raises InvalidRequest with a message per field."""
    found = Product.objects.get(code=grant.product_code)
    check_asked(
        product=found, amount_cents=amount_cents, months=months, method=method, minimum_cents=found.drawdown_min_cents
    )
    if months > grant.months:
        raise InvalidRequest(fields={"months": f"at most {grant.months}"})
    if amount_cents > grant.limit_cents:
        raise InvalidRequest(fields={"amount_cents": f"at most {grant.limit_cents}"})
    return grant_quote(grant, amount_cents=amount_cents, months=months, method=method, on=on)


_DRAWDOWNS = ("product", "grant__application", "loan")


def drawdown(drawdown_id: int) -> DrawdownView:
    return _drawdown(one(Drawdown.objects.select_related(*_DRAWDOWNS), pk=drawdown_id))


def drawdown_for(user_id: int, public_id: UUID) -> DrawdownView:
    return _drawdown(one(Drawdown.objects.select_related(*_DRAWDOWNS), user_id=user_id, public_id=public_id))


def drawdowns_of(user_id: int) -> tuple[DrawdownView, ...]:
    return tuple(map(_drawdown, Drawdown.objects.select_related(*_DRAWDOWNS).filter(user_id=user_id)))


def drawdowns_of_application(application_id: int) -> tuple[DrawdownView, ...]:
    rows = Drawdown.objects.select_related(*_DRAWDOWNS).filter(grant__application_id=application_id)
    return tuple(map(_drawdown, rows))


def paid_out(since: datetime, until: datetime) -> int:
    """How many drawdowns were paid out in [since, until)."""
    return Drawdown.objects.filter(status=DrawdownStatus.PAID, paid_at__gte=since, paid_at__lt=until).count()


def _drawdown(found: Drawdown) -> DrawdownView:
    application = found.grant.application
    loan = getattr(found, "loan", None)
    return DrawdownView(
        id=found.pk,
        public_id=found.public_id,
        application_id=application.pk,
        grant_id=found.grant_id,
        grant_public_id=found.grant.public_id,
        user_id=found.user_id,
        product_code=found.product.code,
        channel_code=application.channel_code,
        grade=application.grade,
        amount_cents=found.amount_cents,
        months=found.months,
        method=found.method,
        annual_rate=found.annual_rate,
        irr12=found.irr12,
        xirr=found.xirr,
        ceiling_xirr=found.ceiling_xirr,
        status=found.status,
        status_at=found.status_at,
        funder_code=found.funder_code,
        guarantor_code=found.guarantor_code,
        guarantee_rate=found.guarantee_rate,
        mode=found.mode,
        card_id=found.card_id,
        purpose=found.purpose,
        consent_id=found.consent_id,
        bureau_consent_id=found.bureau_consent_id,
        candidates=tuple(found.candidates),
        contract_set_sha256=found.contract_set_sha256,
        reasons=tuple(found.reasons),
        confirmed_at=found.confirmed_at,
        approval_expires_at=found.approval_expires_at,
        paid_at=found.paid_at,
        loan_public_id=loan.public_id if loan else None,
    )


EXPLAINED = ("DECLINED", "EXPIRED", "RETURNED", "NO_FUNDER", "CARD_FIX")


def explained(drawdown: DrawdownView) -> tuple[ReasonView, ...]:
    """Why it is where it is, in the borrower's words; nothing while it is on its way. `{funder}` is who refused it."""
    if drawdown.status not in EXPLAINED or not drawdown.reasons:
        return ()
    found = reasons(drawdown.reasons)
    if not any("{funder}" in row.text_en for row in found):
        return found
    refusals = Event.objects.filter(
        drawdown_id=drawdown.id, source=DrawdownStatus.FUNDER_PENDING, actor__startswith="vendor:"
    ).exclude(target=DrawdownStatus.SIGNING)
    actors = dict.fromkeys(refusals.order_by("pk").values_list("actor", flat=True))
    who = [party(actor.removeprefix("vendor:")) for actor in actors]
    en, zh = ", ".join(one.legal_name for one in who), "、".join(one.legal_name_zh for one in who)
    return tuple(
        replace(row, text_en=row.text_en.replace("{funder}", en), text_zh=row.text_zh.replace("{funder}", zh))
        for row in found
    )
