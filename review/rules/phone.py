"""The telephone script: which question comes next, and whether an answer fits the file. Answers are text as typed.

Kinds: yes_no ("yes", "no"), choice (one of the options), text, number (yuan, months, a count), date (ISO).
"""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from difflib import SequenceMatcher
from enum import StrEnum

from lending.common.errors import Conflict, Invalid

YES_NO = ("yes", "no")
UNKNOWN = "?"  # whoever is called does not know or will not say
ANY = "*"
END = "END"

MATCH_SHARE, NEAR_SHARE = Decimal("0.05"), Decimal("0.20")
NEAR_DAYS = 31
NEAR_TEXT = 0.75

WEEK = timedelta(days=7)


class Kind(StrEnum):
    YES_NO = "yes_no"
    CHOICE = "choice"
    TEXT = "text"
    NUMBER = "number"
    DATE = "date"


class Agreement(StrEnum):
    MATCH = "match"
    NEAR = "near"
    MISMATCH = "mismatch"
    CANNOT_TELL = "cannot_tell"


class Result(StrEnum):
    VERIFIED = "verified"
    NOT_VERIFIED = "not_verified"
    MISMATCHES = "mismatches"


class BadAnswer(Invalid):
    code, title = "bad_answer", "This is not an answer to the question"


class BadScript(ValueError):
    """A script that cannot be asked from its first question to its end."""


@dataclass(frozen=True)
class Question:
    """`next`: by answer, or by agreement ("mismatch"), or "*"; the key of a question or END. None of them: the one
    after. `critical`: a mismatch here is one of the verification."""

    key: str
    kind: str
    options: Sequence[str] = ()
    next: Mapping[str, str] = field(default_factory=dict)
    critical: bool = True


def clean(question: Question, answer: str) -> str:
    """The answer in the form it is kept in; "?" always will do. Raises BadAnswer."""
    text = unicodedata.normalize("NFKC", answer).strip()
    if text == UNKNOWN:
        return text
    try:
        match question.kind:
            case Kind.YES_NO:
                return _one_of(text.lower(), YES_NO)
            case Kind.CHOICE:
                return _one_of(text, question.options)
            case Kind.NUMBER:
                return format(_number(text), "f")
            case Kind.DATE:
                return date.fromisoformat(text).isoformat()
    except (ValueError, InvalidOperation):
        raise BadAnswer(fields={"answer": _wanted(question)}) from None
    if not text or len(text) > 200:
        raise BadAnswer(fields={"answer": "between 1 and 200 characters"})
    return text


def _one_of(text: str, options: Collection[str]) -> str:
    if text not in options:
        raise ValueError
    return text


def _number(text: str) -> Decimal:
    number = Decimal(re.sub(r"[,，\s¥￥元]", "", text))
    if not number.is_finite() or not 0 <= number < 10**12:
        raise ValueError
    return number


def _wanted(question: Question) -> str:
    match question.kind:
        case Kind.YES_NO:
            return "yes, no or ?"
        case Kind.CHOICE:
            return f"one of {', '.join(question.options)} or ?"
        case Kind.NUMBER:
            return "a number of 0 or more, or ?"
    return "a date as 2026-01-31, or ?"


def compare(kind: str, answer: str, filed: str) -> Agreement:
    """A cleaned answer with the file's value, both as text; a value that the file lacks cannot be told.

    Numbers: up to 5 % apart match, up to 20 % are near. Dates: the same day, or within 31 days. Texts: equal but for
    case, width, spaces and punctuation match; one inside the other, or three quarters alike, is near; digits are not.
    """
    if answer == UNKNOWN or not filed.strip():
        return Agreement.CANNOT_TELL
    match kind:
        case Kind.NUMBER:
            return _compare_numbers(Decimal(answer), _number(filed))
        case Kind.DATE:
            return _compare_days(abs((date.fromisoformat(answer) - date.fromisoformat(filed)).days))
        case Kind.TEXT:
            return _compare_texts(_plain(answer), _plain(filed))
    return Agreement.MATCH if answer == filed else Agreement.MISMATCH


def _compare_numbers(said: Decimal, filed: Decimal) -> Agreement:
    if said == filed:
        return Agreement.MATCH
    apart = abs(said - filed) / max(said, filed)
    if apart <= MATCH_SHARE:
        return Agreement.MATCH
    return Agreement.NEAR if apart <= NEAR_SHARE else Agreement.MISMATCH


def _compare_days(days: int) -> Agreement:
    if days == 0:
        return Agreement.MATCH
    return Agreement.NEAR if days <= NEAR_DAYS else Agreement.MISMATCH


def _plain(text: str) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFKC", text).casefold() if sign.isalnum())


def _compare_texts(said: str, filed: str) -> Agreement:
    if not said or not filed:
        return Agreement.CANNOT_TELL
    if said == filed:
        return Agreement.MATCH
    if filed[:-1].isdigit():
        return Agreement.MISMATCH  # of a number, such as the end of an ID number, every digit counts
    shorter, longer = sorted((said, filed), key=len)
    alike = (len(shorter) > 1 and shorter in longer) or SequenceMatcher(None, said, filed).ratio() >= NEAR_TEXT
    return Agreement.NEAR if alike else Agreement.MISMATCH


def following(questions: Sequence[Question], key: str, *, answer: str, agreement: str) -> str:
    """The key of the question after `key`, "" at the end; the answer's own way goes before its agreement's."""
    position = [question.key for question in questions].index(key)
    ways = questions[position].next
    for way in (answer, agreement, ANY):
        if way and way in ways:
            return "" if ways[way] == END else ways[way]
    return questions[position + 1].key if position + 1 < len(questions) else ""


def check(questions: Sequence[Question]) -> None:
    """Raises BadScript for a way to nowhere, a way back, a way for an answer that cannot be given, or a question that
    no way leads to."""
    keys = [question.key for question in questions]
    if not keys or len(set(keys)) != len(keys):
        raise BadScript("A script has questions, each with a key of its own.")
    reached = {keys[0]}
    for place, question in enumerate(questions):
        if question.kind not in list(Kind) or (question.kind == Kind.CHOICE) != bool(question.options):
            raise BadScript(f"{question.key}: a choice, and only a choice, has options")
        answers = {ANY, UNKNOWN, *Agreement, *question.options, *(YES_NO if question.kind == Kind.YES_NO else ())}
        for answer, target in question.next.items():
            if answer not in answers:
                raise BadScript(f"{question.key}: nobody can answer {answer!r}")
            if target != END and target not in keys[place + 1 :]:
                raise BadScript(f"{question.key}: {target!r} is not a later question")
        reached |= set(question.next.values())
        if ANY not in question.next and place + 1 < len(keys):
            reached.add(keys[place + 1])
    if lost := [key for key in keys if key not in reached]:
        raise BadScript(f"No way leads to {', '.join(lost)}")


def result(found: Sequence[tuple[bool, str | None]]) -> Result:
    """Of (critical, agreement or None where there is nothing to compare with) for each question asked.

    One critical mismatch makes mismatches; it is verified where more than half of what is compared could be told.
    """
    compared = [(critical, agreement) for critical, agreement in found if agreement is not None]
    if any(critical and agreement == Agreement.MISMATCH for critical, agreement in compared):
        return Result.MISMATCHES
    told = sum(agreement != Agreement.CANNOT_TELL for _, agreement in compared)
    return Result.VERIFIED if told * 2 > len(compared) else Result.NOT_VERIFIED


class OutsideContactHours(Conflict):
    code, title = "outside_contact_hours", "Nobody is called at this hour"


class CalledTooOften(Conflict):
    code, title = "called_too_often", "This number has been called as often as it may be"


@dataclass(frozen=True)
class Limits:
    """When people may be called, and how often a number."""

    opens: time
    closes: time
    a_day: int
    a_week: int


def limits(hours: str, a_day: str, a_week: str) -> Limits:
    """From the servicing terms: hours as "08:00-22:00"."""
    opens, closes = map(time.fromisoformat, hours.split("-"))
    return Limits(opens, closes, int(a_day), int(a_week))


def check_may_call(limits: Limits, local: datetime, earlier: Collection[datetime]) -> None:
    """`local`: now, in the market's zone; `earlier`: calls to this number, in the same zone.

    Raises OutsideContactHours, CalledTooOften.
    """
    if not limits.opens <= local.time() < limits.closes:
        raise OutsideContactHours(f"Call between {limits.opens:%H:%M} and {limits.closes:%H:%M}.")
    if sum(call.date() == local.date() for call in earlier) >= limits.a_day:
        raise CalledTooOften(f"At most {limits.a_day} calls a day to one number: try again tomorrow.")
    if sum(call > local - WEEK for call in earlier) >= limits.a_week:
        raise CalledTooOften(f"At most {limits.a_week} calls in seven days to one number.")
