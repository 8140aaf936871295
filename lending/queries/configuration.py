"""Reads of products, grades, reasons, parties, and what an amount would cost."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from lending.common.errors import NotFound
from lending.common.remembered import remembered
from lending.models import (
    Grade,
    Holiday,
    Lifetime,
    Party,
    Product,
    Reason,
    ServicingTerm,
)
from lending.rules import offer
from lending.rules.schedule import Line
from lending.services.gates import check_asked


@dataclass(frozen=True, slots=True)
class ProductView:
    code: str
    name: str
    name_zh: str
    family: str
    kind: str
    currency: str
    amount_min_cents: int
    amount_max_cents: int
    step_cents: int
    drawdown_min_cents: int
    max_open_loans: int
    terms_months: tuple[int, ...]
    methods: tuple[str, ...]
    grant_valid_days: int
    ceiling_xirr: Decimal
    purposes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GradeView:
    code: str
    score_min: int
    pd_max: Decimal
    outcome: str
    annual_rate: Decimal | None
    limit_line_cents: int
    limit_once_cents: int
    limit_biz_cents: int


@dataclass(frozen=True, slots=True)
class ReasonView:
    code: str
    cls: str
    source: str
    reapply_days: int | None
    distribute: bool
    text_en: str
    text_zh: str


@dataclass(frozen=True, slots=True)
class PartyView:
    code: str
    kind: str
    legal_name: str
    legal_name_zh: str


@remembered
def product(code: str) -> ProductView:
    found = Product.objects.filter(code=code).first()
    if found is None:
        raise NotFound(f"There is no product {code}.")
    return _product(found)


def products() -> tuple[ProductView, ...]:
    return tuple(_product(found) for found in Product.objects.filter(active=True))


def _product(found: Product) -> ProductView:
    return ProductView(
        code=found.code,
        name=found.name,
        name_zh=found.name_zh,
        family=found.family,
        kind=found.kind,
        currency=found.currency,
        amount_min_cents=found.amount_min_cents,
        amount_max_cents=found.amount_max_cents,
        step_cents=found.step_cents,
        drawdown_min_cents=found.drawdown_min_cents,
        max_open_loans=found.max_open_loans,
        terms_months=tuple(found.terms_months),
        methods=tuple(found.methods),
        grant_valid_days=found.grant_valid_days,
        ceiling_xirr=found.ceiling_xirr,
        purposes=tuple(found.purposes),
    )


def grades() -> tuple[GradeView, ...]:
    return tuple(
        GradeView(
            code=grade.code,
            score_min=grade.score_min,
            pd_max=grade.pd_max,
            outcome=grade.outcome,
            annual_rate=grade.annual_rate,
            limit_line_cents=grade.limit_line_cents,
            limit_once_cents=grade.limit_once_cents,
            limit_biz_cents=grade.limit_biz_cents,
        )
        for grade in Grade.objects.all()
    )


def reasons(codes: tuple[str, ...] | list[str] | None = None) -> tuple[ReasonView, ...]:
    """The reasons in the order of `codes` (all of them without it); an unknown code raises NotFound."""
    rows = {row.code: row for row in Reason.objects.all()}
    if unknown := [code for code in codes or () if code not in rows]:
        raise NotFound(f"There is no reason {', '.join(unknown)}.")
    return tuple(
        ReasonView(
            code=row.code,
            cls=row.reason_class,
            source=row.source,
            reapply_days=row.reapply_days,
            distribute=row.distribute,
            text_en=row.borrower_en,
            text_zh=row.borrower_zh,
        )
        for row in (rows.values() if codes is None else [rows[code] for code in codes])
    )


def party(code: str) -> PartyView:
    found = Party.objects.filter(code=code).first()
    if found is None:
        raise NotFound(f"There is no party {code}.")
    return PartyView(code=found.code, kind=found.kind, legal_name=found.legal_name, legal_name_zh=found.legal_name_zh)


def party_codes(kind: str) -> tuple[str, ...]:
    """Of every channel, funder, guarantor or platform."""
    return tuple(Party.objects.filter(kind=kind).order_by("code").values_list("code", flat=True))


def servicing(key: str) -> str:
    return ServicingTerm.objects.get(pk=key).value


def lifetime_seconds(thing: str) -> int:
    return Lifetime.objects.get(pk=thing).ttl_seconds


def is_workday(on: date) -> bool:
    """Monday to Friday, unless the calendar says otherwise."""
    special = Holiday.objects.filter(on_date=on).first()
    return special.workday if special else on.weekday() < 5


def special_days(since: date, until: date) -> dict[date, bool]:
    """Days from `since` through `until` that the calendar says something about, and whether they are worked on."""
    return dict(Holiday.objects.filter(on_date__range=(since, until)).values_list("on_date", "workday"))


@dataclass(frozen=True, slots=True)
class QuoteView:
    """What an amount costs: every instalment and both annual costs."""

    currency: str
    amount_cents: int
    months: int
    method: str
    annual_rate: Decimal
    instalment_cents: int
    total_cents: int
    total_interest_cents: int
    irr12: Decimal
    xirr: Decimal
    schedule: tuple[Line, ...]


def quote(*, product_code: str, amount_cents: int, months: int, method: str, on: date, grade: str = "") -> QuoteView:
    """The cost at the price of `grade`, or at the dearest price without one: nobody is promised a better one."""
    found = Product.objects.filter(code=product_code, active=True).first()
    if found is None:
        raise NotFound(f"There is no product {product_code}.")
    check_asked(product=found, amount_cents=amount_cents, months=months, method=method)
    prices = {row.code: row.annual_rate for row in Grade.objects.all() if row.annual_rate is not None}
    if not prices or (grade and grade not in prices):
        raise NotFound(f"There is no price for grade {grade or 'any'}.")
    rate = prices[grade] if grade else max(prices.values())
    return priced(found.currency, amount_cents=amount_cents, months=months, annual_rate=rate, method=method, on=on)


def priced(currency: str, *, amount_cents: int, months: int, annual_rate: Decimal, method: str, on: date) -> QuoteView:
    """The cost at a given price."""
    cost = offer.quote(
        amount_cents=amount_cents, months=months, annual_rate=annual_rate, method=method, disbursed_on=on
    )
    return QuoteView(
        currency=currency,
        amount_cents=amount_cents,
        months=months,
        method=method,
        annual_rate=annual_rate,
        instalment_cents=cost.instalment_cents,
        total_cents=cost.total_cents,
        total_interest_cents=cost.total_interest_cents,
        irr12=cost.irr12,
        xirr=cost.xirr,
        schedule=cost.lines,
    )
