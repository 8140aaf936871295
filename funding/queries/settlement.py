"""What is open with lenders and guarantors, by when it is due, and what a statement is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import TruncMonth

from funding.models import FunderLine, FunderSettlement
from funding.models.settlement import LineKind
from funding.rules import hours as rules
from lending import queries as lending
from lending.common import clock


@dataclass(frozen=True, slots=True)
class Open:
    """Lines of a month that no statement has. `month`: its first day; `due_on`: by when the statement is agreed."""

    party_code: str
    month: date
    currency: str
    count: int
    cents: int
    due_on: date | None
    is_late: bool


@dataclass(frozen=True, slots=True)
class Summed:
    """Lines of one kind; `base_cents`: what they are reckoned of, None where it is a balance and sums to nothing."""

    kind: str
    count: int
    base_cents: int | None
    cents: int


def settles_with(party_code: str) -> bool:
    return _agreements(party_code).exists()


def agreements(party_code: str) -> Sequence[FunderSettlement]:
    """What was agreed with them, in words and as it is reckoned by."""
    return list(_agreements(party_code).order_by("pk"))


def due_on(party_code: str, month: date) -> date | None:
    """The workday agreed of the month that follows; the earliest, where several agreements name one."""
    number = min((row.due_workday for row in _agreements(party_code) if row.due_workday), default=None)
    return _dues({(party_code, month): number}).get((party_code, month))


def _dues(wanted: Mapping[tuple[str, date], int | None]) -> dict[tuple[str, date], date]:
    """`wanted`: the number of the workday, by party and month."""
    if not wanted:
        return {}
    months = [month for _, month in wanted]
    special = lending.special_days(min(months), max(months) + timedelta(days=92))
    return {
        (party, month): rules.nth_workday(
            month=(month.replace(day=1) + timedelta(days=32)), number=number, special=special
        )
        for (party, month), number in wanted.items()
        if number
    }


def _agreements(party_code: str) -> QuerySet[FunderSettlement]:
    theirs = Q(programme__funder=party_code) | Q(programme__guarantor=party_code, fee_back__isnull=False)
    return FunderSettlement.objects.exclude(basis="").filter(theirs)


def open_lines(at: datetime) -> tuple[Open, ...]:
    """Months that are over or running, oldest first."""
    today = clock.business_date(at)
    rows = FunderLine.objects.filter(statement=None).annotate(month=TruncMonth("on_date"))
    found = rows.order_by("month", "party_id").values_list("party_id", "month", "currency")
    summed = list(found.annotate(n=Count("pk"), cents=Sum("amount_cents")))
    numbers: dict[str, int] = {}
    for row in FunderSettlement.objects.exclude(due_workday=None).select_related("programme"):
        for party in (row.programme.funder_id, row.programme.guarantor_id if row.fee_back is not None else None):
            if party and row.due_workday:
                numbers[party] = min(numbers.get(party, row.due_workday), row.due_workday)
    dues = _dues({(party, month): numbers.get(party) for party, month, *_ in summed})
    return tuple(
        Open(party, month, currency, n, cents, due := dues.get((party, month)), due is not None and today > due)
        for party, month, currency, n, cents in summed
    )


def by_kind(statement_id: int) -> tuple[Summed, ...]:
    rows = FunderLine.objects.filter(statement_id=statement_id).order_by("kind")
    found = rows.values_list("kind").annotate(n=Count("pk"), base=Sum("base_cents"), cents=Sum("amount_cents"))
    words = {kind: str(word) for kind, word in LineKind.choices}
    of_balances = (LineKind.COST, LineKind.PROVISION)
    return tuple(Summed(words[kind], n, None if kind in of_balances else base, cents) for kind, n, base, cents in found)


def lines_of(statement_id: int) -> Sequence[FunderLine]:
    """Oldest first."""
    rows = FunderLine.objects.filter(statement_id=statement_id)
    return list(rows.select_related("loan").order_by("on_date", "pk"))
