"""A rule as a sentence: "device_accounts_7d ≥ 5 → decline F02 · unknown: pass"."""

from collections.abc import Mapping
from typing import Any

from lending.common.money import format_cents
from risk.rules.ruleset import is_group

SIGNS = {"<=": "≤", ">=": "≥", "!=": "≠"}


def say(rule: Mapping[str, Any], units: Mapping[str, str]) -> str:
    """`units` by variable: amounts in cents are said in yuan. Half-written rules are said as far as they go."""
    tag = f" · tag: {rule['tag']}" if rule.get("tag") else ""
    act = " ".join(str(rule.get(name) or "…") for name in ("action", "reason"))
    return f"{condition(rule.get('when'), units)} → {act}{tag} · unknown: {rule.get('unknown') or '…'}"


def condition(when: Any, units: Mapping[str, str], *, inner: bool = False) -> str:
    if not isinstance(when, dict) or not when:
        return "…"
    if is_group(when):
        word = "all" if "all" in when else "any"
        parts = [condition(part, units, inner=True) for part in when[word]]
        said = (" and " if word == "all" else " or ").join(parts) or "…"
        return f"({said})" if inner and len(parts) > 1 else said
    if "operator" in when:
        return _one(when.get("variable"), when["operator"], when.get("value"), units)
    pairs = [
        (name, *(test if isinstance(test, list) and len(test) == 2 else ("…", None))) for name, test in when.items()
    ]
    return " and ".join(_one(name, operator, value, units) for name, operator, value in pairs)


def _one(variable: Any, operator: Any, value: Any, units: Mapping[str, str]) -> str:
    name = str(variable or "…")
    if operator == "is unknown":
        return f"{name} is unknown"
    said = (
        " and ".join(_value(end, units.get(name, "")) for end in value)
        if operator == "between" and isinstance(value, list)
        else _value(value, units.get(name, ""))
    )
    return f"{name} {SIGNS.get(str(operator), operator or '…')} {said}"


def _value(value: Any, unit: str) -> str:
    if isinstance(value, list):
        return ", ".join(_value(each, unit) for each in value) or "…"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "…"
    return format_cents(value) if unit == "cents" and isinstance(value, int) else str(value)
