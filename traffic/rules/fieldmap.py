"""A channel's words for what it sends, as configuration: {its name: {to, as, required, words}}. Pure.

`to`: our name, among FIELDS; `as`: how it is written, where not as ours ("yuan" for cents); `words`: its words
for ours.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from lending.common.errors import Invalid
from lending.common.money import NotMoney, cents

MAX_CENTS = 10**12
ORDER_ID = re.compile(r"[\x21-\x7e]{1,64}")


class BadFields(Invalid):
    code, title = "invalid", "Some fields are not valid"


def _text(longest: int) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str) or not value.strip() or len(value) > longest:
            raise ValueError(f"a text of at most {longest} characters")
        return value.strip()

    return read


def _order_id(value: Any) -> str:
    if not isinstance(value, str) or not ORDER_ID.fullmatch(value):
        raise ValueError("1 to 64 visible ASCII characters, no blanks")
    return value


def _whole(most: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            raise ValueError(f"a whole number from 0 to {most}")
        return value

    return read


def _yuan(value: Any) -> int:
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise NotMoney
        found = cents(Decimal(repr(value)) if isinstance(value, float) else value)
    except NotMoney:
        raise ValueError("yuan with at most two decimals") from None
    if not 0 <= found <= MAX_CENTS:
        raise ValueError("yuan, not negative")
    return found


def _date(value: Any) -> date:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError("a date, YYYY-MM-DD") from None


def _contacts(value: Any) -> list[dict[str, str]]:
    names = {"relation", "name", "phone"}
    good = isinstance(value, list) and 1 <= len(value) <= 5
    if not good or not all(
        isinstance(one, dict) and one.keys() == names and all(isinstance(word, str) for word in one.values())
        for one in value
    ):
        raise ValueError("a list of one to five {relation, name, phone}")
    return [{name: one[name][:100] for name in names} for one in value]


FIELDS: dict[str, Callable[[Any], Any]] = {
    "order_id": _order_id,
    "phone": _text(20),
    "product": _text(20),
    "amount_cents": _whole(MAX_CENTS),
    "months": _whole(360),
    "method": _text(20),
    "purpose": _text(20),
    "name": _text(50),
    "id_number": _text(18),
    "id_expires_on": _date,
    "province": _text(10),
    "city": _text(50),
    "address": _text(200),
    "employment": _text(20),
    "employer": _text(100),
    "job": _text(50),
    "net_income_cents": _whole(MAX_CENTS),
    "instalments_elsewhere_cents": _whole(MAX_CENTS),
    "contacts": _contacts,
}
WRITTEN: dict[str, Callable[[Any], Any]] = {"yuan": _yuan}
NEEDED = ("order_id", "phone", "product", "amount_cents", "months")
DETAILS = tuple(list(FIELDS)[list(FIELDS).index("name") : list(FIELDS).index("contacts")])


def problems(declared: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What is wrong with a map; nothing where it can be used."""
    targets = [str(row.get("to")) for row in declared.values()]
    found = [f"{name}: there is no {row.get('to')}" for name, row in declared.items() if row.get("to") not in FIELDS]
    found += [
        f"{name}: nothing is written as {row['as']}"
        for name, row in declared.items()
        if row.get("as", "yuan") not in WRITTEN
    ]
    found += [
        f"{name}: no such part of a field"
        for name, row in declared.items()
        if row.keys() - {"to", "as", "required", "words"}
    ]
    found += [f"{target} is filled twice" for target in sorted({one for one in targets if targets.count(one) > 1})]
    needed = {str(row.get("to")) for row in declared.values() if row.get("required")}
    return found + [f"{name} must be required" for name in NEEDED if name not in needed]


def read(declared: Mapping[str, Mapping[str, Any]], body: Any) -> dict[str, Any]:
    """What was sent, by our names. Raises BadFields naming each field as the channel does, unknown ones too."""
    if not isinstance(body, dict):
        raise BadFields("Send one object.", fields={"": "not an object"})
    wrong = dict.fromkeys((name[:60] for name in body if name not in declared), "unknown field")
    found: dict[str, Any] = {}
    for name, row in declared.items():
        value = body.get(name)
        if value is None:
            if row.get("required"):
                wrong[name] = "missing"
            continue
        try:
            found[row["to"]] = _one(row, value)
        except ValueError as error:
            wrong[name] = str(error)
    if wrong:
        raise BadFields(f"See {', '.join(sorted(wrong))}.", fields=wrong)
    return found


def _one(row: Mapping[str, Any], value: Any) -> Any:
    words = row.get("words")
    if words:
        if not isinstance(value, str) or value not in words:
            raise ValueError("one of " + ", ".join(words))
        value = words[value]
    return (WRITTEN[row["as"]] if "as" in row else FIELDS[row["to"]])(value)


def outward(declared: Mapping[str, Mapping[str, Any]], fields: Mapping[str, str]) -> dict[str, str]:
    """Messages by our names as messages by the channel's; a name that the channel has none for stays."""
    names = {str(row["to"]): name for name, row in declared.items()}
    told = {}
    for field, message in fields.items():
        head, _, rest = field.partition(".")
        head, rest = ("contacts", field) if head.isdigit() else (head, rest)
        told[".".join(part for part in (names.get(head, head), rest) if part)] = message
    return told
