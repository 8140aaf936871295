"""What can happen to a case before its verdict: documents asked for, sent back, suspended, handed up, passed on."""

from collections.abc import Sequence
from datetime import datetime

from lending.common.errors import Invalid
from lending.services import supplements
from review.models import Action, Case, CaseStatus, Recusal, Relation, Stage
from review.rules import authority
from review.services import cases, claims, gate, placing


def request_supplement(
    *,
    case_id: int,
    by_id: int,
    items: Sequence[tuple[str, str]],
    reasons: Sequence[str],
    note: str = "",
    at: datetime,
) -> int:
    """Ask the borrower for `items` (kind, sentence each). The case's clock stands; this reviewer gets it back.

    Returns the supplement's id. Raises what `gate.hold` raises, ReasonNeeded, UnknownCode, Invalid.
    """
    case, application, _ = gate.hold(case_id, by_id)
    gate.check_findings("supplement", reasons)
    asked = supplements.request(application_id=application.pk, items=items, by=gate.actor(by_id), at=at)
    gate.let_go(case)
    case.paused_at = at
    case.held_for_id, case.held_until = by_id, case.at_risk_at
    source = case.status
    case.ask_supplement()
    case.save()
    gate.record(
        case,
        Action.SUPPLEMENT,
        source=source,
        by=gate.actor(by_id),
        at=at,
        reasons=list(reasons),
        note=note,
        changes={"items": [kind for kind, _ in items]},
    )
    return asked


def suspend(*, case_id: int, by_id: int, reasons: Sequence[str], until: datetime, note: str = "", at: datetime) -> None:
    """Put a case aside until an instant; its clock runs on: the borrower owes nothing.

    Raises what `gate.hold` raises, Invalid.
    """
    case, _, _ = gate.hold(case_id, by_id)
    gate.check_findings("suspend", reasons)
    if until <= at:
        raise Invalid("Choose a later time.", fields={"until": "in the past"})
    gate.let_go(case)
    case.held_for_id, case.held_until, case.resume_at = by_id, case.at_risk_at, until
    source = case.status
    case.suspend()
    case.save()
    changes = {"resume_at": [None, until.isoformat()]}
    gate.record(
        case,
        Action.SUSPEND,
        source=source,
        by=gate.actor(by_id),
        at=at,
        reasons=list(reasons),
        note=note,
        changes=changes,
    )


def resume(*, case_id: int, by_id: int, at: datetime) -> None:
    """End a suspension early: who suspended it, or a lead. Raises CaseMoved, NotAReviewer."""
    case = gate.lock(case_id)
    if case.status != CaseStatus.SUSPENDED:
        raise gate.CaseMoved(f"The case is {case.status}.", state=case.status)
    gate.reviewer(by_id, gate.REVIEW_GROUPS if case.held_for_id == by_id else gate.LEAD_GROUPS)
    cases.wake_up(case, by=gate.actor(by_id), at=at)


def resume_due(*, at: datetime, limit: int = 100) -> int:
    """Take up again the cases whose suspension is over. How many."""
    due = Case.objects.filter(status=CaseStatus.SUSPENDED, resume_at__lte=at)
    found = list(due.select_for_update(of=("self",), skip_locked=True).select_related("queue").order_by("pk")[:limit])
    for case in found:
        cases.wake_up(case, by="system", at=at)
    return len(found)


def return_to_initial(*, case_id: int, by_id: int, reasons: Sequence[str], note: str = "", at: datetime) -> None:
    """The final reviewer sends a case back to who verified it. Raises what `gate.hold` raises, ReasonNeeded."""
    case, application, _ = gate.hold(case_id, by_id, stage=Stage.FINAL)
    gate.check_findings("return", reasons)
    changes = {"recommendation": [case.recommendation, ""]}
    case.return_to_initial()
    gate.let_go(case)
    case.final_reviewer_id, case.recommendation = by_id, ""
    placing.place(case, Stage.INITIAL, cases.facts_of(application, at=at), at=at)
    if case.initial_reviewer_id:
        case.held_for_id, case.held_until = case.initial_reviewer_id, case.at_risk_at
    case.save()
    gate.record(
        case,
        Action.RETURN,
        source="IN_FINAL",
        by=gate.actor(by_id),
        at=at,
        reasons=list(reasons),
        note=note,
        changes=changes,
    )


def escalate(*, case_id: int, by_id: int, reasons: Sequence[str], note: str = "", at: datetime) -> None:
    """Hand a case to a higher level of its stage. The highest is kept for the final one, which another person takes.

    Raises what `gate.hold` raises, OverAuthority at the top.
    """
    case, _, who = gate.hold(case_id, by_id)
    gate.check_findings("escalate", reasons)
    highest = max(authority.LEVELS.values()) - (case.stage == Stage.INITIAL)
    if who.level >= highest:
        raise authority.OverAuthority("There is nobody above you.")
    changes, source = {"level_needed": [case.level_needed, who.level + 1]}, case.status
    case.level_needed = who.level + 1
    if case.stage == Stage.INITIAL:
        case.give_back_initial()
    else:
        case.give_back_final()
    gate.let_go(case)
    case.save()
    gate.record(
        case,
        Action.ESCALATE,
        source=source,
        by=gate.actor(by_id),
        at=at,
        reasons=list(reasons),
        note=note,
        changes=changes,
    )


def recuse(*, case_id: int, by_id: int, reasons: Sequence[str], note: str = "", at: datetime) -> None:
    """A reviewer who knows the borrower gives the case back and never gets one of theirs. Raises as `gate.hold`."""
    case, _, _ = gate.hold(case_id, by_id)
    gate.check_findings("recuse", reasons)
    Recusal.objects.create(reviewer_id=by_id, borrower_id=case.borrower_id, relation=Relation.DECLARED, created_at=at)
    claims.give_back(case, Action.RECUSE, by=gate.actor(by_id), at=at, reasons=list(reasons), note=note)


def change_amount(
    *, case_id: int, by_id: int, amount_cents: int, reasons: Sequence[str], note: str = "", at: datetime
) -> bool:
    """The final reviewer proposes to lend another amount, up to the offer. The case goes where that amount belongs;
    whether the reviewer keeps it. Raises what `gate.hold` raises, ReasonNeeded, UnknownCode, Invalid.
    """
    case, application, _ = gate.hold(case_id, by_id, stage=Stage.FINAL)
    gate.check_findings("amount", reasons)
    most = cases.most_cents(application)
    if not 0 < amount_cents <= most or amount_cents == case.amount_cents:
        raise Invalid("Propose another amount, at most the offer.", fields={"amount": f"1 to {most} cents"})
    before, case.proposed_cents = case.amount_cents, amount_cents
    by = gate.actor(by_id)
    changes = {"proposed_cents": [before, amount_cents]}
    gate.record(
        case, Action.AMOUNT, source=case.status, by=by, at=at, reasons=list(reasons), note=note, changes=changes
    )
    return cases.reroute(case, application, by=by, why="amount", at=at)
