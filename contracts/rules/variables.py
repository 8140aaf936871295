"""Typed variables of a template: checked before anything is printed, then put into the words people read. Pure.

Values are JSON: text str, money int cents, rate decimal text (fraction a year), count int, date and instant ISO text,
flag true or false, plan a list of instalments {number, due, principal_cents, interest_cents, fee_cents, total_cents,
balance_cents}. A type with `?` behind it is optional: its value may be missing, and a clause may depend on that.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from contracts.rules.words import capital_amount
from lending.common.errors import Invalid
from lending.common.money import format_cents, percent

MARKET = ZoneInfo("Asia/Shanghai")
PLAN_MONEY = ("principal_cents", "interest_cents", "fee_cents", "total_cents", "balance_cents")
PLAN_COLUMNS = {"number", "due", *PLAN_MONEY}


class MissingVariable(Invalid):
    """Data `variables`: the names a template asks for and nobody gave."""

    code, title = "missing_variable", "The contract cannot be filled in completely"


class WrongVariable(Invalid):
    """Data `variable`, `type`."""

    code, title = "wrong_variable", "A value does not have the type the template declares"


class UnknownType(Invalid):
    code, title = "unknown_variable_type", "A template declares a type that does not exist"


@dataclass(frozen=True, slots=True)
class Money:
    """Prints as ¥10,000.00; `.words` is the amount in Chinese capitals."""

    cents: int

    def __str__(self) -> str:
        return format_cents(self.cents)

    @property
    def words(self) -> str:
        return capital_amount(self.cents)


def _date(value: str) -> str:
    return date.fromisoformat(value).isoformat()


def _instant(value: str) -> str:
    at = datetime.fromisoformat(value)
    if at.tzinfo is None:
        raise ValueError("without a zone")
    return f"{at.astimezone(MARKET):%Y-%m-%d %H:%M:%S} (UTC+8)"


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise TypeError("empty or not text")
    return value


def _count(value: Any) -> int:
    if type(value) is not int:
        raise TypeError("not an int")
    return value


def _flag(value: Any) -> bool:
    if type(value) is not bool:
        raise TypeError("not true or false")
    return value


def _rate(value: Any) -> str:
    rate = Decimal(_text(value))
    if not rate.is_finite():
        raise ValueError("not finite")
    return percent(rate)


def _plan(value: Any) -> dict[str, Any]:
    """Rows as they are printed, and the column sums."""
    if not isinstance(value, list) or not value or any(set(row) != PLAN_COLUMNS for row in value):
        raise TypeError("not a plan")
    rows = [
        {"number": _count(row["number"]), "due": _text(row["due"])}
        | {name.removesuffix("_cents"): Money(_count(row[name])) for name in PLAN_MONEY}
        for row in value
    ]
    sums = {name.removesuffix("_cents"): Money(sum(row[name] for row in value)) for name in PLAN_MONEY[:-1]}
    return {"rows": rows, "sums": sums, "has_fee": any(row["fee_cents"] for row in value)}


SHOWN_AS: dict[str, Callable[[Any], Any]] = {
    "text": _text,
    "money": lambda value: Money(_count(value)),
    "rate": _rate,
    "count": _count,
    "date": _date,
    "instant": _instant,
    "flag": _flag,
    "plan": _plan,
}


NEVER_OPTIONAL = ("flag", "plan")


def is_optional(kind: str) -> bool:
    return kind.endswith("?")


def plain_type(kind: str) -> str:
    return kind.removesuffix("?")


def _exists(kind: str) -> bool:
    return plain_type(kind) in SHOWN_AS and not (is_optional(kind) and plain_type(kind) in NEVER_OPTIONAL)


def check_declared(declared: Mapping[str, str]) -> None:
    """Raises UnknownType."""
    if unknown := sorted({kind for kind in declared.values() if not _exists(kind)}):
        raise UnknownType(f"There is no type {', '.join(unknown)}.")


def read_declared(text: str) -> dict[str, str]:
    """Of lines `name: type`. Raises UnknownType for a line that says something else, or a name said twice."""
    declared: dict[str, str] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        name, colon, kind = (part.strip() for part in line.partition(":"))
        if not (colon and name.isidentifier()) or name in declared:
            raise UnknownType(f"Each line is a name of its own, a colon and a type: {line!r} is not.")
        declared[name] = kind
    check_declared(declared)
    return declared


def written(declared: Mapping[str, str]) -> str:
    """As `read_declared` reads."""
    return "\n".join(f"{name}: {kind}" for name, kind in declared.items())


def taken(declared: Mapping[str, str], facts: Mapping[str, Any]) -> dict[str, Any]:
    """The declared ones of `facts`, each of its type; an optional one that is missing is None.

    Raises MissingVariable, WrongVariable.
    """
    missing = sorted(name for name in declared if facts.get(name) in (None, "") and not is_optional(declared[name]))
    if missing:
        raise MissingVariable(f"Missing: {', '.join(missing)}.", variables=missing)
    values = {name: None if facts.get(name) == "" else facts.get(name) for name in declared}
    shown(declared, values)
    return values


def shown(declared: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, Any]:
    """What the template prints. Raises WrongVariable."""
    printed = {}
    for name, kind in declared.items():
        try:
            absent = is_optional(kind) and values[name] is None
            printed[name] = None if absent else SHOWN_AS[plain_type(kind)](values[name])
        except (TypeError, ValueError, KeyError, InvalidOperation) as error:
            raise WrongVariable(f"{name} is not a {kind}: {error}", variable=name, type=kind) from error
    return printed


def text_of(values: Any) -> str:
    """Every text among the values, nested ones too: what the fonts must have."""
    if isinstance(values, str):
        return values
    if isinstance(values, Mapping):
        return "".join(map(text_of, values.values()))
    if isinstance(values, list):
        return "".join(map(text_of, values))
    return ""
