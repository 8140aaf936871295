"""What one cell, expression or condition may say: what the engine compiles, without clock or chance.

`zen.validate_unary_expression` of 2.1.3 parses with the wrong grammar (it calls `> 5` broken): cells are compiled.
"""

import re
from collections.abc import Callable, Iterator
from itertools import zip_longest

import zen

from risk.rules.engine import EvaluationFailed, failure

TOKEN = re.compile(
    r"""("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`)|([A-Za-z_$#][\w$#]*)|(\d+(?:\.\d+)?)|(\s+)|(.)""", re.S
)
READS_THE_CLOCK = {
    *("now", "today", "isToday", "isYesterday", "isTomorrow"),
}
TAKES_A_DATE = {
    *("date", "time", "d", "dateString", "year", "month", "monthString", "day", "dayOfWeek", "dayOfMonth", "dayOfYear"),
    *("weekOfYear", "weekOfMonth", "monthOfYear", "weekday", "weekdayString", "hour", "minute", "second", "quarter"),
    *("startOf", "endOf", "isSame", "isBefore", "isAfter", "isSameOrBefore", "isSameOrAfter", "diff"),
}
CHANCE = {"rand", "random"}


def fault_in_expression(text: str) -> tuple[str, str] | None:
    """(code, message) of a broken or impure expression; None where it is sound."""
    return _compiled(zen.compile_expression, text) or impure(text)


def fault_in_cell(text: str) -> tuple[str, str] | None:
    """The same for a table's input cell (`> 5`, `'a', 'b'`, `[1..5]`)."""
    return _compiled(zen.compile_unary_expression, text) or impure(text)


def impure(text: str) -> tuple[str, str] | None:
    """`clock` or `random` where the text reads the clock or draws a number, else `number_out_of_range` or None."""
    tokens = [match.group() for match in TOKEN.finditer(text) if not match.group(4)]
    spelt = says_now(text)
    for name, arguments in _calls(tokens):
        if name in CHANCE:
            return "random", f"{name}() gives another answer each time"
        if name in READS_THE_CLOCK or (name in TAKES_A_DATE and (spelt or _asks_for_now(name, arguments))):
            return "clock", f"{name}() reads the clock; use the input as_of"
    for token in tokens:
        if token.isdigit() and int(token) >= 2**63:
            return "number_out_of_range", f"{token} does not fit 64 bits"
        if token[0] == "`" and (inner := impure_template(token)):
            return inner
    return None


def says_now(text: str) -> bool:
    """The text has a literal that a date function takes for the clock, however it gets there."""
    return any(
        match.group(1)[1:-1].strip().lower() == "now" for match in TOKEN.finditer(text) if match.group(1) is not None
    )


def takes_a_date(text: str) -> bool:
    """The text gives a date function something that is known only when it runs."""
    tokens = [match.group() for match in TOKEN.finditer(text) if not match.group(4)]
    return any(
        name in TAKES_A_DATE and any(_constant(argument) is None for argument in arguments)
        for name, arguments in _calls(tokens)
    )


def impure_template(literal: str) -> tuple[str, str] | None:
    for inside in re.findall(r"\$\{([^}]*)\}", literal):
        if fault := impure(inside):
            return fault
    return None


def _calls(tokens: list[str]) -> Iterator[tuple[str, list[str]]]:
    """(function, argument texts) of every call, nested ones included."""
    for at, token in enumerate(tokens[:-1]):
        if not re.match(r"[A-Za-z_]", token) or tokens[at + 1] != "(":
            continue
        depth, arguments = 0, [""]
        for part in tokens[at + 1 :]:
            depth += (part in "([{") - (part in ")]}")
            if depth == 0:
                break
            if part == "," and depth == 1:
                arguments.append("")
            elif not (part == "(" and depth == 1 and arguments == [""]):
                arguments[-1] += f"{part} "
        yield token, [argument.strip() for argument in arguments if argument.strip()]


def _asks_for_now(name: str, arguments: list[str]) -> bool:
    if name == "d" and not arguments:
        return True
    for position, argument in enumerate(arguments):
        value = _constant(argument)
        if isinstance(value, str):
            if value.strip().lower() == "now":
                return True
            if (
                name == "d" and position == 0 and not re.match(r"\d{4}-\d{2}", value)
            ):  # d('Europe/Berlin') is now, there
                return True
    return False


def _constant(argument: str) -> object:
    """The value of an argument that names no field; None where it does, or where it has none."""
    tokens = [match for match in TOKEN.finditer(argument) if not match.group(4)]
    for match, following in zip_longest(tokens, tokens[1:]):
        is_call = following is not None and following.group() == "("
        if match.group(2) and not is_call and match.group(2) not in ("true", "false", "null", "and", "or", "not", "in"):
            return None
    try:
        return zen.evaluate_expression(argument)
    except (RuntimeError, ValueError):
        return None


def _compiled(compiler: Callable[[str], object], text: str) -> tuple[str, str] | None:
    try:
        compiler(text)
    except (RuntimeError, ValueError) as error:
        told: EvaluationFailed = failure(error)
        return "broken", str(told)
    return None
