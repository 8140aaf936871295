"""Verification by telephone, as the desk reads it. Numbers are masked and answers left out: both are revealed."""

from dataclasses import dataclass
from datetime import datetime

from review.models import (
    Action,
    Callee,
    CaseAction,
    CheckState,
    PhoneAnswer,
    PhoneAttempt,
    PhoneCheck,
    PhoneQuestion,
    PhoneScript,
)
from users import queries as users


@dataclass(frozen=True, slots=True)
class AttemptView:
    """`result` is empty while the call is under way."""

    id: int
    callee: str
    callee_name: str
    number: str
    by_id: int
    by: str
    called_at: datetime
    result: str
    result_name: str


@dataclass(frozen=True, slots=True)
class AnswerView:
    """`agreement` with the file; empty where there is nothing to compare with."""

    key: str
    text_en: str
    text_zh: str
    agreement: str
    agreement_name: str
    critical: bool
    answered_at: datetime


@dataclass(frozen=True, slots=True)
class CheckView:
    """`result` is empty until `state` is done."""

    id: int
    callee: str
    callee_name: str
    script: str
    state: str
    state_name: str
    result: str
    result_name: str
    answers: tuple[AnswerView, ...]
    mismatches: tuple[AnswerView, ...]
    by: str
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class CalleeView:
    """Somebody whom the queue's scripts ask; `check_id` of a verification under way."""

    callee: str
    name: str
    required: bool
    opening_en: str
    opening_zh: str
    check_id: int | None


@dataclass(frozen=True, slots=True)
class PhoneLog:
    """`attempts` and `checks`: the newest first. `exceptions`: (codes, note) that were stated. `required`: an approval
    is not recommended without a verification; `satisfied`: there is one that says verified, or an exception."""

    case_id: int
    callees: tuple[CalleeView, ...]
    attempts: tuple[AttemptView, ...]
    checks: tuple[CheckView, ...]
    exceptions: tuple[tuple[str, str], ...]
    required: bool
    satisfied: bool

    @property
    def mismatches(self) -> int:
        return sum(len(check.mismatches) for check in self.checks)


@dataclass(frozen=True, slots=True)
class OptionView:
    value: str
    text_en: str
    text_zh: str


@dataclass(frozen=True, slots=True)
class QuestionView:
    """The question that is next. `given`: what this very reader answered before, empty otherwise."""

    check_id: int
    case_id: int
    callee: str
    key: str
    number: int
    total: int
    text_en: str
    text_zh: str
    kind: str
    options: tuple[OptionView, ...]
    given: str
    first: bool


def phone_log(case_id: int) -> PhoneLog:
    """What was tried and found by telephone for a case. Empty for a case that does not exist."""
    scripts: dict[str, PhoneScript] = {}
    for script in PhoneScript.objects.filter(queue__cases=case_id).order_by("version"):
        scripts[script.callee] = script
    attempts = list(PhoneAttempt.objects.filter(case_id=case_id).defer("number"))
    rows = list(PhoneCheck.objects.filter(case_id=case_id).select_related("script__queue"))
    given: dict[int, list[AnswerView]] = {}
    answers = PhoneAnswer.objects.filter(check_of__in=[row.pk for row in rows], replaced_at=None)
    for answer in answers.select_related("question").defer("answer").order_by("question__position"):
        given.setdefault(answer.check_of_id, []).append(_answer(answer))
    names = users.actor_names(
        [f"staff:{row.by_id}" for row in attempts]
        + [f"staff:{row.finished_by_id or row.started_by_id}" for row in rows]
    )
    checks = tuple(_check(row, given.get(row.pk, []), names) for row in rows)
    excepted = CaseAction.objects.filter(case_id=case_id, action=Action.EXCEPT)
    exceptions = tuple((" ".join(row.reasons), row.note) for row in excepted)
    under_way = {row.callee: row.pk for row in rows if row.state != CheckState.DONE}
    needed = [callee for callee, script in scripts.items() if script.required]
    latest: dict[str, str] = {}
    for check in checks:
        if check.result:
            latest.setdefault(check.callee, check.result)
    return PhoneLog(
        case_id=case_id,
        callees=tuple(
            CalleeView(
                callee=callee,
                name=name,
                required=scripts[callee].required,
                opening_en=scripts[callee].opening_en,
                opening_zh=scripts[callee].opening_zh,
                check_id=under_way.get(callee),
            )
            for callee, name in Callee.choices
            if callee in scripts
        ),
        attempts=tuple(_attempt(row, names) for row in attempts),
        checks=checks,
        exceptions=exceptions,
        required=bool(needed),
        satisfied=bool(exceptions) or all(latest.get(callee) == "verified" for callee in needed),
    )


def _attempt(row: PhoneAttempt, names: dict[str, str]) -> AttemptView:
    return AttemptView(
        id=row.pk,
        callee=row.callee,
        callee_name=row.get_callee_display() + (f" {row.position}" if row.position else ""),
        number=row.number_masked,
        by_id=row.by_id,
        by=names[f"staff:{row.by_id}"],
        called_at=row.called_at,
        result=row.result,
        result_name=row.get_result_display(),
    )


def _answer(row: PhoneAnswer) -> AnswerView:
    return AnswerView(
        key=row.question.key,
        text_en=row.question.text_en,
        text_zh=row.question.text_zh,
        agreement=row.agreement,
        agreement_name=row.get_agreement_display(),
        critical=row.question.critical,
        answered_at=row.answered_at,
    )


def _check(row: PhoneCheck, answers: list[AnswerView], names: dict[str, str]) -> CheckView:
    return CheckView(
        id=row.pk,
        callee=row.callee,
        callee_name=row.get_callee_display(),
        script=f"{row.script.queue.code} {row.callee} v{row.script.version}",
        state=row.state,
        state_name=row.get_state_display(),
        result=row.result,
        result_name=row.get_result_display(),
        answers=tuple(answers),
        mismatches=tuple(answer for answer in answers if answer.agreement == "mismatch"),
        by=names[f"staff:{row.finished_by_id or row.started_by_id}"],
        finished_at=row.finished_at,
    )


def called_number(attempt_id: int, user_id: int) -> str:
    """The number of a call under way in clear, for who dialled it and was logged; empty for anybody else."""
    row = PhoneAttempt.objects.filter(pk=attempt_id, by_id=user_id, result="").first()
    return row.number if row else ""


def question(case_id: int, user_id: int) -> QuestionView | None:
    """The question to put now, of the verification that is open; None where nobody is on the telephone."""
    check = PhoneCheck.objects.filter(case_id=case_id, state=CheckState.OPEN).first()
    if check is None:
        return None
    rows = list(PhoneQuestion.objects.filter(script_id=check.script_id))
    place = [row.key for row in rows].index(check.at_question)
    row = rows[place]
    earlier = PhoneAnswer.objects.filter(check_of=check, question=row, replaced_at=None, by_id=user_id).first()
    return QuestionView(
        check_id=check.pk,
        case_id=case_id,
        callee=check.callee,
        key=row.key,
        number=place + 1,
        total=len(rows),
        text_en=row.text_en,
        text_zh=row.text_zh,
        kind=row.kind,
        options=tuple(OptionView(*option) for option in row.options),
        given=earlier.answer if earlier else "",
        first=place == 0,
    )
