"""One application with everything that hangs on it: why it ended as it did, on which data, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import contracts.queries
import funding.queries
import review.queries
import risk.queries
import traffic.queries
from lending import queries
from lending.common.crypto import mask_card
from lending.models import Event, Loan, Repayment
from lending.overview.dashboard import May
from traffic.queries import distribution
from users import queries as users


@dataclass(frozen=True, slots=True)
class EventRow:
    """`step`: done, waits, failed or stuck."""

    id: int
    at: datetime
    subject: str
    subject_id: int
    source: str
    target: str
    who: str
    reason: str
    step: str


@dataclass(frozen=True, slots=True)
class CaseRow:
    case: review.queries.CaseView
    initial: str
    final: str
    actions: tuple[tuple[review.queries.ActionView, str], ...]


@dataclass(frozen=True, slots=True)
class LoanRow:
    id: int
    public_id: UUID
    drawdown_id: int
    status: str
    principal_cents: int
    creditor: str
    dpd: int
    repaid_cents: int
    repayments: int


@dataclass(frozen=True, slots=True)
class DrawdownRow:
    """`card` is masked."""

    drawdown: queries.DrawdownView
    card: str
    allocations: tuple[funding.queries.AllocationView, ...]
    payouts: tuple[funding.queries.PayoutView, ...]
    contracts: tuple[contracts.queries.ContractView, ...]
    loan: LoanRow | None


@dataclass(frozen=True, slots=True)
class ApplicationPage:
    """None where the reader may not see it."""

    application: queries.ApplicationView
    reasons: tuple[queries.ReasonView, ...]
    grant: queries.GrantView | None
    supplements: tuple[queries.SupplementView, ...] | None
    checks: tuple[users.CheckView, ...] | None
    pulls: tuple[risk.queries.PullView, ...] | None
    spent_cents: int
    decisions: tuple[risk.queries.DecisionView, ...] | None
    cases: tuple[CaseRow, ...] | None
    drawdowns: tuple[DrawdownRow, ...] | None
    pushes: tuple[tuple[str, int], ...] | None
    looks: tuple[distribution.Look, ...] | None
    accesses: tuple[users.AccessView, ...] | None
    acts: tuple[users.ActView, ...] | None
    timeline: tuple[EventRow, ...] | None


def application_page(application_id: int, *, may: May) -> ApplicationPage:
    """`may` answers for a table by its label. Raises NotFound."""
    application = queries.application(application_id)
    grants = [grant for grant in queries.grants_of(application.user_id) if grant.application_id == application_id]
    cases = _cases(application_id) if may("review.Case") else None
    pulls = risk.queries.pulls_of(application_id) if may("risk.DataPull") else None
    subjects = [f"case:{row.case.id}" for row in cases or ()] + [f"grant:{grant.id}" for grant in grants]
    return ApplicationPage(
        application=application,
        reasons=queries.reasons(application.reasons) if application.reasons else (),
        grant=grants[0] if grants and may("lending.Grant") else None,
        supplements=queries.supplements_of(application_id) if may("lending.Supplement") else None,
        checks=users.checks(application.user_id) if may("users.Check") else None,
        pulls=pulls,
        spent_cents=sum(pull.price_cents for pull in pulls or ()),
        decisions=risk.queries.decisions_of(application_id) if may("risk.Decision") else None,
        cases=cases,
        drawdowns=_drawdowns(application, may) if may("lending.Drawdown") else None,
        pushes=traffic.queries.pushes_by_state([application_id]) if may("traffic.StatusPush") else None,
        looks=distribution.looks_of(application_id) if may("traffic.Offer") else None,
        accesses=users.accesses_of(f"user:{application.user_id}") if may("users.AccessLog") else None,
        acts=users.acts_of(subjects) if may("users.StaffAct") else None,
        timeline=_timeline(application_id) if may("lending.Event") else None,
    )


def _cases(application_id: int) -> tuple[CaseRow, ...]:
    rounds = review.queries.rounds_of(application_id)
    actors = {action.actor for _, actions in rounds for action in actions}
    actors |= {_staff(pk) for case, _ in rounds for pk in (case.initial_reviewer_id, case.final_reviewer_id)}
    names = users.actor_names(actors)
    return tuple(
        CaseRow(
            case,
            names[_staff(case.initial_reviewer_id)],
            names[_staff(case.final_reviewer_id)],
            tuple((action, names[action.actor]) for action in actions),
        )
        for case, actions in rounds
    )


def _staff(user_id: int | None) -> str:
    return f"staff:{user_id}" if user_id else "-"


def _timeline(application_id: int) -> tuple[EventRow, ...]:
    """Newest first."""
    events = list(Event.objects.filter(application_id=application_id).order_by("-id"))
    names = users.actor_names(event.actor for event in events)
    return tuple(
        EventRow(
            id=event.pk,
            at=event.occurred_at,
            subject=event.subject,
            subject_id=event.subject_id,
            source=event.source,
            target=event.target,
            who=names[event.actor],
            reason=event.reason,
            step=_step(event),
        )
        for event in events
    )


def _step(event: Event) -> str:
    if event.handled_at:
        return "done"
    if event.parked_at:
        return "stuck"
    return "failed" if event.attempts else "waits"


def _drawdowns(application: queries.ApplicationView, may: May) -> tuple[DrawdownRow, ...]:
    found = queries.drawdowns_of_application(application.id)
    ids = [drawdown.id for drawdown in found]
    allocations = funding.queries.allocations_of(*ids) if may("funding.Allocation") else ()
    payouts = funding.queries.payouts_of(*ids) if may("funding.Payout") else ()
    papers = contracts.queries.ever_of(ids) if may("contracts.Contract") else ()
    loans = {row.drawdown_id: row for row in _loans(ids)} if may("lending.Loan") else {}
    cards = {card.id: f"{card.bank} {mask_card(card.number)}" for card in users.cards(application.user_id)}
    return tuple(
        DrawdownRow(
            drawdown=drawdown,
            card=cards.get(drawdown.card_id, "-"),
            allocations=tuple(row for row in allocations if row.drawdown_id == drawdown.id),
            payouts=tuple(row for row in payouts if row.drawdown_id == drawdown.id),
            contracts=tuple(row for row in papers if row.drawdown_id == drawdown.id),
            loan=loans.get(drawdown.id),
        )
        for drawdown in found
    )


def _loans(drawdown_ids: Sequence[int]) -> list[LoanRow]:
    loans = list(Loan.objects.filter(drawdown_id__in=drawdown_ids))
    repaid: dict[int, list[int]] = {}
    for loan_id, cents in Repayment.objects.filter(loan__in=loans).values_list("loan_id", "amount_cents"):
        repaid.setdefault(loan_id, []).append(cents)
    return [
        LoanRow(
            loan.pk,
            loan.public_id,
            loan.drawdown_id,
            loan.status,
            loan.principal_cents,
            loan.creditor,
            loan.dpd,
            sum(repaid.get(loan.pk, ())),
            len(repaid.get(loan.pk, ())),
        )
        for loan in loans
    ]
