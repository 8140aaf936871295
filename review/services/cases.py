"""A case begins when an application is referred, and ends with it at the latest."""

from datetime import datetime

from django.db.models import Q

from lending import queries as lending
from lending.common.errors import Conflict
from lending.models import Application, ApplicationStatus
from lending.services import applications
from review.models import Action, Case, CaseOutcome, CaseStatus, Recusal, Relation, Reviewer, Stage
from review.rules import priority
from review.services import gate, placing
from users import queries as users


class NotReferred(Conflict):
    code, title = "not_referred", "The application is not waiting for people"


class RoundClosed(Conflict):
    code, title = "round_closed", "This round of review is over"


def open_or_resume_case(*, application_id: int, at: datetime) -> int:
    """Open the case of this round, or take it up again after a supplement. Called twice, it changes nothing twice.

    Raises NotReferred, RoundClosed.
    """
    application = applications.lock(application_id)
    if application.status != ApplicationStatus.REFERRED:
        raise NotReferred(f"The application is {application.status}.", state=application.status)
    review_round = lending.application(application_id).round
    case = (
        Case.objects.select_for_update(of=("self",))
        .select_related("queue")
        .filter(application_id=application_id, round=review_round)
        .first()
    )
    if case is None:
        return _open(application, review_round, at=at)
    if case.status == CaseStatus.CLOSED:
        raise RoundClosed(f"Round {review_round} has an outcome: {case.outcome}.")
    if case.status == CaseStatus.SUPPLEMENT:
        wake_up(case, by="system", at=at)
    return case.pk


def _open(application: Application, review_round: int, *, at: datetime) -> int:
    level = users.level(application.user_id)
    facts = facts_of(application, at=at)
    case = Case(
        application=application,
        round=review_round,
        borrower_id=application.user_id,
        amount_cents=facts.amount_cents,
        grade=facts.grade,
        is_exception=_is_exception(application),
        is_appeal=review_round > 1,
        bonus=priority.level_bonus(level.code),
        opened_at=at,
    )
    placing.place(case, Stage.FINAL if case.is_appeal else Stage.INITIAL, facts, at=at)
    if case.is_appeal:
        case.pass_on()
    case.save()
    _note_interests(application.user_id, at=at)
    gate.record(case, Action.OPEN, source="", by="system", at=at, reasons=list(application.reasons))
    return case.pk


def facts_of(application: Application, *, at: datetime) -> placing.Facts:
    return placing.Facts(
        family=application.product_family,
        amount_cents=application.offered_cents or application.asked_cents or 0,
        grade=application.grade,
        reasons=tuple(application.reasons),
        grey_listed=any(hit.kind == "grey" for hit in users.list_hits(application.user_id, at)),
    )


def _is_exception(application: Application) -> bool:
    """An approval would go against a policy flag of the machine."""
    return any(reason.cls == "P" for reason in lending.reasons(list(application.reasons)))


def _note_interests(borrower_id: int, *, at: datetime) -> None:
    """Reviewers who are the borrower, or whom the borrower named as a contact, never get a case of theirs."""
    person = users.person(borrower_id)
    own = Q(phone_index__in=_known(person.phone_index)) | Q(id_index__in=_known(person.id_index))
    named = _known(*(contact.phone_index for contact in person.contacts))
    found = dict.fromkeys(_reviewers(Q(phone_index__in=named)), Relation.NAMED)
    found |= dict.fromkeys(_reviewers(own), Relation.SELF)
    Recusal.objects.bulk_create(
        [
            Recusal(reviewer_id=user_id, borrower_id=borrower_id, relation=relation, created_at=at)
            for user_id, relation in found.items()
        ],
        ignore_conflicts=True,
    )


def _known(*indexes: str | None) -> list[str]:
    return [index for index in indexes if index]


def _reviewers(where: Q) -> list[int]:
    return list(Reviewer.objects.filter(where).values_list("user_id", flat=True))


def wake_up(case: Case, *, by: str, at: datetime) -> None:
    """A paused case waits again at its stage, its clock runs on, and it is kept for who knew it until it is at risk."""
    source = case.status
    placing.resume_clock(case, at=at)
    if case.held_for_id:
        case.held_until = case.at_risk_at
    if case.stage == Stage.FINAL:
        case.resume_final()
    else:
        case.resume_initial()
    case.save()
    gate.record(case, Action.RESUME, source=source, by=by, at=at)


def close_case(*, application_id: int, at: datetime) -> bool:
    """End the open case of an application that ended without a verdict. False where there is none."""
    applications.lock(application_id)
    case = Case.objects.select_for_update().filter(application_id=application_id, closed_at=None).first()
    if case is None:
        return False
    source = case.status
    case.void()
    finish(case, CaseOutcome.VOID, at=at)
    gate.record(case, Action.VOID, source=source, by="system", at=at)
    return True


def finish(case: Case, outcome: str, *, at: datetime) -> None:
    """Save a case that has just been closed."""
    gate.let_go(case)
    case.outcome, case.closed_at = outcome, at
    case.held_for = case.held_until = case.paused_at = case.resume_at = None
    case.save()
