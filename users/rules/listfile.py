"""Files of list entries: CSV with the columns below, read line by line; every fault is told, with its line. Pure."""

from dataclasses import dataclass
from datetime import date

from users.rules import csvfile
from users.rules.csvfile import BadFile, Table

REQUIRED = ("kind", "subject", "value", "reason", "until")
OPTIONAL = ("source",)
MAX_BYTES = 2_000_000
MAX_LINES = 5_000


@dataclass(frozen=True)
class Line:
    """One entry as written; `number` is its line in the file, the head being 1. `until`: the last day it holds."""

    number: int
    kind: str
    subject: str
    value: str
    source: str
    reason: str
    until: date


TOO_LARGE = f"The file has more than {MAX_BYTES // 1_000_000} MB: split it."


def read(content: bytes) -> list[Line]:
    """Raises BadFile: too large, not UTF-8, not CSV, columns, empty fields, days that are none."""
    return csvfile.read(content, _lines, max_bytes=MAX_BYTES, too_large=TOO_LARGE)


def _lines(table: "Table[str]") -> list[Line]:
    head = [name.strip() for name in table.fieldnames or ()]
    wrong = [f"The column {name} is missing." for name in REQUIRED if name not in head]
    wrong += [f"There is no column {name!r} here." for name in head if name not in REQUIRED + OPTIONAL]
    wrong += [f"The column {name} stands twice." for name in sorted({name for name in head if head.count(name) > 1})]
    if wrong:
        raise BadFile([(1, fault) for fault in wrong])
    table.fieldnames = head
    faults: list[tuple[int, str]] = []
    found: list[Line] = []
    for row in table:
        if len(found) + len(faults) >= MAX_LINES:
            raise BadFile([(0, f"The file has more than {MAX_LINES:,} lines: split it.")])
        number = table.line_num
        told = {name: (value or "").strip() for name, value in row.items() if name != "+"}
        empty = [name for name in REQUIRED if not told[name]]
        if "+" in row:
            faults.append((number, "More fields than columns: put quotes around a text with commas."))
        elif empty:
            faults.append((number, f"Empty: {', '.join(empty)}."))
        elif (until := _day(told["until"])) is None:
            faults.append((number, "until is no day: write 2027-01-31."))
        else:
            source = told.get("source") or "manual"
            found.append(Line(number, told["kind"], told["subject"], told["value"], source, told["reason"], until))
    if not (found or faults):
        raise BadFile([(0, "The file has no lines.")])
    if faults:
        raise BadFile(faults)
    return found


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == len("2027-01-31") else None
    except ValueError:
        return None
