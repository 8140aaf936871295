"""A case begins when an application is referred, and ends with it at the latest."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from lending import queries as lending
from lending.common.errors import Conflict
from lending.models import Application, ApplicationStatus
from lending.services import applications
from review.models import Action, Case, CaseAction, CaseOutcome, CaseStatus, Recusal, Relation, Reviewer, Stage
from review.rules import priority
from review.services import gate, placing, sla
from users import queries as users

KEPT = timedelta(minutes=15)


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
        reroute(case, application, by="system", why="supplement", at=at)
    return case.pk


def _open(application: Application, review_round: int, *, at: datetime) -> int:
    level, person = users.level(application.user_id), users.person(application.user_id)
    facts = facts_of(application, at=at)
    case = Case(
        application=application,
        round=review_round,
        borrower_id=application.user_id,
        language=person.language,
        product_code=application.product.code,
        channel_code=application.channel_code,
        is_exception=_is_exception(application),
        is_appeal=review_round > 1,
        is_favoured=priority.is_favoured(level.code),
        opened_at=at,
    )
    placing.place(case, Stage.FINAL if case.is_appeal else Stage.INITIAL, facts, at=at)
    if case.is_appeal:
        case.pass_on()
    case.save()
    _note_interests(application.user_id, person, at=at)
    gate.record(case, Action.OPEN, source="", by="system", at=at, reasons=list(application.reasons))
    return case.pk


def facts_of(application: Application, *, at: datetime, proposed_cents: int | None = None) -> placing.Facts:
    """`proposed_cents`: what a final reviewer proposes to lend, in place of the offer."""
    return placing.Facts(
        family=application.product_family,
        channel=application.channel_code,
        amount_cents=most_cents(application) if proposed_cents is None else proposed_cents,
        grade=application.grade,
        reasons=tuple(application.reasons),
        grey_listed=any(hit.kind == "grey" for hit in users.list_hits(application.user_id, at)),
    )


def most_cents(application: Application) -> int:
    """What could be lent at most: the lower of offer and wish, where both are known."""
    return min((amount for amount in (application.offered_cents, application.asked_cents) if amount), default=0)


def reroute(case: Case, application: Application, *, by: str, why: str, at: datetime) -> bool:
    """Bring an open case where its amount and the matrix in force want it now; whether its holder keeps it.

    Who holds it and lacks the level or the skill for it gives it back. Leaves no trace where nothing changes.
    """
    if case.proposed_cents is not None and case.proposed_cents > most_cents(application):
        case.proposed_cents = None  # the borrower has asked for less since
    facts = facts_of(application, at=at, proposed_cents=case.proposed_cents)
    handed_up = case.level_needed if _was_handed_up(case) else 0
    source, holder = case.status, case.claimed_by_id
    changes: dict[str, Any] = dict(placing.move(case, facts, least_level=handed_up, at=at))
    if why == "amount":
        changes.pop("amount_cents", None)  # told by the act itself
    stays = holder is None or _suffices(case, holder)
    if not stays:
        changes["held_by"] = [holder, None]
        case.give_back_initial() if case.stage == Stage.INITIAL else case.give_back_final()
        gate.let_go(case)
    case.save()
    if changes:
        gate.record(case, Action.REROUTE, source=source, by=by, at=at, note=why, changes=changes)
    return stays


def _was_handed_up(case: Case) -> bool:
    """By an escalation at the present stage."""
    last = CaseAction.objects.filter(case=case, action__in=(Action.ESCALATE, Action.RECOMMEND, Action.RETURN)).last()
    return last is not None and last.action == Action.ESCALATE


def _suffices(case: Case, user_id: int) -> bool:
    who = Reviewer.objects.filter(user_id=user_id).first()
    return who is not None and who.level >= case.level_needed and case.queue.skill in who.skills


def _is_exception(application: Application) -> bool:
    """An approval would go against a policy flag of the machine."""
    return any(reason.cls == "P" for reason in lending.reasons(list(application.reasons)))


def _note_interests(borrower_id: int, person: users.Person, *, at: datetime) -> None:
    """Reviewers who are the borrower, or whom the borrower named as a contact, never get a case of theirs."""
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
    """A case waits again at its stage, kept for who knew it until it is at risk, or for a quarter of an hour at least.

    After a supplement its clock runs on.
    """
    source = case.status
    placing.resume_clock(case, at=at)
    case.resume_at = None
    if case.held_for_id:
        case.held_until = max(case.at_risk_at, at + KEPT)
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
    sla.settle(case.pk, at=at)
