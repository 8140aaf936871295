"""The only way to a case for somebody who wants to act on it: lock, re-read, check who, check where it stands."""

from collections.abc import Sequence
from typing import Any

from lending import queries as lending
from lending.common.errors import Conflict, Forbidden, Invalid, NotFound
from lending.models import Application, ApplicationStatus
from lending.services import applications
from review.models import Action, Case, CaseAction, Finding, Recusal, Reviewer, Stage
from review.models.case import WORKED
from users.models import Profile
from users.services import acts

FINAL_GROUPS = ("final_reviewer", "lead", "credit_manager")
REVIEW_GROUPS = ("initial_reviewer", *FINAL_GROUPS)
LEAD_GROUPS = ("lead", "credit_manager")


class NotAReviewer(Forbidden):
    code, title = "not_a_reviewer", "This account does not review at this stage"


class NotYourCase(Forbidden):
    code, title = "case_not_yours", "Claim the case first"


class CaseMoved(Conflict):
    code, title = "case_moved", "The case is not where this action needs it"


class LeaseRanOut(CaseMoved):
    code, title = "lease_ran_out", "Your claim ran out after 15 minutes without activity"


class ApplicationLeft(Conflict):
    code, title = "application_left_review", "The application is no longer in review"


class ConflictOfInterest(Forbidden):
    code, title = "conflict_of_interest", "Another reviewer must take this case"


class ReasonNeeded(Invalid):
    code, title = "reason_needed", "Say why, with at least one code"


class UnknownCode(Invalid):
    code, title = "unknown_reason", "There is no such reason for this action"


def actor(by_id: int) -> str:
    return f"staff:{by_id}"


def lock(case_id: int) -> Case:
    """The case, locked after its application, which is at its `application`. Raises NotFound."""
    application_id = Case.objects.filter(pk=case_id).values_list("application_id", flat=True).first()
    if application_id is None:
        raise NotFound("There is no such case.")
    application = applications.lock(application_id)
    case = Case.objects.select_for_update(of=("self",)).select_related("queue").get(pk=case_id)
    case.application = application
    return case


def reviewer(by_id: int, groups: Sequence[str] = REVIEW_GROUPS) -> Reviewer:
    """Raises NotAReviewer unless the account is active, has a level and is in one of `groups`."""
    found = (
        Reviewer.objects.filter(user_id=by_id, active=True, user__is_active=True, user__groups__name__in=groups)
        .select_related("user")
        .first()
    )
    if found is None:
        raise NotAReviewer()
    return found


def check_no_interest(*, borrower_id: int, by_id: int) -> None:
    """Raises ConflictOfInterest for oneself, who is close to the borrower, or who edited the borrower's data."""
    if Recusal.objects.filter(reviewer_id=by_id, borrower_id=borrower_id).exists():
        raise ConflictOfInterest()
    if Profile.objects.filter(user_id=borrower_id, updated_by=actor(by_id)).exists():
        raise ConflictOfInterest("You edited the data of this borrower.")


def hold(case_id: int, by_id: int, *, stage: str | None = None) -> tuple[Case, Application, Reviewer]:
    """The case for its holder, with the application still in review. Without `stage` either will do.

    Raises NotFound, CaseMoved, LeaseRanOut, NotYourCase, ApplicationLeft, NotAReviewer, ConflictOfInterest.
    """
    case = lock(case_id)
    wanted = WORKED if stage is None else [f"IN_{stage.upper()}"]
    if case.status not in wanted:
        if _lapsed(case, by_id):
            raise LeaseRanOut("Your claim ran out: the case is back in its queue.", state=case.status)
        raise CaseMoved(f"The case is {case.status}.", state=case.status)
    who = reviewer(by_id, FINAL_GROUPS if case.stage == Stage.FINAL else REVIEW_GROUPS)
    if case.claimed_by_id != by_id:
        raise NotYourCase()
    check_no_interest(borrower_id=case.borrower_id, by_id=by_id)
    application = case.application
    if application.status != ApplicationStatus.REFERRED:
        raise ApplicationLeft(f"The application is {application.status}.", state=application.status)
    return case, application, who


def _lapsed(case: Case, by_id: int) -> bool:
    """The last that happened is that this reviewer did not move for too long."""
    last = case.actions.order_by("-id").first()
    return last is not None and last.action == Action.LAPSE and last.changes.get("held_by", [None])[0] == by_id


def check_findings(action: str, codes: Sequence[str]) -> None:
    """Raises ReasonNeeded, UnknownCode unless every code is a finding for `action`."""
    if not codes:
        raise ReasonNeeded(fields={"reasons": "choose at least one"})
    known = set(Finding.objects.filter(action=action).values_list("code", flat=True))
    _refuse_unknown([code for code in codes if code not in known])


def check_reasons(codes: Sequence[str]) -> tuple[lending.ReasonView, ...]:
    """The decline reasons. Raises ReasonNeeded, UnknownCode."""
    if not codes:
        raise ReasonNeeded(fields={"reasons": "choose at least one"})
    known = {row.code: row for row in lending.reasons()}
    _refuse_unknown([code for code in codes if code not in known])
    return tuple(known[code] for code in codes)


def check_approval_codes(codes: Sequence[str]) -> list[str]:
    """Findings, and the flags that are overruled. Returns the latter. Raises ReasonNeeded, UnknownCode."""
    if not codes:
        raise ReasonNeeded(fields={"reasons": "choose at least one"})
    findings = set(Finding.objects.filter(action="approve").values_list("code", flat=True))
    overruled = [code for code in codes if code not in findings]
    if overruled:
        check_reasons(overruled)
    return overruled


def _refuse_unknown(codes: list[str]) -> None:
    if codes:
        raise UnknownCode(f"Unknown: {', '.join(codes)}.", fields={"reasons": ", ".join(codes)}, unknown=codes)


def let_go(case: Case) -> None:
    case.claimed_by = case.leased_until = case.slot = None


def record(case: Case, action: str, *, source: str, by: str, at: Any, **details: Any) -> None:
    """The audit row of what has just been saved on `case`."""
    row = CaseAction.objects.create(
        case=case, action=action, actor=by, occurred_at=at, source=source, target=case.status, **details
    )
    if row.reasons:
        why = " ".join([*row.reasons, row.note]).strip()
        acts.record(by=by, act=f"{action}_case", subject=f"case:{case.pk}", reason=f"codes {why}", at=at)
