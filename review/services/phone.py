"""Verification by telephone: the number is shown to be called, the call's result is kept, the script is gone through.

Everything is done by the holder of the case, through `gate.hold`, and raises what that raises.
"""

import contextlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db import connection

from lending import queries as lending
from lending.common import clock
from lending.common.crypto import blind_index, mask_phone
from lending.common.errors import Conflict, Invalid, NotFound
from lending.models import Application
from review.models import (
    Action,
    Callee,
    CallResult,
    Case,
    CheckState,
    PhoneAnswer,
    PhoneAttempt,
    PhoneCheck,
    PhoneQuestion,
    PhoneScript,
)
from review.rules import phone as rules
from review.services import claims, gate
from users import queries as users
from users.rules import identity
from users.services import access, acts

MAY_CALL = {Callee.EMPLOYER: "may_call_employer", Callee.CONTACT: "may_call_contact"}
LITERAL = "="  # a question compared with "=yes" expects just that


class NoScript(Conflict):
    code, title = "no_phone_script", "This queue asks nothing of this person"


class CallUnderWay(Conflict):
    code, title = "call_under_way", "Say first what came of the call before"


class ThirdPartyNotAsked(Conflict):
    code, title = "third_party_not_asked", "The borrower has not agreed to this call"


class NoNumber(Invalid):
    code, title = "no_number", "There is no number to call"


class NotTheQuestion(Conflict):
    code, title = "not_the_question", "Another question is next"


class NotOnThePhone(Conflict):
    code, title = "not_on_the_phone", "Call first"


class VerificationMissing(Conflict):
    code, title = (
        "phone_check_missing",
        "This queue approves after a telephone verification, or with a stated exception",
    )


def dial(
    *,
    case_id: int,
    by_id: int,
    callee: str,
    reason: str,
    at: datetime,
    position: int | None = None,
    number: str = "",
) -> int:
    """Show a number for a call, after the access log has who, whose and why. Returns the attempt's id.

    The borrower's own, that of the contact at `position`, or `number` of an employer. Third parties are called only
    where the borrower agreed during this case. Raises NotAllowed, NoScript, CallUnderWay, ThirdPartyNotAsked,
    NoNumber, OutsideContactHours, CalledTooOften, ReasonRequired.
    """
    case, _, _ = gate.hold(case_id, by_id)
    acts.require(by=gate.actor(by_id), permission="users.reveal_personal_data")
    script_of(case, callee)
    if PhoneAttempt.objects.filter(case=case, result="").exists():
        raise CallUnderWay()
    if callee in MAY_CALL and not _agreed(case, MAY_CALL[Callee(callee)]):
        raise ThirdPartyNotAsked("Ask the borrower first.")
    called = _number(case, callee, position, number)
    index = blind_index(called, "phone")
    _check_may_call(index, at)
    access.record(
        by=gate.actor(by_id),
        subject=f"user:{case.borrower_id}",
        fields=[f"{callee} phone", "name"],
        reason=reason,
        at=at,
    )
    attempt = PhoneAttempt.objects.create(
        case=case,
        callee=callee,
        position=position if callee == Callee.CONTACT else None,
        number=called,
        number_index=index,
        number_masked=mask_phone(called),
        by_id=by_id,
        called_at=at,
    )
    _stay(case, at)
    return attempt.pk


def _number(case: Case, callee: str, position: int | None, typed: str) -> str:
    person = users.person(case.borrower_id)
    if callee == Callee.BORROWER:
        found = person.phone
    elif callee == Callee.CONTACT:
        place = position or 0
        found = person.contacts[place - 1].phone if 1 <= place <= len(person.contacts) else ""
    else:
        found = "".join(re.findall(r"[+\d]", typed))
        if not re.fullmatch(r"\+?\d{6,16}", found):
            raise NoNumber("Type the employer's number, with its area code.", fields={"number": "6 to 16 digits"})
        with contextlib.suppress(Invalid):  # of a landline; a mobile number is counted under one index everywhere
            found = identity.phone(found)
    if not found:
        raise NoNumber()
    return found


def _check_may_call(index: str, at: datetime) -> None:
    """One after another for a number, so that two reviewers at once cannot both be the third."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [f"call:{index}"])
    since = at - timedelta(days=8)
    calls = PhoneAttempt.objects.filter(number_index=index, called_at__gt=since).values_list("called_at", flat=True)
    limits = rules.limits(*(lending.servicing(key) for key in ("contact_hours", "calls_a_day", "calls_a_week")))
    rules.check_may_call(limits, clock.local(at), [clock.local(call) for call in calls])


def log_call(*, case_id: int, by_id: int, attempt_id: int, result: str, at: datetime) -> int | None:
    """What came of a call. Answered, its verification begins or goes on: returns its id.

    Raises Invalid for a result that does not exist, NotFound for an attempt that is not waiting for one.
    """
    case, _, _ = gate.hold(case_id, by_id)
    if result not in CallResult.values:
        raise Invalid("There is no such result of a call.", fields={"result": ", ".join(CallResult.values)})
    attempt = PhoneAttempt.objects.select_for_update().filter(pk=attempt_id, case=case, result="").first()
    if attempt is None:
        raise NotFound("No call waits for its result.")
    attempt.result, attempt.result_at = result, at
    attempt.save(update_fields=["result", "result_at"])
    changes = {"call": [attempt.callee, attempt.number_masked, result]}
    gate.record(case, Action.CALL, source=case.status, by=gate.actor(by_id), at=at, changes=changes)
    _stay(case, at)
    return _begin(case, attempt.callee, by_id, at) if result == CallResult.ANSWERED else None


def _begin(case: Case, callee: str, by_id: int, at: datetime) -> int:
    check = PhoneCheck.objects.filter(case=case, callee=callee).exclude(state=CheckState.DONE).first()
    if check is None:
        script = script_of(case, callee)
        first = PhoneQuestion.objects.filter(script=script).values_list("key", flat=True)[0]
        return PhoneCheck.objects.create(
            case=case, script=script, callee=callee, at_question=first, started_by_id=by_id, started_at=at
        ).pk
    check.take_up()
    check.save(update_fields=["state"])
    return check.pk


def script_of(case: Case, callee: str) -> PhoneScript:
    """The one in force for the case's queue. Raises NoScript."""
    found = PhoneScript.objects.filter(queue_id=case.queue_id, callee=callee).order_by("-version").first()
    if found is None:
        raise NoScript(f"{case.queue.code} has no script for: {callee}.")
    return found


def answer(*, case_id: int, by_id: int, check_id: int, key: str, answer: str, at: datetime) -> str:
    """Keep the answer to the question that is next and say how it fits the file. Returns the key of the next question,
    "" where the verification has come to its end. Raises NotOnThePhone, NotTheQuestion, BadAnswer."""
    case, application, _ = gate.hold(case_id, by_id)
    check = _open(case, check_id)
    if check.at_question != key:
        raise NotTheQuestion(f"The next question is {check.at_question}.", question=check.at_question)
    rows = list(PhoneQuestion.objects.filter(script_id=check.script_id))
    questions = [as_rule(row) for row in rows]
    place = [row.key for row in rows].index(key)
    said = rules.clean(questions[place], answer)
    agreement = ""
    if rows[place].compare:
        filed = _filed(rows[place].compare, _file(application, _position(case, check.callee)))
        agreement = rules.compare(rows[place].kind, said, filed)
    PhoneAnswer.objects.filter(check_of=check, question=rows[place], replaced_at=None).update(replaced_at=at)
    PhoneAnswer.objects.create(
        check_of=check, question=rows[place], answer=said, agreement=agreement, by_id=by_id, answered_at=at
    )
    check.at_question = rules.following(questions, key, answer=said, agreement=agreement)
    check.save(update_fields=["at_question"])
    if not check.at_question:
        _finish(case, check, questions, by_id, at)
    _stay(case, at)
    return check.at_question


def _filed(name: str, file: Mapping[str, str]) -> str:
    return name.removeprefix(LITERAL) if name.startswith(LITERAL) else file[name]


def _finish(case: Case, check: PhoneCheck, questions: Sequence[rules.Question], by_id: int, at: datetime) -> None:
    """What was answered on a branch that was left again does not count."""
    asked = _path(check, questions)
    left = [row.pk for row in _answers(check) if row.question.key not in asked]
    PhoneAnswer.objects.filter(pk__in=left).update(replaced_at=at)
    kept = _answers(check)
    check.result = rules.result([(row.question.critical, row.agreement or None) for row in kept])
    check.mismatches = [row.question.key for row in kept if row.agreement == rules.Agreement.MISMATCH]
    check.finished_by_id, check.finished_at = by_id, at
    check.finish()
    check.save()
    changes = {"phone_check": [check.callee, check.result], "mismatches": check.mismatches}
    gate.record(case, Action.VERIFY, source=case.status, by=gate.actor(by_id), at=at, changes=changes)


def _answers(check: PhoneCheck) -> list[PhoneAnswer]:
    return list(PhoneAnswer.objects.filter(check_of=check, replaced_at=None).select_related("question"))


def _path(check: PhoneCheck, questions: Sequence[rules.Question]) -> list[str]:
    """The questions that the answers lead through, the first one that has none included."""
    given = {row.question.key: row for row in _answers(check)}
    key, path = questions[0].key, []
    while key:
        path.append(key)
        if key not in given:
            break
        key = rules.following(questions, key, answer=given[key].answer, agreement=given[key].agreement)
    return path


def go_back(*, case_id: int, by_id: int, check_id: int, at: datetime) -> str:
    """To the question before, whose answer stays until it is given anew. Returns its key. Raises NotOnThePhone,
    NotTheQuestion at the first one."""
    case, _, _ = gate.hold(case_id, by_id)
    check = _open(case, check_id)
    questions = [as_rule(row) for row in PhoneQuestion.objects.filter(script_id=check.script_id)]
    path = _path(check, questions)
    place = path.index(check.at_question) if check.at_question in path else len(path)
    if place == 0:
        raise NotTheQuestion("This is the first question.")
    check.at_question = path[place - 1]
    check.save(update_fields=["at_question"])
    _stay(case, at)
    return check.at_question


def break_off(*, case_id: int, by_id: int, check_id: int, at: datetime) -> None:
    """The line is dead, or somebody has no time: the next call goes on at the same question. Raises NotOnThePhone."""
    case, _, _ = gate.hold(case_id, by_id)
    check = _open(case, check_id)
    check.break_off()
    check.save(update_fields=["state"])
    _stay(case, at)


def except_from(*, case_id: int, by_id: int, reasons: Sequence[str], note: str = "", at: datetime) -> None:
    """State why this case may be approved without a verification by telephone. Raises ReasonNeeded, UnknownCode."""
    case, _, _ = gate.hold(case_id, by_id)
    gate.check_findings("phone", reasons)
    gate.record(case, Action.EXCEPT, source=case.status, by=gate.actor(by_id), at=at, reasons=list(reasons), note=note)
    _stay(case, at)


def check_verified(case: Case) -> None:
    """Before an approval is recommended. Raises VerificationMissing where the queue requires a verification, the last
    one of this case does not say "verified", and no exception is stated."""
    required = PhoneScript.objects.filter(queue_id=case.queue_id, required=True).values_list("callee", flat=True)
    for callee in sorted(set(required)):
        if not script_of(case, callee).required:
            continue
        last = PhoneCheck.objects.filter(case=case, callee=callee, state=CheckState.DONE).order_by("-id").first()
        if last is not None and last.result == rules.Result.VERIFIED:
            continue
        if case.actions.filter(action=Action.EXCEPT).exists():
            continue
        found = f"the last one says: {last.get_result_display()}" if last else "there is none yet"
        raise VerificationMissing(
            f"Verify the {callee} by telephone first ({found}), or state an exception.",
            callee=callee,
            result=last.result if last else None,
        )


def as_rule(row: PhoneQuestion) -> rules.Question:
    return rules.Question(
        row.key, row.kind, tuple(option[0] for option in row.options), dict(row.next), bool(row.critical)
    )


def _open(case: Case, check_id: int) -> PhoneCheck:
    check = PhoneCheck.objects.select_for_update().filter(pk=check_id, case=case).first()
    if check is None:
        raise NotFound("There is no such verification.")
    if check.state != CheckState.OPEN:
        raise NotOnThePhone(f"The verification is {check.state}.", state=check.state)
    return check


def _agreed(case: Case, key: str) -> bool:
    given = PhoneAnswer.objects.filter(
        check_of__case=case, check_of__callee=Callee.BORROWER, question__key=key, replaced_at=None
    )
    last = given.order_by("-id").first()
    return last is not None and last.answer == "yes"


def _position(case: Case, callee: str) -> int:
    """Which contact is on the line."""
    last = PhoneAttempt.objects.filter(case=case, callee=callee).order_by("-id").first()
    return (last.position or 0) if last else 0


def _file(application: Application, position: int) -> dict[str, str]:
    """What the file says, by the names that questions compare with; "" where it says nothing."""
    person = users.person(application.user_id)
    contact = person.contacts[position - 1] if 1 <= position <= len(person.contacts) else None
    return {
        "name": person.name,
        "id_tail": person.id_number[-4:],
        "birth_date": person.birth_date.isoformat() if person.birth_date else "",
        "city": person.city,
        "address": person.address,
        "employer": person.employer,
        "employment": person.employment,
        "net_income": _yuan(person.net_income_cents),
        "instalments_elsewhere": _yuan(person.instalments_elsewhere_cents),
        "amount": _yuan(application.asked_cents),
        "months": str(application.asked_months or ""),
        "purpose": application.purpose,
        "relation": contact.relation if contact else "",
    }


FILE = frozenset(
    "name id_tail birth_date city address employer employment net_income instalments_elsewhere amount months purpose"
    " relation".split()
)


def is_filed(compare: str) -> bool:
    """Whether a question may name this to be compared with."""
    return not compare or compare.startswith(LITERAL) or compare in FILE


def _yuan(amount_cents: int | None) -> str:
    return "" if amount_cents is None else f"{amount_cents / 100:.2f}"


def _stay(case: Case, at: datetime) -> None:
    """Whoever is on the telephone is at work: the lease runs anew."""
    case.leased_until = at + claims.LEASE
    case.save(update_fields=["leased_until"])
