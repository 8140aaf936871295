"""Second looks: drawn from what was closed, taken by who does not know how it ended, answered by the reviewer.

Quality reopens nothing: where a second look finds something critical it tells the leads.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Q

from lending.common.crypto import blind_index
from lending.common.errors import Conflict, Forbidden, Invalid, NotFound
from review.models import (
    Case,
    CaseAction,
    CaseOutcome,
    ErrorClass,
    Override,
    QualitySetting,
    Reviewer,
    SamplingMark,
    SamplingRule,
    SecondLook,
    Severity,
    Stage,
)
from review.queries import quality as queries
from review.rules import sampling
from review.services import gate
from users.services import acts, notices

PERMISSION = "review.check_quality"
SEE = "review.see_figures"
VERDICTS = (CaseOutcome.APPROVE, CaseOutcome.DECLINE)
OVERLAP = timedelta(minutes=10)  # longer than any transaction that closes a case
FIRST = timedelta(days=1)  # how far back the very first sweep looks
AT_ONCE = 200


class OwnCase(Forbidden):
    code, title = "own_case", "Nobody checks a case they took part in"


class NotYourLook(Forbidden):
    code, title = "look_not_yours", "Somebody else takes this second look"


class LookDone(Conflict):
    code, title = "look_done", "This second look is done"


class NotDone(Conflict):
    code, title = "look_not_done", "This second look is not done yet, or was answered"


class UnknownError(Invalid):
    code, title = "unknown_error_class", "There is no such error class"


class UnknownVerdict(Invalid):
    code, title = "unknown_verdict", "A second look approves or declines"


def settings() -> dict[str, int]:
    """The figures that quality work is steered by, by code."""
    return dict(QualitySetting.objects.values_list("code", "value"))


# --- drawing ------------------------------------------------------------------------------------------------------


def run_sampling(*, at: datetime) -> int:
    """Create the second looks at what was closed since the last time; how many. Twice, it changes nothing twice.

    A transaction of its own for every few hundred cases.
    """
    mark = SamplingMark.objects.first()
    since, last, made = (mark.through_at - OVERLAP if mark else at - FIRST), 0, 0
    while True:
        with transaction.atomic(durable=True):
            cases = _closed(since, last, at)
            made += sample(cases=cases, at=at)
            through = cases[-1].closed_at if len(cases) == AT_ONCE else at
            SamplingMark.objects.update_or_create(pk=1, defaults={"through_at": through})
        if len(cases) < AT_ONCE:
            return made
        since, last = cases[-1].closed_at or at, cases[-1].pk


def _closed(since: datetime, last: int, at: datetime) -> list[Case]:
    later = Q(closed_at__gt=since) | Q(closed_at=since, pk__gt=last)
    rows = Case.objects.filter(later, closed_at__gte=since, closed_at__lte=at, outcome__in=VERDICTS)
    return list(rows.select_related("queue").order_by("closed_at", "pk")[:AT_ONCE])


def sample(*, cases: Sequence[Case], at: datetime) -> int:
    """Draw among closed cases; how many get a second look that had none."""
    known = set(SecondLook.objects.filter(case__in=cases).values_list("case_id", flat=True))
    rows = {row.pk: row for row in SamplingRule.objects.filter(active=True)}
    rules = [_rule(row) for row in rows.values()]
    overruled = set(Override.objects.filter(case__in=cases).values_list("case_id", flat=True))
    levels = dict(Reviewer.objects.values_list("user_id", "level"))
    most = max((rule.first_cases or 0 for rule in rules), default=0)
    looks = []
    for case in cases:
        reviewer_id = closer_of(case)
        if case.pk in known or reviewer_id is None:
            continue
        closed = sampling.Closed(
            stage=case.stage,
            outcome=case.outcome,
            queue=case.queue.code,
            alone=case.stage == Stage.INITIAL,
            overrules=case.pk in overruled,
            level=levels.get(reviewer_id, 1),
            nth=_nth(case, reviewer_id, most),
            amount_cents=case.amount_cents,
            lot=sampling.lot_of(blind_index(str(case.pk), "second_look")),
        )
        if rule := sampling.sampled_by(rules, closed):
            looks.append(_look(case, reviewer_id, rows[rule.id], at))
    SecondLook.objects.bulk_create(looks, ignore_conflicts=True)
    return len(looks)


def _rule(row: SamplingRule) -> sampling.Rule:
    return sampling.Rule(
        id=row.pk,
        share_bp=row.share_bp,
        stage=row.stage,
        outcome=row.outcome,
        queue=row.queue_code,
        alone=row.alone,
        overrules=row.overrules,
        first_cases=row.first_cases,
        level_to=row.level_to,
        amount_from_cents=row.amount_from_cents,
    )


def closer_of(case: Case) -> int | None:
    """Who ended the case."""
    return case.final_reviewer_id if case.stage == Stage.FINAL else case.initial_reviewer_id


def _nth(case: Case, reviewer_id: int, most: int) -> int:
    """How many cases the reviewer had closed with this one, counted no further than a rule asks."""
    role = "final_reviewer" if case.stage == Stage.FINAL else "initial_reviewer"
    earlier = Case.objects.filter(**{role: reviewer_id}, stage=case.stage, closed_at__lt=case.closed_at)
    return earlier.order_by().values("pk")[:most].count() + 1


def _look(case: Case, reviewer_id: int, rule: SamplingRule, at: datetime) -> SecondLook:
    two = case.stage == Stage.FINAL and case.initial_reviewer_id is not None
    return SecondLook(
        case=case,
        queue=case.queue,
        rule=rule,
        reviewer_id=reviewer_id,
        outcome=case.outcome,
        recommender_id=case.initial_reviewer_id if two else None,
        recommendation=case.recommendation if two else "",
        created_at=at,
    )


# --- looking ------------------------------------------------------------------------------------------------------


def take_look(*, by_id: int, at: datetime) -> int | None:
    """The second look this checker has open, else the oldest that they may take; None where there is none.

    Raises NotAllowed.
    """
    acts.require(by=gate.actor(by_id), permission=PERMISSION)
    mine = SecondLook.objects.filter(checker_id=by_id, done_at=None).order_by("pk").values_list("pk", flat=True)
    if open_already := mine.first():
        return int(open_already)
    waiting = SecondLook.objects.filter(checker=None, done_at=None)
    waiting = waiting.exclude(reviewer_id=by_id).exclude(recommender_id=by_id)
    for row in waiting.select_for_update(of=("self",), skip_locked=True).select_related("case").order_by("pk")[:50]:
        if not took_part(row.case, by_id):
            row.checker_id, row.taken_at = by_id, at
            row.save(update_fields=["checker", "taken_at"])
            return row.pk
    return None


def took_part(case: Case, by_id: int) -> bool:
    """Whether the account did anything to a case of this application, or must not judge its borrower."""
    if CaseAction.objects.filter(case__application_id=case.application_id, actor=gate.actor(by_id)).exists():
        return True
    try:
        gate.check_no_interest(borrower_id=case.borrower_id, by_id=by_id)
    except gate.ConflictOfInterest:
        return True
    return False


def finish_look(
    *,
    look_id: int,
    by_id: int,
    verdict: str,
    reasons: Sequence[str],
    errors: Sequence[str] = (),
    note: str = "",
    at: datetime,
) -> None:
    """What the checker would have said, why, and which mistakes were made. Never changed afterwards.

    Verdicts that differ are major at least. Something critical, or another verdict, is told to the leads.
    Raises NotFound, NotAllowed, NotYourLook, OwnCase, LookDone, UnknownVerdict, ReasonNeeded, UnknownCode,
    UnknownError.
    """
    look = hold(look_id, by_id)
    if verdict not in VERDICTS:
        raise UnknownVerdict(fields={"verdict": "approve or decline"})
    if verdict == CaseOutcome.APPROVE:
        gate.check_approval_codes(reasons)
    else:
        gate.check_reasons(reasons)
    severities = _severities(errors)
    if verdict != look.outcome:
        severities.append(Severity.MAJOR)
    look.verdict, look.reasons, look.errors, look.note = verdict, list(reasons), list(errors), note
    look.severity, look.done_at = max(severities, default=None), at
    look.save()
    why = " ".join([verdict, *reasons, *errors, note]).strip()
    acts.record(by=gate.actor(by_id), act="second_look", subject=f"secondlook:{look.pk}", reason=f"codes {why}", at=at)
    if verdict != look.outcome or look.severity == Severity.CRITICAL:
        found = f"{look.outcome} by the reviewer, {verdict} at second look" if verdict != look.outcome else look.outcome
        notices.raise_notice(
            kind="second_look_differs",
            subject=f"secondlook:{look.pk}",
            text=f"Case #{look.case_id}: {found}. Errors: {' '.join(errors) or 'none'}.",
            at=at,
        )


def hold(look_id: int, by_id: int) -> SecondLook:
    """The open look for its checker, locked. Raises NotFound, NotAllowed, LookDone, NotYourLook, OwnCase."""
    acts.require(by=gate.actor(by_id), permission=PERMISSION)
    look = SecondLook.objects.select_for_update(of=("self",)).select_related("case").filter(pk=look_id).first()
    if look is None:
        raise NotFound("There is no such second look.")
    if look.done_at is not None:
        raise LookDone
    if by_id in (look.reviewer_id, look.recommender_id) or took_part(look.case, by_id):
        raise OwnCase
    if look.checker_id != by_id:
        raise NotYourLook
    return look


def _severities(codes: Iterable[str]) -> list[int]:
    known = dict(ErrorClass.objects.values_list("code", "severity"))
    if strange := [code for code in codes if code not in known]:
        raise UnknownError(f"Unknown: {', '.join(strange)}.", fields={"errors": ", ".join(strange)})
    return [known[code] for code in codes]


def acknowledge(*, look_id: int, by_id: int, reply: str, at: datetime) -> None:
    """The reviewer has read what was found and says something to it. Raises NotFound, NotDone, ReasonRequired."""
    look = SecondLook.objects.select_for_update().filter(pk=look_id, reviewer_id=by_id).first()
    if look is None:
        raise NotFound("There is no such second look at a case of yours.")
    if look.done_at is None or look.acknowledged_at is not None:
        raise NotDone
    look.reply, look.acknowledged_at = acts.checked(reply), at
    look.save(update_fields=["reply", "acknowledged_at"])
    acts.record(
        by=gate.actor(by_id), act="answer_second_look", subject=f"secondlook:{look.pk}", reason=look.reply, at=at
    )


# --- seeing -------------------------------------------------------------------------------------------------------


def figures_for(*, by_id: int, since: date, until: date) -> queries.QualityFigures:
    """Of the looks done on these business days and those between. Raises NotAllowed."""
    acts.require(by=gate.actor(by_id), permission=SEE)
    return queries.quality_figures(since=since, until=until)
