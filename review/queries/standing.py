"""Who did what on a case, and why an account may not act on it: the sentences instead of a missing button."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from lending.common.clock import local
from review.models import Case, Recusal, Reviewer, Stage
from review.models.case import WAITING, CaseStatus
from review.rules import authority
from review.services import gate, placing
from users import queries as users
from users.models import Profile


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one account before one case. `level` 0: no reviewer. `why_not` is empty for whoever holds the case and may
    act on it."""

    level: int
    holds: bool
    why_not: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AuthorityFor:
    """Whom the matrix asks for at an amount. `final_level` None: the initial reviewer alone; `refused`: nobody may."""

    version: int
    initial_level: int
    final_level: int | None
    refused: str


def authority_for(case_id: int, amount_cents: int) -> AuthorityFor:
    """Of a case as it stands now."""
    case = Case.objects.get(pk=case_id)
    version, rules = placing.authority_rules()
    try:
        found = authority.needed(rules, amount_cents=amount_cents, grade=case.grade, exception=case.is_exception)
    except authority.NobodyMayApprove as error:
        return AuthorityFor(version, 0, None, error.detail or str(error.title))
    return AuthorityFor(version, found.initial_level, found.final_level, "")


def standing(case_id: int, user_id: int) -> Standing:
    """Reads only; the services decide again."""
    case = Case.objects.select_related("queue").get(pk=case_id)
    who = Reviewer.objects.filter(user_id=user_id, active=True).first()
    holds = case.claimed_by_id == user_id
    why = [*_of_the_account(case, who, user_id), *([] if holds else _of_the_case(case, user_id))]
    return Standing(who.level if who else 0, holds, tuple(why))


def _of_the_account(case: Case, who: Reviewer | None, user_id: int) -> Iterator[str]:
    if case.status == CaseStatus.CLOSED:
        return
    if who is None:
        yield "This account does not review: it reads."
        return
    final = case.stage == Stage.FINAL
    if final and not who.user.groups.filter(name__in=gate.FINAL_GROUPS).exists():
        yield "You review at the initial stage; this case is at the final stage."
    if final and case.initial_reviewer_id == user_id:
        yield "You did the initial review: another person must decide."
    if not final and case.final_reviewer_id == user_id:
        yield "You sent it back to the initial stage: another person must verify it."
    earlier = Case.objects.filter(application_id=case.application_id, round__lt=case.round)
    if earlier.filter(Q(initial_reviewer_id=user_id) | Q(final_reviewer_id=user_id)).exists():
        yield "You took part in an earlier round: an appeal is looked at by others."
    if recusal := Recusal.objects.filter(reviewer_id=user_id, borrower_id=case.borrower_id).first():
        yield f"You never get this borrower's cases: {recusal.get_relation_display()}."
    if Profile.objects.filter(user_id=case.borrower_id, updated_by=gate.actor(user_id)).exists():
        yield "You edited the data of this borrower: another person must review it."
    if who.level < case.level_needed:
        yield f"This case needs R{case.level_needed}; you are R{who.level}."
    if case.queue.skill not in who.skills:
        yield f"The queue {case.queue.code} needs the skill “{case.queue.skill}”, which you do not have."


def _of_the_case(case: Case, user_id: int) -> Iterator[str]:
    match case.status:
        case CaseStatus.CLOSED:
            yield f"Closed on {_at(case.closed_at)}: {case.get_outcome_display()}."
        case CaseStatus.SUPPLEMENT:
            yield "The borrower was asked for documents. The clock stands until they are here."
        case CaseStatus.SUSPENDED:
            yield f"Suspended until {_at(case.resume_at)}. The clock runs on."
        case status if status in WAITING and case.held_for_id not in (None, user_id):
            yield f"Kept for {_name(case.held_for_id)}, who knows it, until {_at(case.held_until)}."
        case status if status in WAITING:
            yield "Nobody holds it. “Next case” hands out the most urgent one."
        case _:
            yield f"{_name(case.claimed_by_id)} holds it until {_at(case.leased_until)}."


def _name(user_id: int | None) -> str:
    return users.actor_name(f"staff:{user_id}") if user_id else "Nobody"


def _at(at: datetime | None) -> str:
    return f"{local(at):%Y-%m-%d %H:%M}" if at else "-"
