"""Everything that happened to one borrower, as one story; made of what their page shows already."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from lending.common.money import format_cents
from lending.models import Event
from users import queries as users

if TYPE_CHECKING:
    from lending.overview.customer import CustomerPage

MOMENTS = 300  # newest first; the lists behind the page hold the rest


@dataclass(frozen=True, slots=True)
class Moment:
    """`label` and `pk` name the row behind it; "" where it has no page."""

    at: datetime
    what: str
    state: str
    who: str
    note: str
    label: str = ""
    pk: int | None = None


def told(page: "CustomerPage", events: Sequence[Event]) -> tuple[Moment, ...]:
    """Newest first. What the page does not show to its reader is not told either."""
    found = [
        *_events(events),
        *_money(page),
        *_agreed(page),
        *_asked(page),
        *_judged(page),
        *_known(page),
        *_said(page),
    ]
    return tuple(sorted(found, key=lambda moment: moment.at, reverse=True)[:MOMENTS])


def _events(events: Sequence[Event]) -> Iterator[Moment]:
    names = users.actor_names(event.actor for event in events)
    for event in events:
        who, label = names[event.actor], f"lending.{event.subject}"
        yield Moment(event.occurred_at, event.subject, event.target, who, event.reason, label, event.subject_id)


def _money(page: "CustomerPage") -> Iterator[Moment]:
    for row in page.repayments or ():
        note = format_cents(row.amount_cents)
        yield Moment(row.received_at, "repayment", "", "Borrower", note, "lending.loan", row.loan_id)


def _agreed(page: "CustomerPage") -> Iterator[Moment]:
    for row in page.consents or ():
        title = f"{row.code} {row.version}"
        yield Moment(row.given_at, "consent given", "", "Borrower", title, "users.consent", row.id)
        if row.withdrawn_at:
            yield Moment(row.withdrawn_at, "consent withdrawn", "", "Borrower", title, "users.consent", row.id)
    for contract in page.contracts or ():
        for at, state in ((contract.signed_at, "signed"), (contract.sealed_at, "sealed")):
            if at:
                yield Moment(at, "contract", state, "", contract.title_en, "contracts.contract", contract.id)


def _asked(page: "CustomerPage") -> Iterator[Moment]:
    for row in page.checks or ():
        at, note = row.checked_at or row.created_at, format_cents(row.price_cents)
        yield Moment(at, f"check {row.kind}", row.state, row.source, note, "users.check", row.id)
    for pull in page.pulls or ():
        at, note = pull.settled_at or pull.asked_at, f"{format_cents(pull.price_cents)} {pull.failure}".strip()
        yield Moment(at, f"asked {pull.source}", pull.state, pull.recipient, note, "risk.datapull", pull.id)
    for asked in page.supplements or ():
        things = f"{asked.items} things"
        yield Moment(asked.requested_at, "supplement", "asked for", "", things, "lending.supplement", asked.id)
        if asked.answered_at:
            yield Moment(asked.answered_at, "supplement", "brought", "Borrower", "", "lending.supplement", asked.id)


def _judged(page: "CustomerPage") -> Iterator[Moment]:
    for row in page.decisions or ():
        yield Moment(row.decided_at, row.step, row.outcome, row.release, " ".join(row.reasons), "risk.decision", row.id)
    for case in page.cases or ():
        yield Moment(case.opened_at, "review", "opened", "", case.queue, "review.case", case.id)
        if case.closed_at:
            yield Moment(case.closed_at, "review", case.outcome or "closed", "", case.queue, "review.case", case.id)


def _known(page: "CustomerPage") -> Iterator[Moment]:
    for row in page.tags or ():
        who = users.actor_name(row.source) if row.source.startswith("staff:") else row.source
        yield Moment(row.put_at, f"tag {row.tag}", "put on", who, row.reason, "users.tag", row.id)
    for change in page.standing.changes if page.standing else ():
        way = "up" if change.is_rise else "down"
        yield Moment(change.at, "level", way, "System", f"{change.before.code} to {change.level.code}")
    for device in page.devices or ():
        note = f"{device.platform} {device.model}".strip()
        yield Moment(device.first_seen_at, "device", "first seen", "", note, "users.device", device.id)


def _said(page: "CustomerPage") -> Iterator[Moment]:
    for row in page.messages or ():
        yield Moment(row.created_at, "message", row.state, "System", row.template)
    for access in page.accesses or ():
        yield Moment(access.at, "personal data seen", "", access.who, access.reason)
