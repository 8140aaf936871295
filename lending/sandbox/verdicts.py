"""Which rows of the sample get the same verdict of the shipped strategy whatever their person asks for.

People who are not of the demo are mapped to these rows: the digits of an ID number decide, not the amount typed.
"""

import json
from collections.abc import Iterator
from typing import Any

from risk.rules import sample, strategy

from . import applicants

WORDS = {"approved": "approve", "referred": "refer", "declined": "decline"}
ASKED = (  # product, yuan, months, income declared: the corners of what somebody may type, the hardest first
    ("ONCE", 50_000, 24, 50_000),
    ("ONCE", 1_000, 6, 5_000),
    ("BIZ", 100_000, 12, 50_000),
    ("LINE", 30_000, 6, 12_000),
    ("BIZ", 5_000, 6, 5_000),
    ("LINE", 10_000, 12, 12_000),
    ("LINE", 1_000, 18, 50_000),
    ("LINE", 20_000, 24, 8_000),
)
OPTIONAL = ("phone3", "phone_list", "device")  # sources that an installation may switch off


def by_verdict() -> dict[str, tuple[int, ...]]:
    """Rows whose own application, and every one of ASKED without the OPTIONAL sources, end in the same outcome."""
    found: dict[str, list[int]] = {name: [] for name in WORDS}
    names = {word: name for name, word in WORDS.items()}
    unknown = {name: None for name, each in strategy.catalogue().items() if each.source in OPTIONAL}
    for row in applicants.rows():
        values = strategy.inputs_of(row)
        own = strategy.decide(values)
        if all(strategy.decide(values | unknown | asked).outcome == own.outcome for asked in _requests()):
            found[names[own.outcome]].append(row.number)
    return {name: tuple(rows) for name, rows in found.items()}


def as_text() -> str:
    """The content of `personas.json`: one verdict a line."""
    lines = (f'  "{name}": {json.dumps(rows)}' for name, rows in by_verdict().items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _requests() -> Iterator[dict[str, Any]]:
    for product, amount, months, income in ASKED:
        low, high, step = sample.AMOUNTS[product]
        yield {
            "product": product,
            "purpose": "business" if product == "BIZ" else "consumer",
            "amount_cents": amount * 100,
            "months": months,
            "product_min_cents": low * 100,
            "product_max_cents": high * 100,
            "product_step_cents": step * 100,
            "product_terms": list(sample.TERMS[product]),
            "declared_income_cents": income * 100,
            "declared_instalments_cents": 0,
            "age_years": 36,
            "province": "ZJ",
        }
