"""The four state machines of the product: every state × every service × its actor, and strangers, in tables.

The pairs are those of `docs/architecture`; what a table does not list is refused or does nothing, and leaves no event.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import models, transaction

from lending import queries
from lending.common import clock as platform_clock
from lending.common.errors import DomainError, NotFound
from lending.models import Application, Drawdown, Event, Grant, Loan
from lending.models import ApplicationStatus as A
from lending.models import DrawdownStatus as D
from lending.models import GrantStatus as G
from lending.models import LoanStatus as L
from lending.rules.terms import Terms
from lending.services import applications, drawdowns, grants, loans, repayments, supplements
from tests.conftest import Clock
from tests.factories.applications import judged, submitted
from tests.factories.borrowers import borrower
from tests.factories.configuration import configure
from tests.factories.drawdowns import requested
from tests.factories.staff import officer

SHA256 = "ab" * 32
OFFER = Terms(1_000_000, 12, Decimal("0.204"))
CENTS = 1_000_000

Act = Callable[[int, datetime], Any]


@dataclass(frozen=True)
class Machine:
    """`bring` walks the services to a state; `acts`: name -> (actor, call); `table`: (state, act) -> state after."""

    model: type[models.Model]
    status: type[models.TextChoices]
    bring: Callable[[datetime, str], int]
    acts: dict[str, tuple[str, Act]]
    table: dict[tuple[str, str], str]
    gate: Callable[[int, Any], Any]


# --- application --------------------------------------------------------------------------------------------------


def _application(at: datetime, state: str) -> int:
    if state == A.DRAFT:
        return applications.start(user_id=borrower(at), product_code="LINE", channel_code="OWN", by="user:1", at=at)
    if state in (A.SUBMITTED, A.ASSESSING):
        pk = submitted(at)
        if state == A.ASSESSING:
            applications.begin_assessment(application_id=pk, at=at)
        return pk
    verdict = {A.GRANTED: "approve", A.DECLINED: "decline"}.get(A(state), "refer")
    pk = judged(at, verdict)
    if state == A.SUPPLEMENT:
        _ask(pk, at)
    if state == A.WITHDRAWN:
        applications.withdraw(application_id=pk, by="user:1", at=at)
    if state == A.EXPIRED:
        applications.expire(application_id=pk, reason="B02", at=at)
    return pk


def _ask(pk: int, at: datetime) -> None:
    supplements.request(application_id=pk, items=[("income_proof", "工资流水")], by="staff:1", at=at)


def _submit(pk: int, at: datetime) -> None:
    applications.submit(
        application_id=pk,
        amount_cents=CENTS,
        months=12,
        method="equal_instalment",
        purpose="education",
        by="user:1",
        at=at,
    )


def _verdict(outcome: str) -> Act:
    return lambda pk, at: applications.record_verdict(
        application_id=pk, outcome=outcome, terms=OFFER, grade="D", reasons=["S03"], decision_id=1, at=at
    )


APPLICATION = Machine(
    Application,
    A,
    _application,
    {
        "submit": ("user", _submit),
        "begin assessment": ("system", lambda pk, at: applications.begin_assessment(application_id=pk, at=at)),
        "machine approves": ("system", _verdict("approve")),
        "machine refers": ("system", _verdict("refer")),
        "machine declines": ("system", _verdict("decline")),
        "reviewer approves": (
            "staff",
            lambda pk, at: applications.approve(application_id=pk, terms=OFFER, reasons=[], by="staff:1", at=at),
        ),
        "reviewer declines": (
            "staff",
            lambda pk, at: applications.decline(application_id=pk, reasons=["S03"], by="staff:1", at=at),
        ),
        "reviewer asks for documents": ("staff", _ask),
        "borrower brings them": (
            "user",
            lambda pk, at: supplements.answer(
                application_id=pk, texts={"income_proof": "有"}, files={}, by="user:1", at=at
            ),
        ),
        "appeal": ("user", lambda pk, at: applications.appeal(application_id=pk, reason="again", by="user:1", at=at)),
        "withdraw": ("user", lambda pk, at: applications.withdraw(application_id=pk, by="user:1", at=at)),
        "lifetime": ("system", lambda pk, at: applications.expire(application_id=pk, reason="B02", at=at)),
    },
    {
        (A.DRAFT, "submit"): A.SUBMITTED,
        (A.DRAFT, "withdraw"): A.WITHDRAWN,
        (A.DRAFT, "lifetime"): A.EXPIRED,
        (A.SUBMITTED, "begin assessment"): A.ASSESSING,
        (A.SUBMITTED, "withdraw"): A.WITHDRAWN,
        (A.ASSESSING, "machine approves"): A.GRANTED,
        (A.ASSESSING, "machine refers"): A.REFERRED,
        (A.ASSESSING, "machine declines"): A.DECLINED,
        (A.ASSESSING, "withdraw"): A.WITHDRAWN,
        (A.REFERRED, "reviewer approves"): A.GRANTED,
        (A.REFERRED, "reviewer declines"): A.DECLINED,
        (A.REFERRED, "reviewer asks for documents"): A.SUPPLEMENT,
        (A.REFERRED, "withdraw"): A.WITHDRAWN,
        (A.REFERRED, "lifetime"): A.EXPIRED,
        (A.SUPPLEMENT, "borrower brings them"): A.REFERRED,
        (A.SUPPLEMENT, "withdraw"): A.WITHDRAWN,
        (A.SUPPLEMENT, "lifetime"): A.EXPIRED,
        (A.DECLINED, "appeal"): A.REFERRED,
    },
    queries.application_for,
)

# --- grant --------------------------------------------------------------------------------------------------------


def _grant_act(name: str, actor: str) -> tuple[str, Act]:
    service = getattr(grants, name)

    def act(pk: int, at: datetime) -> None:
        by = {"system": "system", "staff": officer(at)}.get(actor, f"{actor}:1")
        service(grant_id=pk, reason="as asked for", by=by, at=at)

    return actor, act


GRANT_ACTS = {
    "freeze": _grant_act("freeze", "system"),
    "unfreeze": _grant_act("unfreeze", "staff"),
    "lifetime": _grant_act("expire", "system"),
    "close": _grant_act("close", "user"),
}


def _grant(at: datetime, state: str) -> int:
    pk = grants.open(application_id=judged(at, "approve"), at=at)
    act = {G.FROZEN: "freeze", G.EXPIRED: "lifetime", G.CLOSED: "close"}.get(G(state))
    if act:
        GRANT_ACTS[act][1](pk, at)
    return pk


GRANT = Machine(
    Grant,
    G,
    _grant,
    GRANT_ACTS,
    {
        (G.ACTIVE, "freeze"): G.FROZEN,
        (G.FROZEN, "unfreeze"): G.ACTIVE,
        (G.ACTIVE, "lifetime"): G.EXPIRED,
        (G.FROZEN, "lifetime"): G.EXPIRED,
        (G.ACTIVE, "close"): G.CLOSED,
        (G.FROZEN, "close"): G.CLOSED,
    },
    queries.grant_for,
)

# --- drawdown -----------------------------------------------------------------------------------------------------


def _check(outcome: str) -> Act:
    return lambda pk, at: drawdowns.record_check(
        drawdown_id=pk, outcome=outcome, reasons=["S03"], decision_id=None, at=at
    )


DRAWDOWN_ACTS: dict[str, tuple[str, Act]] = {
    "check passes": ("system", _check("approve")),
    "check declines": ("system", _check("decline")),
    "funder is asked": (
        "system",
        lambda pk, at: drawdowns.funder_pending(
            drawdown_id=pk, funder_code="HYF", guarantor_code="AHG", mode="direct", at=at
        ),
    ),
    "nobody has money": ("system", lambda pk, at: drawdowns.no_funder(drawdown_id=pk, reasons=["M01"], at=at)),
    "next opening": ("system", lambda pk, at: drawdowns.reopen_routing(drawdown_id=pk, at=at)),
    "funder accepts": (
        "vendor",
        lambda pk, at: drawdowns.funder_accepted(drawdown_id=pk, expires_at=at + timedelta(days=1), at=at),
    ),
    "funder refuses": ("vendor", lambda pk, at: drawdowns.funder_refused(drawdown_id=pk, reasons=["M02"], at=at)),
    "approval runs out": ("system", lambda pk, at: drawdowns.approval_ran_out(drawdown_id=pk, at=at)),
    "set is sealed": ("system", lambda pk, at: drawdowns.signed(drawdown_id=pk, contract_set_sha256=SHA256, at=at)),
    "payout starts": ("system", lambda pk, at: drawdowns.disbursing(drawdown_id=pk, at=at)),
    "card refused": (
        "system",
        lambda pk, at: drawdowns.payout_failed(drawdown_id=pk, fault="card", reasons=["M03"], at=at),
    ),
    "funder fails": (
        "system",
        lambda pk, at: drawdowns.payout_failed(drawdown_id=pk, fault="funder", reasons=["M01"], at=at),
    ),
    "paid": ("vendor", lambda pk, at: drawdowns.paid(drawdown_id=pk, paid_at=at, at=at)),
    "bank sends it back": ("vendor", lambda pk, at: drawdowns.returned(drawdown_id=pk, at=at)),
    "cancel": ("user", lambda pk, at: drawdowns.cancel(drawdown_id=pk, by="user:1", at=at)),
    "lifetime": ("system", lambda pk, at: drawdowns.expire(drawdown_id=pk, reasons=["B02"], at=at)),
}

TO_PAID = ("check passes", "funder is asked", "funder accepts", "set is sealed", "payout starts", "paid")
WAYS: dict[str, tuple[str, ...]] = {
    D.REQUESTED: (),
    D.ROUTING: TO_PAID[:1],
    D.NO_FUNDER: ("check passes", "nobody has money"),
    D.FUNDER_PENDING: TO_PAID[:2],
    D.SIGNING: TO_PAID[:3],
    D.SIGNED: TO_PAID[:4],
    D.DISBURSING: TO_PAID[:5],
    D.CARD_FIX: (*TO_PAID[:5], "card refused"),
    D.PAID: TO_PAID,
    D.RETURNED: (*TO_PAID, "bank sends it back"),
    D.DECLINED: ("check declines",),
    D.CANCELLED: ("cancel",),
    D.EXPIRED: ("lifetime",),
}


def _drawdown(at: datetime, state: str) -> int:
    pk = requested(at)
    for act in WAYS[state]:
        DRAWDOWN_ACTS[act][1](pk, at)
    return pk


STOPPABLE = (D.REQUESTED, D.ROUTING, D.NO_FUNDER, D.FUNDER_PENDING, D.SIGNING, D.CARD_FIX)

DRAWDOWN = Machine(
    Drawdown,
    D,
    _drawdown,
    DRAWDOWN_ACTS,
    {
        (D.REQUESTED, "check passes"): D.ROUTING,
        (D.REQUESTED, "check declines"): D.DECLINED,
        (D.ROUTING, "funder is asked"): D.FUNDER_PENDING,
        (D.ROUTING, "nobody has money"): D.NO_FUNDER,
        (D.NO_FUNDER, "next opening"): D.ROUTING,
        (D.FUNDER_PENDING, "funder accepts"): D.SIGNING,
        (D.FUNDER_PENDING, "funder refuses"): D.ROUTING,
        (D.SIGNING, "set is sealed"): D.SIGNED,
        (D.SIGNING, "approval runs out"): D.ROUTING,
        (D.SIGNED, "payout starts"): D.DISBURSING,
        (D.DISBURSING, "paid"): D.PAID,
        (D.DISBURSING, "card refused"): D.CARD_FIX,
        (D.DISBURSING, "funder fails"): D.ROUTING,
        (D.CARD_FIX, "payout starts"): D.DISBURSING,
        (D.CARD_FIX, "approval runs out"): D.ROUTING,
        (D.CARD_FIX, "set is sealed"): D.CARD_FIX,  # the annex; flow then pays again
        (D.PAID, "bank sends it back"): D.RETURNED,
        **{(state, "cancel"): D.CANCELLED for state in STOPPABLE},
        **{(state, "lifetime"): D.EXPIRED for state in STOPPABLE},
    },
    queries.drawdown_for,
)

# --- loan ---------------------------------------------------------------------------------------------------------


def _lines(pk: int) -> list[Any]:
    return list(Loan.objects.get(pk=pk).instalments.order_by("number"))


def _five_days_late(pk: int, at: datetime) -> datetime:
    """Ten in the morning, five days after the first instalment fell due."""
    first = _lines(pk)[0].due_date
    return platform_clock.local(at).replace(year=first.year, month=first.month, day=first.day) + timedelta(days=5)


def _accrue(pk: int, at: datetime) -> None:
    late = _five_days_late(pk, at)
    loans.accrue(loan_id=pk, as_of=late.date(), at=late)


def _repay(pk: int, at: datetime, amount_cents: int) -> None:
    repayments.post(loan_id=pk, amount_cents=amount_cents, received_at=at, key=f"repay-{pk}", at=at)


def _repay_instalment(pk: int, at: datetime) -> None:
    """In full: late where it is late already, else on its day."""
    late = _five_days_late(pk, at)
    when = late if Loan.objects.get(pk=pk).dpd else late - timedelta(days=5)
    _repay(pk, when, max(_lines(pk)[0].open_cents, 1))


def _repay_all(pk: int, at: datetime) -> None:
    late = _five_days_late(pk, at)
    owed = repayments.settlement(Loan.objects.get(pk=pk), _lines(pk), late.date()).total_cents
    _repay(pk, late, max(owed, 1))


def _give_back(pk: int, at: datetime) -> None:
    _repay(pk, at, repayments.request_withdrawal(loan_id=pk, by="user:1", at=at))


LOAN_ACTS: dict[str, tuple[str, Act]] = {
    "an instalment is not paid": ("system", _accrue),
    "the instalment is paid": ("system", _repay_instalment),
    "everything is paid": ("system", _repay_all),
    "money is given back": ("user", _give_back),
    "bank sends it back": (
        "vendor",
        lambda pk, at: drawdowns.returned(drawdown_id=Loan.objects.get(pk=pk).drawdown_id, at=at),
    ),
    "guarantor pays": ("staff", lambda pk, at: loans.compensate(loan_id=pk, by="staff:1", at=at)),
    "write off": ("staff", lambda pk, at: loans.write_off(loan_id=pk, by="staff:1", at=at)),
}


def _loan(at: datetime, state: str) -> int:
    pk = Loan.objects.get(drawdown_id=_drawdown(at, D.PAID)).pk
    ways = {
        L.OVERDUE: ["an instalment is not paid"],
        L.SETTLED: ["everything is paid"],
        L.CANCELLED: ["money is given back"],
        L.COMPENSATED: ["an instalment is not paid", "guarantor pays"],
        L.WRITTEN_OFF: ["an instalment is not paid", "write off"],
    }
    for act in ways.get(L(state), []):
        LOAN_ACTS[act][1](pk, at)
    return pk


LOAN = Machine(
    Loan,
    L,
    _loan,
    LOAN_ACTS,
    {
        (L.ACTIVE, "an instalment is not paid"): L.OVERDUE,
        (L.ACTIVE, "everything is paid"): L.SETTLED,
        (L.ACTIVE, "money is given back"): L.CANCELLED,
        (L.ACTIVE, "bank sends it back"): L.CANCELLED,
        (L.OVERDUE, "the instalment is paid"): L.ACTIVE,
        (L.OVERDUE, "everything is paid"): L.SETTLED,
        (L.OVERDUE, "guarantor pays"): L.COMPENSATED,
        (L.OVERDUE, "write off"): L.WRITTEN_OFF,
        (L.COMPENSATED, "everything is paid"): L.SETTLED,
        (L.WRITTEN_OFF, "everything is paid"): L.SETTLED,
    },
    queries.loan_for,
)

# --- the tests ----------------------------------------------------------------------------------------------------

MACHINES = {"application": APPLICATION, "grant": GRANT, "drawdown": DRAWDOWN, "loan": LOAN}
STATES = [(name, state) for name, machine in MACHINES.items() for state in machine.status.values]

# The design, word for word.
DESIGN = {
    "application": {
        A.DRAFT: {A.SUBMITTED, A.WITHDRAWN, A.EXPIRED},
        A.SUBMITTED: {A.ASSESSING, A.WITHDRAWN},
        A.ASSESSING: {A.GRANTED, A.REFERRED, A.DECLINED, A.WITHDRAWN},
        A.REFERRED: {A.GRANTED, A.DECLINED, A.SUPPLEMENT, A.WITHDRAWN, A.EXPIRED},
        A.SUPPLEMENT: {A.REFERRED, A.WITHDRAWN, A.EXPIRED},
        A.DECLINED: {A.REFERRED},
    },
    "grant": {
        G.ACTIVE: {G.FROZEN, G.EXPIRED, G.CLOSED},
        G.FROZEN: {G.ACTIVE, G.EXPIRED, G.CLOSED},
    },
    "drawdown": {
        D.REQUESTED: {D.ROUTING, D.DECLINED, D.CANCELLED, D.EXPIRED},
        D.ROUTING: {D.FUNDER_PENDING, D.NO_FUNDER, D.CANCELLED, D.EXPIRED},
        D.NO_FUNDER: {D.ROUTING, D.CANCELLED, D.EXPIRED},
        D.FUNDER_PENDING: {D.SIGNING, D.ROUTING, D.CANCELLED, D.EXPIRED},
        D.SIGNING: {D.SIGNED, D.ROUTING, D.CANCELLED, D.EXPIRED},
        D.SIGNED: {D.DISBURSING},
        D.DISBURSING: {D.PAID, D.CARD_FIX, D.ROUTING},
        D.CARD_FIX: {D.DISBURSING, D.ROUTING, D.CANCELLED, D.EXPIRED},
        D.PAID: {D.RETURNED},
    },
    "loan": {
        L.ACTIVE: {L.OVERDUE, L.SETTLED, L.CANCELLED},
        L.OVERDUE: {L.ACTIVE, L.SETTLED, L.COMPENSATED, L.WRITTEN_OFF},
        L.COMPENSATED: {L.SETTLED},
        L.WRITTEN_OFF: {L.SETTLED},
    },
}


@pytest.fixture
def at(db: None, clock: Clock) -> datetime:
    configure(clock.at)
    return clock.at


class TestEveryStateAndService:
    @pytest.mark.parametrize(("name", "state"), STATES)
    def test_does_what_the_table_says_and_nothing_else(self, at: datetime, name: str, state: str) -> None:
        machine = MACHINES[name]
        pk = machine.bring(at, state)
        assert _status(machine, pk) == state
        later = at + timedelta(seconds=1)
        wrong = []
        for act, (actor, call) in machine.acts.items():
            expected = machine.table.get((state, act))
            seen = _tried(machine, name, pk, call, later)
            wanted = (state, []) if expected is None else (expected, [(state, expected, actor)])
            if seen != wanted:
                wrong.append((act, "wanted", wanted, "saw", seen))
        assert wrong == []
        row: Any = machine.model._default_manager.get(pk=pk)
        assert machine.gate(row.user_id, row.public_id).id == pk
        with pytest.raises(NotFound):
            machine.gate(row.user_id + 1, row.public_id)  # a stranger, in every state


def _status(machine: Machine, pk: int) -> str:
    found: str = machine.model._default_manager.values_list("status", flat=True).get(pk=pk)
    return found


def _tried(machine: Machine, name: str, pk: int, call: Act, at: datetime) -> tuple[str, list[tuple[str, str, str]]]:
    """The state after the act and the events it wrote of this subject; then everything is undone."""
    before = Event.objects.filter(subject=name, **{f"{name}_id": pk}).count()
    savepoint = transaction.savepoint()
    try:
        try:
            with transaction.atomic():
                call(pk, at)
        except DomainError:
            pass
        events = Event.objects.filter(subject=name, **{f"{name}_id": pk}).order_by("id")[before:]
        written = [(event.source, event.target, event.actor.partition(":")[0]) for event in events]
        return _status(machine, pk), written
    finally:
        transaction.savepoint_rollback(savepoint)


class TestTheTables:
    @pytest.mark.parametrize("name", MACHINES)
    def test_and_the_machines_have_exactly_the_transitions_of_the_design(self, name: str) -> None:
        machine = MACHINES[name]
        designed = {(source, target) for source, targets in DESIGN[name].items() for target in targets}
        row: Any = machine.model()
        drawn = {(transition.source, transition.target) for transition in row.get_all_status_transitions()}
        reached = {(state, target) for (state, _), target in machine.table.items() if state != target}
        assert drawn == designed
        assert reached == designed
