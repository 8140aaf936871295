"""Which reason codes a flow may answer with, and whether somebody declined for them could be told why."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from risk.rules.document import Flow

CODE = re.compile(r"""['"]([A-Z]\d{2})['"]""")


@dataclass(frozen=True)
class ReasonText:
    """A row of the register of reasons."""

    code: str
    reason_class: str
    reapply_days: int | None
    distribute: bool
    borrower_en: str
    borrower_zh: str


def codes_of(flow: Flow) -> list[str]:
    """Every reason code that stands as a text in a cell, expression or condition, in the order of the graph."""
    found: dict[str, None] = {}
    for text in _texts(flow):
        found |= dict.fromkeys(CODE.findall(text))
    return list(found)


def faults(codes: Iterable[str], register: Mapping[str, ReasonText]) -> Iterator[tuple[str, str]]:
    """(code, what is missing) for reasons that no borrower could be told. No days until a new application: never."""
    for code in codes:
        row = register.get(code)
        if row is None:
            yield code, f"{code} is not in the register of reasons"
        elif not row.borrower_en.strip() or not row.borrower_zh.strip():
            yield code, f"{code} has no text for the borrower in both languages"
        elif not row.reason_class.strip():
            yield code, f"{code} has no class"


def _texts(flow: Flow) -> Iterator[str]:
    for node in flow.nodes:
        content = node.get("content")
        if isinstance(content, dict) and node.get("type") != "inputNode":
            yield json.dumps(content, ensure_ascii=False).replace('\\"', '"')
