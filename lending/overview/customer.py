"""Everything about one borrower on one page, masked; what a reader may not see is not read."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from lending import queries
from lending.common import clock
from lending.common.crypto import mask_id, mask_name, mask_phone
from lending.common.money import format_cents
from lending.models import Event, Repayment
from lending.overview.dashboard import May
from users import queries as users

MOMENTS = 200  # newest first; the lists behind the page hold the rest


@dataclass(frozen=True, slots=True)
class Who:
    """Masked. Money in cents a month."""

    public_id: str
    name: str
    phone: str
    id_number: str
    place: str
    employment: str
    net_income_cents: int | None
    level: str
    language: str
    is_active: bool
    since: datetime
    contacts: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Owed:
    """Of one loan: what is overdue today, what falls due next, and the principal still owed."""

    loan: queries.LoanView
    overdue_cents: int
    next_due_on: date | None
    next_due_cents: int
    paid_instalments: int


@dataclass(frozen=True, slots=True)
class RepaymentRow:
    loan_id: int
    amount_cents: int
    principal_cents: int
    interest_cents: int
    penalty_cents: int
    received_at: datetime


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


@dataclass(frozen=True, slots=True)
class CustomerPage:
    """None where the reader may not see it."""

    user_id: int
    who: Who
    tags: tuple[str, ...] | None
    list_hits: tuple[users.ListHit, ...] | None
    applications: tuple[queries.ApplicationView, ...] | None
    grants: tuple[queries.GrantView, ...] | None
    drawdowns: tuple[queries.DrawdownView, ...] | None
    loans: tuple[Owed, ...] | None
    repayments: tuple[RepaymentRow, ...] | None
    cards: tuple[users.CardView, ...] | None
    consents: tuple[users.ConsentView, ...] | None
    messages: tuple[users.MessageView, ...] | None
    accesses: tuple[users.AccessView, ...] | None
    acts: tuple[users.ActView, ...] | None
    timeline: tuple[Moment, ...]

    @property
    def owed_principal_cents(self) -> int:
        return sum(row.loan.outstanding_principal_cents for row in self.loans or ())

    @property
    def overdue_cents(self) -> int:
        return sum(row.overdue_cents for row in self.loans or ())

    @property
    def next_due(self) -> Owed | None:
        """The loan whose instalment falls due first."""
        due = [row for row in self.loans or () if row.next_due_on]
        return min(due, key=lambda row: row.next_due_on or date.max, default=None)


def customer_page(user_id: int, *, may: May, at: datetime) -> CustomerPage:
    """`may` answers for a table by its label. Raises NotFound."""
    loans = _loans(user_id, clock.business_date(at)) if may("lending.Loan") else None
    grants = queries.grants_of(user_id) if may("lending.Grant") else None
    repayments = _repayments(user_id) if may("lending.Repayment") else None
    consents = users.consents(user_id) if may("users.Consent") else None
    messages = users.messages_of(user_id) if may("users.Message") else None
    accesses = users.accesses_of(f"user:{user_id}") if may("users.AccessLog") else None
    subjects = [f"user:{user_id}", *(f"grant:{grant.id}" for grant in grants or ())]
    events = _events(user_id) if may("lending.Event") else []
    return CustomerPage(
        user_id=user_id,
        who=_who(user_id, contacts=may("users.Contact")),
        tags=users.live_tags(user_id, at) if may("users.Tag") else None,
        list_hits=users.list_hits(user_id, at) if may("users.ListEntry") else None,
        applications=queries.applications_of(user_id) if may("lending.Application") else None,
        grants=grants,
        drawdowns=queries.drawdowns_of(user_id) if may("lending.Drawdown") else None,
        loans=loans,
        repayments=repayments,
        cards=users.cards(user_id) if may("users.BankCard") else None,
        consents=consents,
        messages=messages,
        accesses=accesses,
        acts=users.acts_of(subjects) if may("users.StaffAct") else None,
        timeline=_timeline(events, repayments or (), consents or (), messages or (), accesses or ()),
    )


def _who(user_id: int, *, contacts: bool) -> Who:
    account, person = users.account(user_id), users.person(user_id)
    return Who(
        public_id=str(account.public_id),
        name=mask_name(person.name),
        phone=mask_phone(person.phone),
        id_number=mask_id(person.id_number),
        place=f"{person.province} {person.city}".strip(),
        employment=f"{person.employment} {person.job}".strip(),
        net_income_cents=person.net_income_cents,
        level=person.level.code,
        language=person.language,
        is_active=account.is_active,
        since=account.created_at,
        contacts=tuple((row.relation, mask_name(row.name), mask_phone(row.phone)) for row in person.contacts)
        if contacts
        else (),
    )


def _loans(user_id: int, today: date) -> tuple[Owed, ...]:
    return tuple(_owed(loan, today) for loan in queries.loans_of(user_id))


def _owed(loan: queries.LoanView, today: date) -> Owed:
    unpaid = [row for row in loan.instalments if row.open_cents]
    upcoming = [row for row in unpaid if row.due_date >= today]
    return Owed(
        loan=loan,
        overdue_cents=sum(row.open_cents for row in unpaid if row.due_date < today),
        next_due_on=upcoming[0].due_date if upcoming else None,
        next_due_cents=upcoming[0].open_cents if upcoming else 0,
        paid_instalments=sum(1 for row in loan.instalments if row.paid_at),
    )


def _repayments(user_id: int) -> tuple[RepaymentRow, ...]:
    return tuple(
        RepaymentRow(
            row.loan_id,
            row.amount_cents,
            row.principal_cents,
            row.interest_cents,
            row.penalty_cents,
            row.received_at,
        )
        for row in Repayment.objects.filter(loan__user_id=user_id)[:MOMENTS]
    )


def _events(user_id: int) -> list[Event]:
    return list(Event.objects.filter(application__user_id=user_id).order_by("-id")[:MOMENTS])


def _timeline(
    events: Sequence[Event],
    repayments: Iterable[RepaymentRow],
    consents: Iterable[users.ConsentView],
    messages: Iterable[users.MessageView],
    accesses: Iterable[users.AccessView],
) -> tuple[Moment, ...]:
    """One story, newest first."""
    names = users.actor_names(event.actor for event in events)
    found = [
        Moment(
            event.occurred_at,
            event.subject,
            event.target,
            names[event.actor],
            event.reason,
            f"lending.{event.subject}",
            event.subject_id,
        )
        for event in events
    ]
    found += [
        Moment(
            row.received_at, "repayment", "", "Borrower", format_cents(row.amount_cents), "lending.loan", row.loan_id
        )
        for row in repayments
    ]
    for consent in consents:
        title = f"{consent.code} {consent.version}"
        found.append(Moment(consent.given_at, "consent given", "", "Borrower", title, "users.consent", consent.id))
        if consent.withdrawn_at:
            found.append(
                Moment(consent.withdrawn_at, "consent withdrawn", "", "Borrower", title, "users.consent", consent.id)
            )
    found += [Moment(row.created_at, "message", row.state, "System", row.template) for row in messages]
    found += [Moment(row.at, "personal data seen", "", row.who, row.reason) for row in accesses]
    return tuple(sorted(found, key=lambda moment: moment.at, reverse=True)[:MOMENTS])
