"""The dashboard of the back office: what waits, what is late, what changed. Nothing here reads a large table whole."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.db.models import Count, Min, Q

import contracts.queries
import funding.queries
import review.queries
import risk.queries
import traffic.queries
from lending.common import clock
from lending.models import (
    Application,
    ApplicationStatus,
    Drawdown,
    DrawdownStatus,
    Event,
    Grant,
    GrantStatus,
    Loan,
    LoanStatus,
    Supplement,
)
from users import queries as users

May = Callable[[str], bool]  # whether somebody may see the table of this label

# How long a drawdown may stay in a state before somebody should look. Day close ends it later (lifetimes).
PATIENCE = {
    DrawdownStatus.REQUESTED: timedelta(minutes=10),
    DrawdownStatus.ROUTING: timedelta(minutes=10),
    DrawdownStatus.NO_FUNDER: timedelta(hours=24),
    DrawdownStatus.FUNDER_PENDING: timedelta(hours=1),
    DrawdownStatus.SIGNING: timedelta(hours=12),
    DrawdownStatus.SIGNED: timedelta(minutes=10),
    DrawdownStatus.DISBURSING: timedelta(hours=2),
    DrawdownStatus.CARD_FIX: timedelta(hours=24),
}
ANSWER_SOON = timedelta(hours=24)  # of what a borrower was asked for
OFFER_ENDS = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class FunnelRow:
    """Applications begun in a period and how far they have come. `channel` is "" for all of them."""

    channel: str
    started: int
    submitted: int
    granted: int
    drawn: int
    paid: int


@dataclass(frozen=True, slots=True)
class Funnel:
    """`before`: the same figures of the period of the same length before it."""

    begins_at: datetime
    total: FunnelRow
    before: FunnelRow
    channels: tuple[FunnelRow, ...]


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """A queue. `label` and `query`: the list behind it; `late`: past due, or longer there than it should be."""

    name: str
    count: int
    oldest_at: datetime | None
    late: int
    label: str
    query: str


@dataclass(frozen=True, slots=True)
class Alarm:
    """`colour`: red needs somebody now, amber today, grey is told for planning."""

    title: str
    count: int
    colour: str
    oldest_at: datetime | None
    label: str
    query: str
    detail: str = ""


# --- the funnel ---------------------------------------------------------------------------------------------------


def funnel(*, days: int, at: datetime) -> Funnel:
    """Of the last `days` business days, today included, by channel."""
    today = clock.local(at).replace(hour=0, minute=0, second=0, microsecond=0)
    begins = today - timedelta(days=days - 1)
    rows = _funnel(begins, at)
    return Funnel(begins, _sum(rows), _sum(_funnel(begins - timedelta(days=days), begins)), rows)


def _funnel(begins: datetime, ends: datetime) -> tuple[FunnelRow, ...]:
    begun = Application.objects.filter(created_at__gte=begins, created_at__lt=ends).order_by()
    asked = begun.values("channel_code").annotate(
        started=Count("pk"),
        submitted=Count("submitted_at"),
        granted=Count("pk", filter=Q(status=ApplicationStatus.GRANTED)),
    )
    taken = (
        Drawdown.objects.filter(grant__application__created_at__gte=begins, grant__application__created_at__lt=ends)
        .order_by()
        .values("grant__application__channel_code")
        .annotate(
            drawn=Count("grant", distinct=True),
            paid=Count("grant", distinct=True, filter=Q(status=DrawdownStatus.PAID)),
        )
    )
    money = {row["grant__application__channel_code"]: (row["drawn"], row["paid"]) for row in taken}
    found = [
        FunnelRow(
            row["channel_code"],
            row["started"],
            row["submitted"],
            row["granted"],
            *money.get(row["channel_code"], (0, 0)),
        )
        for row in asked
    ]
    return tuple(sorted(found, key=lambda row: (-row.started, row.channel)))


def _sum(rows: Iterable[FunnelRow]) -> FunnelRow:
    figures = [(row.started, row.submitted, row.granted, row.drawn, row.paid) for row in rows]
    return (
        FunnelRow("", *(sum(column) for column in zip(*figures, strict=True)))
        if figures
        else FunnelRow("", 0, 0, 0, 0, 0)
    )


# --- what waits ---------------------------------------------------------------------------------------------------


def waiting(*, may: May, at: datetime) -> tuple[WaitingRow, ...]:
    """Every queue with somebody in it: reviewers', borrowers', funders' and ours."""
    found: list[WaitingRow] = []
    if may("review.Case"):
        found += [
            WaitingRow(
                f"{row.code} {row.name_zh}",
                row.waiting + row.in_work,
                row.oldest_at,
                row.late,
                "review.Case",
                f"queue__id__exact={row.id}",
            )
            for row in review.queries.queues(at)
        ]
    if may("lending.Supplement"):
        found.append(_supplements(at))
    if may("lending.Drawdown"):
        found += _drawdowns(at)
    return tuple(row for row in found if row.count)


def _supplements(at: datetime) -> WaitingRow:
    asked = Supplement.objects.filter(answered_at=None, closed_at=None).order_by()
    row = asked.aggregate(
        n=Count("pk"),
        oldest=Min("requested_at"),
        late=Count("pk", filter=Q(expires_at__lt=at + ANSWER_SOON)),
    )
    query = "answered_at__isempty=1&closed_at__isempty=1"
    return WaitingRow("待补件 Borrowers' documents", row["n"], row["oldest"], row["late"], "lending.Supplement", query)


def _drawdowns(at: datetime) -> Sequence[WaitingRow]:
    late = Q(pk__in=())
    for state, patience in PATIENCE.items():
        late |= Q(status=state, status_at__lt=at - patience)
    counted = (
        Drawdown.objects.filter(status__in=list(PATIENCE))
        .order_by()
        .values("status")
        .annotate(n=Count("pk"), oldest=Min("status_at"), late=Count("pk", filter=late))
    )
    found = {row["status"]: row for row in counted}
    return [
        WaitingRow(
            f"用信 Drawdowns: {state.label}",
            found[state]["n"],
            found[state]["oldest"],
            found[state]["late"],
            "lending.Drawdown",
            f"status__exact={state.value}",
        )
        for state in PATIENCE
        if state in found
    ]


# --- money --------------------------------------------------------------------------------------------------------


def headroom(at: datetime) -> tuple[funding.queries.Headroom, ...]:
    return funding.queries.headroom(at)


def spend(at: datetime) -> risk.queries.Spend:
    return risk.queries.spend_on(clock.business_date(at))


# --- alarms -------------------------------------------------------------------------------------------------------

SEVERITIES = {"critical": "red", "warning": "amber", "info": "grey"}


def alarms(*, may: May, permitted: Callable[[str], bool], at: datetime) -> tuple[Alarm, ...]:
    """What is wrong or runs out. `permitted` answers for a permission: notices are shown by what they are about."""
    found: list[Alarm] = []
    if may("users.Notice"):
        found += [
            Alarm(
                f"Notices, {row.severity}",
                row.count,
                SEVERITIES[row.severity],
                row.oldest_at,
                "users.Notice",
                f"closed_at__isempty=1&severity__exact={row.severity}",
            )
            for row in users.open_notices(permitted)
        ]
    if may("lending.Event"):
        found.append(_parked())
    for orders in funding.queries.unanswered() if may("funding.Payout") else ():
        title = "Payouts without an answer" if orders.label == "funding.Payout" else "Direct debits without an answer"
        found.append(Alarm(title, orders.count, "red", orders.oldest_at, orders.label, "state__exact=UNKNOWN"))
    if may("risk.DataPull"):
        silent = risk.queries.silent_on(clock.business_date(at))
        detail = ", ".join(f"{source} {n}" for source, n in sorted(silent.items()))
        found.append(
            Alarm(
                "Sources without an answer today",
                sum(silent.values()),
                "amber",
                None,
                "risk.DataPull",
                "state__exact=dead",
                detail,
            )
        )
    if may("contracts.Contract"):
        found.append(
            Alarm(
                "Contracts that cannot be made",
                contracts.queries.stuck(),
                "red",
                None,
                "users.Notice",
                "closed_at__isempty=1&kind=contract_stuck",
            )
        )
    if may("traffic.StatusPush"):
        pushes = traffic.queries.failed_pushes()
        found.append(Alarm("Statuses given up", pushes, "amber", None, "traffic.StatusPush", "state__exact=failed"))
    if may("lending.Loan"):
        late = Loan.objects.filter(status=LoanStatus.OVERDUE).count()
        found.append(Alarm("Loans overdue", late, "red", None, "lending.Loan", "status__exact=OVERDUE"))
    if may("lending.Grant"):
        found.append(_ending(at))
    return tuple(alarm for alarm in found if alarm.count)


def _parked() -> Alarm:
    row = Event.objects.filter(parked_at__isnull=False).order_by().aggregate(n=Count("pk"), oldest=Min("parked_at"))
    return Alarm("Steps that are stuck", row["n"], "red", row["oldest"], "lending.Event", "step=parked")


def _ending(at: datetime) -> Alarm:
    ends = at + OFFER_ENDS
    count = Grant.objects.filter(status=GrantStatus.ACTIVE, valid_until__gte=at, valid_until__lt=ends).count()
    query = urlencode(
        {"status__exact": "ACTIVE", "valid_until__gte": at.isoformat(), "valid_until__lt": ends.isoformat()}
    )
    return Alarm("Limits that end within 7 days", count, "grey", None, "lending.Grant", query)
