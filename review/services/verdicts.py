"""What two people say: the initial reviewer recommends, the final one decides, each within their authority."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from lending.common.errors import Conflict, Invalid
from lending.models import Application
from lending.rules.terms import Terms
from lending.services import applications
from review.models import Action, Case, CaseOutcome, Reviewer, Stage
from review.rules import authority
from review.services import cases, checklist, feedback, gate, phone, placing

ALONE_CLASSES = ("H", "F")  # what an initial reviewer may decline for without a second person


class UnknownOutcome(Invalid):
    code, title = "unknown_outcome", "A verdict approves or declines"


class NoOffer(Conflict):
    code, title = "no_offer", "There is no offer that could be approved"


def recommend(
    *,
    case_id: int,
    by_id: int,
    outcome: str,
    reasons: Sequence[str],
    disagrees: Sequence[str] = (),
    note: str = "",
    checklist_waived: bool = False,
    at: datetime,
) -> None:
    """The initial verdict: to the final stage, or the end where the authority allows the initial reviewer alone.

    A decline ends the case only with a verified reason of class H or F; an approval only where the matrix says
    "R1 alone".
    `checklist_waived`: by a batch rule, and kept with the action.
    Raises what `gate.hold` raises, UnknownOutcome, ReasonNeeded, UnknownCode, VerificationMissing,
    ChecklistOpen, OverAuthority, NoOffer.
    """
    case, application, who = gate.hold(case_id, by_id, stage=Stage.INITIAL)
    if outcome == CaseOutcome.DECLINE:
        alone = any(reason.cls in ALONE_CLASSES for reason in gate.check_reasons(reasons))
        changes: dict[str, Any] = {}
    elif outcome == CaseOutcome.APPROVE:
        alone, changes = _may_approve_alone(case, application, who, reasons)
    else:
        raise UnknownOutcome(f"{outcome!r} is not a recommendation.")
    changes |= _checklist(case, outcome, checklist_waived)
    case.initial_reviewer_id, case.recommendation = by_id, outcome
    if alone:
        feedback.keep(case, application, outcome, reasons, disagrees, by_id=by_id, at=at)
        _end(case, application, outcome, _offer(application), reasons, by_id=by_id, at=at)
    source, queue = "IN_INITIAL", case.queue.code
    if not alone:
        case.pass_on()
        gate.let_go(case)
        placing.place(case, Stage.FINAL, cases.facts_of(application, at=at), at=at)
        if case.final_reviewer_id:  # who sent it back gets it again
            case.held_for_id, case.held_until = case.final_reviewer_id, case.at_risk_at
        case.save()
    gate.record(
        case,
        Action.RECOMMEND,
        source=source,
        by=gate.actor(by_id),
        at=at,
        outcome=outcome,
        reasons=list(reasons),
        note=note,
        changes=changes | {"alone": alone, "level": who.level, "queue": queue},
    )


def _checklist(case: Case, outcome: str, waived: bool) -> dict[str, Any]:
    if waived:
        return {"checklist": "waived"}
    checklist.check_done(case, outcome)
    return {}


def _may_approve_alone(
    case: Case, application: Application, who: Reviewer, reasons: Sequence[str]
) -> tuple[bool, dict[str, Any]]:
    gate.check_approval_codes(reasons)
    phone.check_verified(case)
    offer = _offer(application)
    if offer is None:
        raise NoOffer()
    version, rules = placing.authority_rules()
    required = authority.routing(
        rules, amount_cents=offer.amount_cents, grade=application.grade, exception=case.is_exception
    )
    if who.level < required.initial_level:
        raise authority.OverAuthority(f"This case needs R{required.initial_level}.", needs=required.initial_level)
    try:
        exact = authority.needed(
            rules, amount_cents=offer.amount_cents, grade=application.grade, exception=case.is_exception
        )
    except authority.NobodyMayApprove:
        return False, {"authority_version": version}  # the final reviewer may still lower the amount
    return exact.final_level is None, {"authority_version": version}


def decide(
    *,
    case_id: int,
    by_id: int,
    outcome: str,
    reasons: Sequence[str],
    disagrees: Sequence[str] = (),
    terms: Terms | None = None,
    note: str = "",
    checklist_waived: bool = False,
    at: datetime,
) -> None:
    """The final verdict, at the offer (or the amount proposed since) or, with `terms`, at a lower amount or shorter
    term; never another price.

    `disagrees`: choices of `feedback.choices`, what of the machine's this verdict is against, beside the flags that
    `reasons` name.
    `checklist_waived`: by a batch rule, and kept with the action.
    Raises what `gate.hold` raises, UnknownOutcome, ReasonNeeded, UnknownCode, ChecklistOpen, NoOffer,
    OverAuthority, NobodyMayApprove, FlagNotNamed, UnknownChoice, and OverOffer, PriceChanged, Invalid of
    `lending.services.applications.approve`.
    """
    case, application, who = gate.hold(case_id, by_id, stage=Stage.FINAL)
    offer = _offer(application, case.proposed_cents)
    changes: dict[str, Any] = {"level": who.level}
    if outcome == CaseOutcome.APPROVE:
        gate.check_approval_codes(reasons)
        if offer is None:
            raise NoOffer()
        given = terms or offer
        version = _check_authority(case, application, who, given)
        changes |= {"authority_version": version, "amount_cents": [offer.amount_cents, given.amount_cents]}
        changes |= {"months": [offer.months, given.months]}
    elif outcome == CaseOutcome.DECLINE:
        gate.check_reasons(reasons)
        given = None
    else:
        raise UnknownOutcome(f"{outcome!r} is not a verdict.")
    changes |= _checklist(case, outcome, checklist_waived)
    case.final_reviewer_id = by_id
    feedback.keep(case, application, outcome, reasons, disagrees, by_id=by_id, at=at)
    _end(case, application, outcome, given, reasons, by_id=by_id, at=at)
    gate.record(
        case,
        Action.DECIDE,
        source="IN_FINAL",
        by=gate.actor(by_id),
        at=at,
        outcome=outcome,
        reasons=list(reasons),
        note=note,
        changes=changes,
    )


def _check_authority(case: Case, application: Application, who: Reviewer, terms: Terms) -> int:
    """The version of the matrix that allows these two to approve `terms`."""
    version, rules = placing.authority_rules()
    required = authority.needed(
        rules, amount_cents=terms.amount_cents, grade=application.grade, exception=case.is_exception
    )
    initial = Reviewer.objects.filter(user=case.initial_reviewer).first() if case.initial_reviewer else None
    if initial is None and required.final_level is not None:
        raise authority.OverAuthority(
            "Two reviewers approve this: return it to the initial stage first.", needs=required.initial_level
        )
    authority.check(
        required, initial_level=initial.level if initial else who.level, final_level=who.level if initial else None
    )
    return version


def _offer(application: Application, proposed_cents: int | None = None) -> Terms | None:
    if not application.offered_cents or not application.decided_months or application.decided_rate is None:
        return None
    most = min(application.offered_cents, application.asked_cents or 0)
    if proposed_cents is not None:
        most = min(most, proposed_cents)
    return Terms(most, application.decided_months, application.decided_rate, application.method)


def _end(
    case: Case,
    application: Application,
    outcome: str,
    terms: Terms | None,
    reasons: Sequence[str],
    *,
    by_id: int,
    at: datetime,
) -> None:
    case.decide()
    cases.finish(case, outcome, at=at)
    by = gate.actor(by_id)
    if outcome == CaseOutcome.DECLINE:
        applications.decline(application_id=application.pk, reasons=list(reasons), by=by, at=at)
    elif terms is not None:
        overruled = gate.check_approval_codes(reasons)
        applications.approve(application_id=application.pk, terms=terms, reasons=overruled, by=by, at=at)
