"""Values that fill in a template for whoever looks at it, by type alone. Pure."""

from collections.abc import Mapping
from typing import Any

from contracts.rules.variables import is_optional, plain_type

OF_TYPE: dict[str, Any] = {
    "money": 1_234_567,
    "rate": "0.144",
    "count": 12,
    "date": "2026-03-02",
    "instant": "2026-03-02T10:00:00+08:00",
    "flag": True,
}
PLAN = [
    {
        "number": number,
        "due": f"2026-{number + 3:02d}-02",
        "principal_cents": 400_000,
        "interest_cents": 12_000 - 4_000 * number,
        "fee_cents": 1_000,
        "total_cents": 413_000 - 4_000 * number,
        "balance_cents": 1_200_000 - 400_000 * number,
    }
    for number in (1, 2, 3)
]


def sample(declared: Mapping[str, str], *, without_optional: bool = False) -> dict[str, Any]:
    """A value of its type for each name: of a text its own name. `without_optional`: what may be missing is."""
    found = {}
    for name, kind in declared.items():
        plain = plain_type(kind)
        value = PLAN if plain == "plan" else OF_TYPE.get(plain, f"〔{name}〕")
        found[name] = None if without_optional and is_optional(kind) else value
    return found
