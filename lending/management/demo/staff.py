"""The reviewers of the demo: they take the next case and decide it, by the services that the admin calls."""

import logging
import threading
from typing import Any

from django.contrib.auth import get_user_model
from django.db import InterfaceError, OperationalError, close_old_connections, connection, transaction

import review.queries
import review.services
from lending import queries
from lending.common import clock
from lending.common.errors import DomainError
from lending.management.demo.cases import SUPPLEMENT
from lending.rules.terms import Terms
from lending.sandbox.applicants import row_of
from users import queries as users

logger = logging.getLogger(__name__)

INITIAL = ("initial.chen", "initial.wu")
FINAL = ("senior.zhao", "lead.sun", "manager.qian")
IDLE_SECONDS = 0.5


class Desk(threading.Thread):
    """One reviewer at work until told to go home."""

    def __init__(self, username: str) -> None:
        super().__init__(name=username, daemon=True)
        self.username, self.home = username, threading.Event()
        self.in_hand: int | None = None  # a case that the database went away from

    def run(self) -> None:
        user_id: int = get_user_model().objects.values_list("pk", flat=True).get(username=self.username)
        while not self.home.is_set():
            close_old_connections()
            try:
                worked = self.work(user_id)
            except (OperationalError, InterfaceError) as error:
                logger.warning("the database is away", extra={"reviewer": self.username, "error": str(error)})
                connection.close()
                worked = False
            if not worked:
                self.home.wait(IDLE_SECONDS)

    def work(self, user_id: int) -> bool:
        """The case in hand, else the next one; false where none waits."""
        if self.in_hand is None:
            with transaction.atomic(durable=True):
                self.in_hand = review.services.claim_next(by_id=user_id, at=clock.now())
        if self.in_hand is None:
            return False
        case = review.queries.case(self.in_hand)
        if case is not None and case.claimed_by_id == user_id:  # else what was said had arrived
            say_something(case, user_id)
        self.in_hand = None
        return True


def open_desks() -> list[Desk]:
    desks = [Desk(username) for username in (*INITIAL, *FINAL)]
    for desk in desks:
        desk.start()
    return desks


def close_desks(desks: list[Desk]) -> None:
    for desk in desks:
        desk.home.set()
    for desk in desks:
        desk.join(timeout=10)


def say_something(case: "review.queries.CaseView", by_id: int) -> None:
    """Of a case that this reviewer has claimed."""
    try:
        with transaction.atomic(durable=True):
            keys = [line.key for line in review.queries.checklist(case.id).lines]
            review.services.checklist.mark(case_id=case.id, by_id=by_id, keys=keys, at=clock.now())
        with transaction.atomic(durable=True):
            _initial(case, by_id) if case.stage == "initial" else _final(case, by_id)
    except DomainError as refused:
        logger.info("not approved", extra={"case_id": case.id, "code": refused.code})
        _hand_up(case, by_id)


def _hand_up(case: "review.queries.CaseView", by_id: int) -> None:
    """To somebody with more authority; where there is nobody, the answer is no."""
    try:
        with transaction.atomic(durable=True):
            review.services.escalate(case_id=case.id, by_id=by_id, reasons=["X01"], at=clock.now())
    except DomainError:
        say = review.services.recommend if case.stage == "initial" else review.services.decide
        with transaction.atomic(durable=True):
            say(case_id=case.id, by_id=by_id, outcome="decline", reasons=["S03"], at=clock.now())


def _initial(case: "review.queries.CaseView", by_id: int) -> None:
    application = queries.application(case.application_id)
    at = clock.now()
    if _row(case) == SUPPLEMENT and not queries.supplements_of(case.application_id):
        review.services.request_supplement(
            case_id=case.id,
            by_id=by_id,
            items=[("income_proof", "Please send your last two salary slips.")],
            reasons=["Q01"],
            at=at,
        )
    elif application.terms is None:
        review.services.recommend(case_id=case.id, by_id=by_id, outcome="decline", reasons=["S03"], at=at)
    else:
        _verify(case, by_id)
        review.services.recommend(case_id=case.id, by_id=by_id, outcome="approve", reasons=["V01", "V02"], at=at)


def _verify(case: "review.queries.CaseView", by_id: int) -> None:
    """Call the borrower where the queue asks for it; who may not be called now is approved on the documents."""
    log = review.queries.phone_log(case.id)
    if log.satisfied:
        return
    at, phone = clock.now(), review.services.phone
    acting: dict[str, Any] = {"case_id": case.id, "by_id": by_id, "at": at}
    try:
        with transaction.atomic():
            attempt_id = phone.dial(**acting, callee="borrower", reason=f"telephone verification of case #{case.id}")
    except DomainError as refused:
        logger.info("not called", extra={"case_id": case.id, "code": refused.code})
        phone.except_from(**acting, reasons=["E01"], note="payslips and bank flow seen")
        return
    phone.log_call(**acting, attempt_id=attempt_id, result="answered")
    said = _what_the_borrower_says(case)
    while question := review.queries.question(case.id, by_id):
        answer = said.get(question.key, "?")
        phone.answer(**acting, check_id=question.check_id, key=question.key, answer=answer)
    if not review.queries.phone_log(case.id).satisfied:
        phone.except_from(**acting, reasons=["E03"], note="explained on the telephone")


def _what_the_borrower_says(case: "review.queries.CaseView") -> dict[str, str]:
    """The truth: what stands in the application."""
    person, application = users.person(case.borrower_id), queries.application(case.application_id)
    return {
        "applied": "yes",
        "id_tail": person.id_number[-4:],
        "amount": str((application.amount_cents or 0) // 100),
        "purpose": application.purpose,
        "employer": person.employer or "?",
        "city": person.city or "?",
        "net_income": str((person.net_income_cents or 0) // 100),
        "instalments": str((person.instalments_elsewhere_cents or 0) // 100),
        "pressed": "no",
        "may_call_employer": "no",
        "may_call_contact": "no",
    }


def _final(case: "review.queries.CaseView", by_id: int) -> None:
    """Approve two of three, one of them at a lower amount, and whoever brought what was asked for; decline the rest."""
    application = queries.application(case.application_id)
    at, third = clock.now(), _row(case) % 3
    if application.terms is None or (third == 2 and _row(case) != SUPPLEMENT):
        review.services.decide(case_id=case.id, by_id=by_id, outcome="decline", reasons=["S03", "S04"], at=at)
        return
    terms = None
    product = queries.product(application.product_code)
    lower = application.terms.amount_cents * 4 // 5 // product.step_cents * product.step_cents
    if third == 1 and lower >= product.amount_min_cents:
        offer = application.terms
        terms = Terms(lower, offer.months, offer.annual_rate, offer.method)
    flags = [row.code for row in queries.reasons(list(application.reasons)) if row.cls == "P"]
    reasons = ["V01", "V02"] + (["V05"] if terms else []) + flags
    review.services.decide(case_id=case.id, by_id=by_id, outcome="approve", reasons=reasons, terms=terms, at=at)


def _row(case: "review.queries.CaseView") -> int:
    found = row_of(users.person(case.borrower_id).id_number or "")
    return found[0] if found else case.id
