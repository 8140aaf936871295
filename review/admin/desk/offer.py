"""What the offer costs the borrower at another amount or term. The price is the machine's and is never changed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from lending import queries as lending
from lending.common import clock
from lending.common.errors import Invalid
from lending.common.money import cents, format_cents
from lending.rules import offer as rules
from review import queries
from users import queries as users

SOURCES = {"verified_income_cents": "bank flow", "monthly_instalments_cents": "credit bureau"}


@dataclass(frozen=True)
class Burden:
    """All instalments a month against the net income, and where each figure comes from."""

    income_cents: int
    income_source: str
    elsewhere_cents: int
    elsewhere_source: str
    share: Decimal | None
    left_cents: int
    affordable: bool


@dataclass(frozen=True)
class Offer:
    """`amount` and `months` as typed. `refusal` in place of a quote that cannot be given."""

    amount: str
    months: str
    most_cents: int
    terms_months: tuple[int, ...]
    ceiling: Decimal | None = None
    quote: lending.QuoteView | None = None
    burden: Burden | None = None
    authority: queries.AuthorityFor | None = None
    refusal: str = ""

    @property
    def over_ceiling(self) -> bool:
        return bool(self.quote and self.ceiling is not None and self.quote.xirr > self.ceiling)


def offer(
    case: queries.CaseView,
    application: lending.ApplicationView,
    seen: Mapping[str, Any],
    *,
    amount: str = "",
    months: str = "",
    at: datetime,
) -> Offer | None:
    """Recomputed at `amount` yuan over `months`; as offered where they are empty. None where nothing was offered.

    seen: what the sources say, by the names of the variables.
    """
    terms = application.terms
    if terms is None:
        return None
    product = lending.product(application.product_code)
    most = min(application.offered_cents or 0, application.amount_cents or 0)
    allowed = tuple(months for months in product.terms_months if months <= (application.months or 0))
    plain = Offer(amount or f"{terms.amount_cents / 100:.2f}", months or str(terms.months), most, allowed)
    try:
        amount_cents, term = _asked(plain)
    except Invalid as error:
        return Offer(plain.amount, plain.months, most, allowed, refusal=error.detail)
    quote = lending.priced(
        product.currency,
        amount_cents=amount_cents,
        months=term,
        annual_rate=terms.annual_rate,
        method=terms.method,
        on=clock.business_date(at),
    )
    return Offer(
        amount=plain.amount,
        months=plain.months,
        most_cents=most,
        terms_months=allowed,
        ceiling=product.ceiling_xirr,
        quote=quote,
        burden=_burden(users.person(application.user_id), seen, quote),
        authority=queries.authority_for(case.id, amount_cents),
    )


def _asked(plain: Offer) -> tuple[int, int]:
    """Raises Invalid with a sentence for the reviewer."""
    try:
        amount_cents, months = cents(Decimal(plain.amount.replace(",", "").strip())), int(plain.months)
    except (InvalidOperation, ValueError, Invalid) as error:
        raise Invalid("Type an amount in yuan and a whole number of months.") from error
    if amount_cents <= 0:
        raise Invalid("The amount must be more than nothing.")
    if amount_cents > plain.most_cents:
        raise Invalid(f"At most {format_cents(plain.most_cents)}: more was not offered or asked for.")
    if months not in plain.terms_months:
        raise Invalid(f"The term can be {', '.join(map(str, plain.terms_months))} months.")
    return amount_cents, months


def _burden(person: users.Person, seen: Mapping[str, Any], quote: lending.QuoteView) -> Burden | None:
    """None without any income."""
    income, income_source = _first(seen, "verified_income_cents", person.net_income_cents)
    elsewhere, elsewhere_source = _first(seen, "monthly_instalments_cents", person.instalments_elsewhere_cents)
    if not income:
        return None
    found = rules.affordability(
        net_income_cents=income,
        elsewhere_cents=elsewhere,
        ours_cents=rules.monthly_burden(quote.schedule, quote.method),
    )
    return Burden(income, income_source, elsewhere, elsewhere_source, found.share, found.left_cents, found.affordable)


def _first(seen: Mapping[str, Any], name: str, declared: int | None) -> tuple[int, str]:
    """What a source says before what the borrower says."""
    value = seen.get(name)
    return (value, SOURCES[name]) if isinstance(value, int) else (declared or 0, "as stated")
