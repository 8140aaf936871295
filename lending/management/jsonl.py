"""JSON lines in, JSON lines out: one answer per line as it comes, an error in its place where a line has none."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Set
from datetime import date
from decimal import Decimal
from typing import Any

from lending.common.errors import DomainError, Invalid

DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
DECIMAL = re.compile(r"\d{1,20}(\.\d{1,20})?", re.ASCII)


class MalformedJson(Invalid):
    code, title = "malformed_json", "The line is not JSON"


class NotAnObject(Invalid):
    code, title = "not_an_object", "An object was expected"


class NotAList(Invalid):
    code, title = "not_a_list", "A list was expected"


class MissingField(Invalid):
    code, title = "missing_field", "A field is missing"


class UnknownField(Invalid):
    code, title = "unknown_field", "A field is unknown"


class NotAnInteger(Invalid):
    code, title = "not_an_integer", "A whole number was expected; money is counted in cents, never a fraction or text"


class NotADecimal(Invalid):
    code, title = "not_a_decimal", 'A decimal fraction in quotes was expected, such as "0.144"'


class NotADate(Invalid):
    code, title = "not_a_date", "A day as YYYY-MM-DD was expected"


class NotText(Invalid):
    code, title = "not_text", "A text was expected"


def answers(lines: Iterable[bytes], answer: Callable[[dict[str, Any]], dict[str, Any]]) -> Iterator[str]:
    """One JSON text per line that is not blank; a DomainError becomes {"error": {"code", "message"}}."""
    for line in lines:
        if line.strip():
            try:
                found = answer(_parse(line))
            except DomainError as error:
                found = {"error": {"code": error.code, "message": error.detail}}
            yield json.dumps(found, ensure_ascii=False)


def _parse(line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line, parse_constant=_refuse_constant, object_pairs_hook=_object)
    except (ValueError, RecursionError) as error:
        raise MalformedJson(f"{type(error).__name__}: {error}") from error
    return take_object(record, "the line")


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field is given twice")
    return found


def check_fields(record: dict[str, Any], *, required: Set[str], optional: Set[str] = frozenset()) -> None:
    """Raises MissingField, UnknownField; an optional field that is null counts as absent."""
    if missing := sorted(required - record.keys()):
        raise MissingField(", ".join(missing))
    if unknown := sorted(record.keys() - required - optional):
        raise UnknownField(", ".join(unknown))


def take_object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise NotAnObject(f"{name} is not an object.")
    return value


def take_list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise NotAList(f"{name} is not a list.")
    return value


def take_int(value: Any, name: str) -> int:
    if type(value) is not int:
        raise NotAnInteger(f"{name} is {json.dumps(value)}, not a whole number.")
    return value


def take_text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise NotText(f"{name} is not a text.")
    return value


def take_decimal(value: Any, name: str) -> Decimal:
    """Digits with an optional fraction, in quotes, at most 20 on either side of the point, no sign, no exponent."""
    if not isinstance(value, str) or not DECIMAL.fullmatch(value):
        raise NotADecimal(f'{name} is {json.dumps(value)}, not a decimal fraction in quotes such as "0.144".')
    return Decimal(value)


def take_date(value: Any, name: str) -> date:
    try:
        if isinstance(value, str) and DAY.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass  # the calendar has no such day: the same answer as for any other text
    raise NotADate(f"{name} is {json.dumps(value)}, not a day as YYYY-MM-DD.")
