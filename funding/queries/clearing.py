"""What is cleared with a lender: the money of a day by its parts, and what its guarantor keeps with it."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from uuid import UUID

from django.db.models import Exists, F, IntegerField, OuterRef, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from funding.models import Claim, FunderSettlement, Reservation
from lending import queries as lending
from lending.common import clock
from lending.common.errors import Conflict, NotFound
from lending.common.money import round_half_up
from lending.models import Entry, Repayment

PARTS = ("principal_cents", "interest_cents", "guarantee_fee_cents", "penalty_cents", "surplus_cents", "amount_cents")
A_DAY = timedelta(days=1)
SETTLES = timedelta(minutes=5)  # after midnight, within which everything that began before it is written
FIRST_YEAR = 2020


class DayNotOver(Conflict):
    code, title = "day_not_over", "This day is not over yet"


@dataclass(frozen=True, slots=True)
class Cleared:
    """A repayment, or what a guarantor paid in its place, in cents. It is cleared on the day after `on_date`."""

    lender_code: str
    on_date: date
    programme_code: str
    loan_id: UUID
    kind: str
    number: int
    currency: str
    principal_cents: int
    interest_cents: int
    guarantee_fee_cents: int
    penalty_cents: int
    surplus_cents: int
    amount_cents: int


@dataclass(frozen=True, slots=True)
class DayCleared:
    lender_code: str
    on_date: date
    currency: str
    count: int
    principal_cents: int
    interest_cents: int
    guarantee_fee_cents: int
    penalty_cents: int
    amount_cents: int


@dataclass(frozen=True, slots=True)
class Deposit:
    """`balance_cents`: owed to the lender under the programme now, by its ledger."""

    programme_code: str
    lender_code: str
    guarantor_code: str
    currency: str
    balance_cents: int
    rate: Decimal
    cents: int


def clearing_of(lender_code: str, day: date, *, at: datetime) -> tuple[Cleared, ...]:
    """Of a day that is over: it does not change any more. Raises NotFound, DayNotOver."""
    if lender_code not in lenders():
        raise NotFound("There is no lender that anything is cleared with by that name.")
    if day.year < FIRST_YEAR:
        raise NotFound(f"Nothing was booked before {FIRST_YEAR}.")
    if day >= clock.business_date(at - SETTLES):
        raise DayNotOver("Its file is made five minutes after its end.")
    return tuple(line for line in _cleared(day, day) if line.lender_code == lender_code)


def lenders() -> tuple[str, ...]:
    """Those who are cleared with."""
    return tuple(_agreements().order_by("programme__funder").values_list("programme__funder", flat=True).distinct())


def cleared_days(at: datetime, *, days: int) -> tuple[DayCleared, ...]:
    """Sums of the last days that are over and had any, newest first."""
    until = clock.business_date(at - SETTLES) - A_DAY
    found = []
    rows = sorted(_cleared(until - (days - 1) * A_DAY, until), key=_day)
    for (lender, on_date, currency), of_day in groupby(rows, key=_day):
        lines = list(of_day)
        sums = [sum(getattr(line, part) for line in lines) for part in PARTS if part != "surplus_cents"]
        found.append(DayCleared(lender, on_date, currency, len(lines), *sums))
    return tuple(sorted(found, key=lambda row: row.on_date, reverse=True))


def deposits() -> tuple[Deposit, ...]:
    """What each guarantor is to keep with a lender now."""
    rows = FunderSettlement.objects.exclude(deposit=None).select_related("programme").order_by("pk")
    return tuple(_deposit(row) for row in rows)


def _deposit(row: FunderSettlement) -> Deposit:
    programme = row.programme
    entries = Entry.objects.filter(account__kind="loan_principal", account__book=programme.funder_id)
    owed = entries.annotate(programme=lent_under("journal__loan__drawdown")).filter(programme=programme.pk)
    balance = owed.aggregate(cents=Coalesce(Sum("amount_cents"), 0))["cents"]
    rate = row.deposit or Decimal(0)
    currency = lending.product(programme.products[0]).currency
    cents = round_half_up(balance * rate)
    return Deposit(str(programme.pk), programme.funder_id, str(programme.guarantor_id), currency, balance, rate, cents)


def _agreements() -> QuerySet[FunderSettlement]:
    """With whom another's money is settled; an own book has nobody to clear with."""
    return FunderSettlement.objects.filter(basis__in=("balance", "collected"))


def lent_under(drawdown: str) -> Subquery:
    """The programme whose money went out for it."""
    gone_out = Reservation.objects.filter(kind="commit", drawdown=OuterRef(drawdown))
    return Subquery(gone_out.values("programme")[:1])


def _day(row: Cleared) -> tuple[str, date, str]:
    return row.lender_code, row.on_date, row.currency


def _cleared(since: date, until: date) -> tuple[Cleared, ...]:
    """By the day on which it was booked, so that no later booking changes a day; oldest first."""
    lender_of = dict(_agreements().values_list("pk", "programme__funder"))
    programme = lent_under("loan__drawdown")
    booked = (clock.end_of(since) - A_DAY, clock.end_of(until))
    claimed = Claim.objects.filter(loan=OuterRef("loan"), at__lte=OuterRef("posted_at"))  # from then on not theirs
    paid = Repayment.objects.filter(~Exists(claimed), posted_at__gte=booked[0], posted_at__lt=booked[1]).annotate(
        programme=programme, on=F("posted_at")
    )
    claims = Claim.objects.filter(business_date__gte=since, business_date__lte=until).annotate(
        programme=programme, on=F("at"), surplus_cents=Value(0, IntegerField())
    )
    found: list[Cleared] = []
    for kind, rows in (("repayment", paid), ("claim", claims)):
        named = rows.filter(programme__in=list(lender_of)).values_list(
            "on", "programme", "loan__public_id", "pk", "loan__product__currency", *PARTS
        )
        found += [
            Cleared(lender_of[code], clock.business_date(on), code, loan_id, kind, pk, currency, *cents)
            for on, code, loan_id, pk, currency, *cents in named
        ]
    return tuple(sorted(found, key=lambda row: (row.on_date, row.kind, row.number)))
