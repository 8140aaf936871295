"""What data costs: by day, vendor and source; by application; by funded loan; against the budgets."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Count, Max, Q, Sum
from django.db.models.functions import TruncDate

from lending import queries as lending
from risk.models import Assessment, AssessmentKind, AssessmentState, Budget, DataPull
from risk.rules import budget as rules
from users import queries as users

DEAREST = 20


@dataclass(frozen=True, slots=True)
class SpendRow:
    """Of one source on one business day. `asked`: pulls that were not an earlier answer again, checks, messages."""

    day: date
    vendor: str
    source: str
    asked: int
    spent_cents: int


@dataclass(frozen=True, slots=True)
class SourceSpend:
    source: str
    pulls: int
    spent_cents: int


@dataclass(frozen=True, slots=True)
class Spend:
    """Of one business day, by source, the dearest first. The alarm is raised at `alarm_cents`."""

    spent_cents: int
    budget_cents: int
    alarm_cents: int
    sources: tuple[SourceSpend, ...]


@dataclass(frozen=True, slots=True)
class BudgetUse:
    """`used_cents`: None where too few make no average; `count`: applications or loans of it, 0 for a day."""

    id: int
    kind: str
    limit_cents: int
    alarm_percent: int
    used_cents: int | None
    count: int


@dataclass(frozen=True, slots=True)
class Dear:
    """An application and what its data cost, its drawdowns' included."""

    application_id: int
    spent_cents: int


@dataclass(frozen=True, slots=True)
class SpendPeriod:
    """Both days included. Applications are those decided in it, loans those paid out in it.

    `application_cents`: of the applications decided; `most_cents`: the dearest of them.
    """

    since: date
    until: date
    currency: str
    rows: tuple[SpendRow, ...]
    applications: int
    application_cents: int
    most_cents: int
    loans: int
    dearest: tuple[Dear, ...]

    @property
    def spent_cents(self) -> int:
        return sum(row.spent_cents for row in self.rows)

    @property
    def by_vendor(self) -> tuple[tuple[str, int, int], ...]:
        """(vendor, asked, cents), the dearest first."""
        asked: Counter[str] = Counter()
        cents: Counter[str] = Counter()
        for row in self.rows:
            asked[row.vendor] += row.asked
            cents[row.vendor] += row.spent_cents
        return tuple((name, asked[name], cents[name]) for name in sorted(asked, key=lambda each: (-cents[each], each)))


def spend_period(since: date, until: date) -> SpendPeriod:
    begins, ends = _begin(since), _begin(until + timedelta(days=1))
    decided = Assessment.objects.filter(
        kind=AssessmentKind.APPLICATION, state=AssessmentState.DONE, finished_at__gte=begins, finished_at__lt=ends
    )
    figures = decided.aggregate(n=Count("pk"), cents=Sum("spend_cents"), most=Max("spend_cents"))
    register = users.source_facts()
    return SpendPeriod(
        since=since,
        until=until,
        currency=next((row.currency for row in register.values() if row.enabled), "CNY"),
        rows=_rows(begins, ends, register),
        applications=figures["n"],
        application_cents=figures["cents"] or 0,
        most_cents=figures["most"] or 0,
        loans=lending.paid_out(begins, ends),
        dearest=_dearest(begins, ends),
    )


def spend_on(day: date) -> Spend:
    """What data cost on that business day, against its budget."""
    rows = _rows(_begin(day), _begin(day + timedelta(days=1)), users.source_facts())
    sources = sorted(
        (SourceSpend(row.source, row.asked, row.spent_cents) for row in rows),
        key=lambda row: (-row.spent_cents, row.source),
    )
    limit, percent = _limit("day")
    return Spend(sum(row.spent_cents for row in rows), limit, rules.alarm_cents(limit, percent), tuple(sources))


def budget_use(kind: str, today: date) -> BudgetUse:
    """Where a budget stands on that business day. One that is not kept has the shipped limit."""
    row = Budget.objects.filter(kind=kind).first()
    limit, percent = (row.limit_cents, row.alarm_percent) if row else rules.SHIPPED[kind]
    used, count = _used(kind, today)
    return BudgetUse(row.pk if row else 0, kind, limit, percent, used, count)


def _used(kind: str, today: date) -> tuple[int | None, int]:
    ends = _begin(today + timedelta(days=1))
    if kind == "day":
        return sum(row.spent_cents for row in _rows(_begin(today), ends, {})), 0
    if kind == "application":
        begins = _begin(today - timedelta(days=rules.APPLICATION_DAYS - 1))
        found = Assessment.objects.filter(
            kind=AssessmentKind.APPLICATION, state=AssessmentState.DONE, finished_at__gte=begins, finished_at__lt=ends
        ).aggregate(n=Count("pk"), cents=Sum("spend_cents"))
        return rules.average(found["cents"] or 0, found["n"]), found["n"]
    begins = _begin(today - timedelta(days=rules.FUNDED_DAYS - 1))
    loans = lending.paid_out(begins, ends)
    return rules.average(sum(row.spent_cents for row in _rows(begins, ends, {})), loans), loans


def _limit(kind: str) -> tuple[int, int]:
    row = Budget.objects.filter(kind=kind).first()
    return (row.limit_cents, row.alarm_percent) if row else rules.SHIPPED[kind]


def _begin(day: date) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(settings.TIME_ZONE))


def _rows(begins: datetime, ends: datetime, register: "dict[str, users.SourceFacts]") -> tuple[SpendRow, ...]:
    """By day, then source. `register`: whose vendors are named; else none is."""
    pulls = (
        DataPull.objects.filter(settled_at__gte=begins, settled_at__lt=ends)
        .order_by()
        .values("source_code", day=TruncDate("settled_at", tzinfo=ZoneInfo(settings.TIME_ZONE)))
        .annotate(asked=Count("pk", filter=Q(reused_from=None)), cents=Sum("price_cents"))
    )
    found: defaultdict[tuple[date, str], list[int]] = defaultdict(lambda: [0, 0])
    for day, source, asked, cents in (
        *((row["day"], row["source_code"], row["asked"], row["cents"]) for row in pulls),
        *((row.day, row.source, row.asked, row.spent_cents) for row in users.days_spend(begins, ends)),
    ):
        found[day, source][0] += asked
        found[day, source][1] += cents
    vendors = {code: facts.vendor for code, facts in register.items()}
    return tuple(
        SpendRow(day, vendors.get(source, "") or source, source, asked, cents)
        for (day, source), (asked, cents) in sorted(found.items())
        if asked or cents
    )


def _dearest(begins: datetime, ends: datetime) -> tuple[Dear, ...]:
    rows = (
        Assessment.objects.filter(state=AssessmentState.DONE, finished_at__gte=begins, finished_at__lt=ends)
        .order_by()
        .values("application_id")
        .annotate(cents=Sum("spend_cents"))
        .order_by("-cents", "application_id")
    )
    return tuple(Dear(row["application_id"], row["cents"]) for row in rows[:DEAREST])


def spend_csv(rows: Iterable[SpendRow]) -> Iterable[tuple[str, ...]]:
    """Lines with a heading; amounts in major units."""
    yield ("day", "vendor", "source", "asked", "spent")
    for row in rows:
        yield (
            row.day.isoformat(), row.vendor, row.source, str(row.asked),
            f"{row.spent_cents // 100}.{row.spent_cents % 100:02d}",
        )  # fmt: skip
