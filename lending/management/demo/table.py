"""What became of a batch, as people read it."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from statistics import median, quantiles

from django.db.models import Count

import contracts.queries
import funding.queries
import risk.queries
import traffic.queries
from lending.common.money import format_cents
from lending.models import Application, Drawdown, Event, Grant, Loan
from lending.models.application import ApplicationStatus
from lending.models.drawdown import ENDED, DrawdownStatus
from traffic.queries import distribution

RESTING = (
    ApplicationStatus.DECLINED,
    ApplicationStatus.WITHDRAWN,
    ApplicationStatus.EXPIRED,
    ApplicationStatus.GRANTED,
)


def not_at_rest(application_ids: Sequence[int]) -> list[str]:
    """What still moves: an application without a final state, or a drawdown of it."""
    moving = [
        f"application {row.public_id} is {row.status}"
        for row in Application.objects.filter(pk__in=application_ids).exclude(status__in=RESTING)
    ]
    drawdowns = Drawdown.objects.filter(grant__application_id__in=application_ids)
    for row in drawdowns.exclude(status__in=[*ENDED, DrawdownStatus.NO_FUNDER]):
        moving.append(f"drawdown {row.public_id} is {row.status}")
    granted = Application.objects.filter(pk__in=application_ids, status=ApplicationStatus.GRANTED)
    moving += [f"application {row.public_id} has no grant yet" for row in granted.filter(grant=None)]
    moving += [f"a platform is asked about application {number}" for number in distribution.asking(application_ids)]
    unhandled = Event.objects.filter(application_id__in=application_ids, handled_at=None)
    return moving + [f"event {row.pk} of application {row.application_id} waits: {row}" for row in unhandled]


def lines(application_ids: Sequence[int], at: datetime) -> Iterable[str]:
    applications = Application.objects.filter(pk__in=application_ids)
    drawdowns = Drawdown.objects.filter(grant__application_id__in=application_ids)
    loans = Loan.objects.filter(drawdown__in=drawdowns)
    yield from _section("Applications", _counts(applications, "status"))
    yield from _section("How they came", _counts(applications, "channel_code"))
    yield from _section("How they were decided", _how(application_ids))
    yield from _section("Reasons", Counter(code for row in applications for code in row.reasons).most_common())
    yield from _section("Grades", _counts(applications.exclude(grade=""), "grade"))
    grants = Grant.objects.filter(application__in=applications)
    yield from _section("Grants", _counts(grants, "status"))
    yield from _section("Drawdowns", _counts(drawdowns, "status"))
    yield from _section("Fallen back to another funder", [("drawdowns", _fallbacks(drawdowns))])
    yield from _section("Loans", _counts(loans, "status"))
    yield from _section("Repayments", _repayments(loans))
    yield from _section("Funders that day", _headroom(at))
    yield from _section("Contracts", Counter(_contract_states(drawdowns)).most_common())
    yield from _section("Looks for other platforms", distribution.looks_by_result(application_ids))
    yield from _section("Handed on to other platforms", distribution.leads_by_state(application_ids))
    yield from _section("Status pushes", traffic.queries.pushes_by_state(application_ids))
    yield from _section("Owed to channels", _owed(application_ids))
    yield from _section("Money and time", _figures(application_ids))


def _section(title: str, rows: Iterable[tuple[object, object]]) -> Iterable[str]:
    found = [(str(name), str(value)) for name, value in rows]
    if not found:
        return
    width = max(len(name) for name, _ in found)
    yield f"\n  {title}"
    for name, value in found:
        yield f"    {name:<{width}}  {value}"


def _counts(rows: object, column: str) -> list[tuple[str, int]]:
    counted = rows.order_by().values(column).annotate(n=Count("pk")).order_by("-n", column)  # type: ignore[attr-defined]
    return [(row[column], row["n"]) for row in counted]


def _how(application_ids: Sequence[int]) -> list[tuple[str, int]]:
    """By the actor of the last verdict: the machine or a person."""
    verdicts = Event.objects.filter(
        application_id__in=application_ids, subject="application", target__in=["GRANTED", "DECLINED"]
    ).order_by("id")
    last = {event.application_id: event for event in verdicts}
    names = {True: "by machine", False: "after final review"}
    counted = Counter(f"{event.target.lower()} {names[event.actor == 'system']}" for event in last.values())
    return sorted(counted.items())


def _fallbacks(drawdowns: Iterable[Drawdown]) -> int:
    return sum(1 for row in drawdowns if len(funding.queries.allocations_of(row.pk)) > 1)


def _repayments(loans: Iterable[Loan]) -> list[tuple[str, object]]:
    repaid = [loan for loan in loans if loan.repayments.exists()]
    partly = sum(1 for loan in repaid if loan.status in ("ACTIVE", "OVERDUE"))
    total = sum(repayment.amount_cents for loan in repaid for repayment in loan.repayments.all())
    return [("loans repaid in part", partly), ("collected", format_cents(total))] if repaid else []


def _headroom(at: datetime) -> list[tuple[str, str]]:
    return [
        (
            f"{row.funder_code} {row.programme_code}",
            f"cap {format_cents(row.cap_day_cents)}, used {format_cents(row.reserved_cents + row.committed_cents)}, "
            f"free {format_cents(row.free_cents)}",
        )
        for row in funding.queries.headroom(at)
    ]


def _owed(application_ids: Sequence[int]) -> list[tuple[str, str]]:
    return [
        (f"{row.channel_code} {row.reason}", f"{row.count} for {format_cents(row.total_cents)}")
        for row in traffic.queries.earned_by_channel(application_ids)
    ]


def _contract_states(drawdowns: Iterable[Drawdown]) -> Iterable[str]:
    for drawdown in drawdowns:
        for contract in contracts.queries.set_for(drawdown.pk):
            yield f"{contract.kind} {contract.state.lower()}"


def _figures(application_ids: Sequence[int]) -> list[tuple[str, str]]:
    spend = [risk.queries.spend_cents(pk) for pk in application_ids]
    seconds = sorted(_seconds_to_verdict(application_ids))
    figures = [
        ("spend on data", f"{format_cents(sum(spend))}, {format_cents(sum(spend) // len(spend))} an application")
    ]
    if len(seconds) > 1:
        p95 = quantiles(seconds, n=20, method="inclusive")[-1]
        figures.append(("submission to machine verdict", f"median {median(seconds):.1f} s, p95 {p95:.1f} s"))
    return figures


def _seconds_to_verdict(application_ids: Sequence[int]) -> Iterable[float]:
    """From submission to the machine's word: granted, referred or declined."""
    submitted: dict[int, datetime] = {}
    for event in Event.objects.filter(application_id__in=application_ids, subject="application").order_by("id"):
        if event.target == "SUBMITTED":
            submitted[event.application_id] = event.occurred_at
        elif event.source == "ASSESSING" and event.actor == "system":
            yield (event.occurred_at - submitted[event.application_id]).total_seconds()
