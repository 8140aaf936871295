"""Everything about one borrower on one page, masked; what a reader may not see is not read."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TypeVar

from django.db.models import Count

import contracts.queries
import review.queries
import risk.queries
from lending import queries
from lending.common import clock
from lending.common.crypto import mask_id, mask_name, mask_phone
from lending.models import Drawdown, Event, Repayment, Supplement
from lending.overview import customer_timeline as timeline
from lending.overview.customer_network import Network, network
from lending.overview.dashboard import May
from users import queries as users

Rows = TypeVar("Rows")
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
class SupplementRow:
    """`items`: how many things were asked for."""

    id: int
    items: int
    requested_at: datetime
    expires_at: datetime
    answered_at: datetime | None
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class Spent:
    """What the borrower's data cost, in cents; None where the reader may not see such questions."""

    pulls_cents: int | None
    checks_cents: int | None

    @property
    def cents(self) -> int:
        return (self.pulls_cents or 0) + (self.checks_cents or 0)


@dataclass(frozen=True, slots=True)
class CustomerPage:
    """None where the reader may not see it."""

    user_id: int
    who: Who
    tags: tuple[users.TagView, ...] | None
    standing: users.Standing | None
    network: Network
    list_hits: tuple[users.ListHit, ...] | None
    applications: tuple[queries.ApplicationView, ...] | None
    grants: tuple[queries.GrantView, ...] | None
    drawdowns: tuple[queries.DrawdownView, ...] | None
    loans: tuple[Owed, ...] | None
    repayments: tuple[RepaymentRow, ...] | None
    cards: tuple[users.CardView, ...] | None
    consents: tuple[users.ConsentView, ...] | None
    messages: tuple[users.MessageView, ...] | None
    devices: tuple[users.SeenDevice, ...] | None
    checks: tuple[users.PaidCheck, ...] | None
    authorisations: tuple[users.OperatorUse, ...] | None
    pulls: tuple[risk.queries.PullLine, ...] | None
    decisions: tuple[risk.queries.DecisionLine, ...] | None
    cases: tuple[review.queries.CaseView, ...] | None
    contracts: tuple[contracts.queries.ContractView, ...] | None
    supplements: tuple[SupplementRow, ...] | None
    spent: Spent
    accesses: tuple[users.AccessView, ...] | None
    acts: tuple[users.ActView, ...] | None
    timeline: tuple[timeline.Moment, ...]

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

    def seen(label: str, read: Callable[[int], Rows]) -> Rows | None:
        return read(user_id) if may(label) else None

    who = _who(user_id, contacts=may("users.Contact"))
    grants = seen("lending.Grant", queries.grants_of)
    page = CustomerPage(
        user_id=user_id,
        who=who,
        tags=seen("users.Tag", lambda pk: users.tags_of(pk, at)),
        standing=seen("users.UserLevel", users.standing),
        network=network(user_id, who.name, may=may),
        list_hits=seen("users.ListEntry", lambda pk: users.list_hits(pk, at)),
        applications=seen("lending.Application", queries.applications_of),
        grants=grants,
        drawdowns=seen("lending.Drawdown", queries.drawdowns_of),
        loans=seen("lending.Loan", lambda pk: _loans(pk, clock.business_date(at))),
        repayments=seen("lending.Repayment", _repayments),
        cards=seen("users.BankCard", users.cards),
        consents=seen("users.Consent", users.consents),
        messages=seen("users.Message", users.messages_of),
        devices=seen("users.Device", users.devices_seen),
        checks=seen("users.Check", users.checks_paid),
        authorisations=seen("users.OperatorAuthorisation", users.operator_uses),
        pulls=seen("risk.DataPull", risk.queries.person_pulls),
        decisions=seen("risk.Decision", risk.queries.person_decisions),
        cases=seen("review.Case", review.queries.cases_about),
        contracts=seen("contracts.Contract", _contracts),
        supplements=seen("lending.Supplement", _supplements),
        spent=Spent(seen("risk.DataPull", risk.queries.person_pulls_cents), seen("users.Check", users.checks_cents)),
        accesses=seen("users.AccessLog", lambda pk: users.accesses_of(f"user:{pk}")),
        acts=seen(
            "users.StaffAct", lambda pk: users.acts_of([f"user:{pk}", *(f"grant:{row.id}" for row in grants or ())])
        ),
        timeline=(),
    )
    return replace(page, timeline=timeline.told(page, seen("lending.Event", _events) or ()))


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


def _contracts(user_id: int) -> tuple[contracts.queries.ContractView, ...]:
    drawdowns = Drawdown.objects.filter(user_id=user_id).values_list("pk", flat=True)
    return contracts.queries.ever_of(list(drawdowns))


def _supplements(user_id: int) -> tuple[SupplementRow, ...]:
    rows = Supplement.objects.filter(application__user_id=user_id).annotate(asked=Count("items")).order_by("-pk")
    return tuple(
        SupplementRow(row.pk, row.asked, row.requested_at, row.expires_at, row.answered_at, row.closed_at)
        for row in rows[:MOMENTS]
    )


def _events(user_id: int) -> list[Event]:
    return list(Event.objects.filter(application__user_id=user_id).order_by("-id")[:MOMENTS])
