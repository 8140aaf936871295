"""What a channel earns by its borrowers, and when it loses that again. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal

from lending.common.errors import Invalid
from lending.common.money import round_half_up

CPA, CPS, CPL = "CPA", "CPS", "CPL"
KINDS = (CPA, CPS, CPL)  # at a first grant, of what is paid out, for a complete intake
CLAWBACKS = ("cancelled_hours", "first_overdue_days", "fraud_days", "duplicate_days")


_UNITS = {
    "cancelled_hours": timedelta(hours=1),
    "fraud_days": timedelta(days=1),
    "duplicate_days": timedelta(days=1),
}


class BadTerms(Invalid):
    code, title = "bad_terms", "Terms of settlement that nobody can reckon by"


@dataclass(frozen=True)
class Terms:
    """`rate`: a fraction of the principal (CPS); `fee_cents`: for each (CPA, CPL); `clawback`: limits by name."""

    kind: str
    rate: Decimal | None = None
    fee_cents: int | None = None
    clawback: Mapping[str, int] = field(default_factory=dict)


def read(kind: str, rate: str, fee_cents: int | None, clawback: str) -> Terms:
    """Of a row of configuration; `clawback`: "cancelled_hours:24 first_overdue_days:30". Raises BadTerms."""
    limits = {}
    for word in clawback.split():
        name, _, limit = word.partition(":")
        if name not in CLAWBACKS or not limit.isdigit():
            raise BadTerms(f"{word} is no clawback.")
        limits[name] = int(limit)
    share = Decimal(rate) if rate else None
    fits = (share is not None and 0 < share < 1 and fee_cents is None) if kind == CPS else (
        share is None and fee_cents is not None and fee_cents > 0
    )  # fmt: skip
    if kind and (kind not in KINDS or not fits):
        raise BadTerms(f"{kind} with rate {rate or 'none'} and fee {fee_cents}.")
    if not kind and (share is not None or fee_cents is not None or limits):
        raise BadTerms("A price without a kind.")
    return Terms(kind, share, fee_cents, limits)


def fee(terms: Terms, principal_cents: int) -> int:
    """In cents, half up; `principal_cents` counts where a share of it was agreed."""
    return round_half_up(principal_cents * terms.rate) if terms.rate is not None else terms.fee_cents or 0


@dataclass(frozen=True)
class Facts:
    """What became of what a fee was for. `cancelled_at`: when the borrower said so; `first_paid`: when the first
    instalment was; `fraud_at`: when it was found; `earlier_at`: when the same borrower was brought before."""

    earned_at: datetime
    today: date
    returned: bool = False
    cancelled_at: datetime | None = None
    first_due: date | None = None
    first_paid: date | None = None
    fraud_at: datetime | None = None
    earlier_at: datetime | None = None


def lost(terms: Terms, facts: Facts) -> str:
    """Why the fee is taken back; "" where it stays. Money that came back was not paid out, whatever was agreed."""
    if facts.returned:
        return "returned"
    found = {
        "cancelled_hours": facts.cancelled_at - facts.earned_at if facts.cancelled_at else None,
        "fraud_days": facts.fraud_at - facts.earned_at if facts.fraud_at else None,
        "duplicate_days": facts.earned_at - facts.earlier_at if facts.earlier_at else None,
    }
    for name, after in found.items():
        limit = terms.clawback.get(name)
        if after is not None and limit is not None and after <= limit * _UNITS[name]:
            return name.rpartition("_")[0]
    most = terms.clawback.get("first_overdue_days")
    if facts.first_due is None or most is None or facts.cancelled_at:
        return ""
    return "first_overdue" if ((facts.first_paid or facts.today) - facts.first_due).days > most else ""
