"""Files of list entries: CSV with the columns below, read line by line; every fault is told, with its line. Pure."""

import csv
import io
from dataclasses import dataclass
from datetime import date

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


class BadFile(ValueError):
    """`faults`: (line, what is wrong), 0 for the file as a whole. No value is repeated in them."""

    def __init__(self, faults: list[tuple[int, str]]) -> None:
        super().__init__("; ".join(f"line {line}: {fault}" if line else fault for line, fault in faults[:3]))
        self.faults = faults


def read(content: bytes) -> list[Line]:
    """Raises BadFile: too large, not UTF-8, not CSV, columns, empty fields, days that are none."""
    if len(content) > MAX_BYTES:
        raise BadFile([(0, f"The file has more than {MAX_BYTES // 1_000_000} MB: split it.")])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadFile([(0, "The file is not UTF-8 text: save it as CSV UTF-8.")]) from None
    if "\0" in text:
        raise BadFile([(0, "The file is not text: save it as CSV.")])
    table = csv.DictReader(io.StringIO(text), strict=True, restkey="+", restval="")
    try:
        return _lines(table)
    except csv.Error as error:
        raise BadFile([(table.reader.line_num, f"Not CSV: {error}.")]) from None


def _lines(table: "csv.DictReader[str]") -> list[Line]:
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
