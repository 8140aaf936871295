"""Datasets as CSV text: read by the catalogue's types with every error named, and written so that it reads back.

Header: `ref` (optional: a row's own name), names of variables, `bad` (optional: 1 bad, 0 good, empty not known yet) and
`group:NAME` (what fairness is measured by and nothing is decided by). Lists are separated by blanks, an empty cell is
unknown. A row: `{"ref", "inputs": {variable: value}, "bad": true | false | null, "groups": {name: text}}`.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from risk.rules.catalogue import PROTECTED, VariableSpec

MAX_BYTES = 20 * 1024 * 1024
MAX_ROWS = 200_000
SHOWN_ERRORS = 50
TEXT_LENGTH = 200
GROUP = "group:"
WHOLE = re.compile(r"[+-]?\d{1,18}")
GROUP_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
YES, NO = frozenset({"1", "true", "yes"}), frozenset({"0", "false", "no"})
FORMULA = ("=", "+", "-", "@", "\t")  # a spreadsheet would calculate a text that begins so

Row = dict[str, Any]


@dataclass(frozen=True)
class Fault:
    """One thing wrong: `line` counts from 1, the header's, and is 0 for the file as a whole; `column` as written."""

    line: int
    column: str
    code: str
    message: str


class Unreadable(ValueError):
    """`faults`: at most SHOWN_ERRORS of them, in the order of the file; `more`: whether there were others."""

    def __init__(self, faults: Sequence[Fault], more: bool = False) -> None:
        first = faults[0]
        where = f"line {first.line}, {first.column}: " if first.line else ""
        super().__init__(f"{where}{first.message}")
        self.faults, self.more = tuple(faults), more


@dataclass(frozen=True)
class Table:
    """`variables` and `groups` in the order of the file."""

    variables: tuple[str, ...]
    groups: tuple[str, ...]
    has_outcome: bool
    rows: tuple[Row, ...]


class _Faults:
    def __init__(self) -> None:
        self.found: list[Fault] = []
        self.more = False

    def add(self, line: int, column: str, code: str, message: str) -> None:
        if len(self.found) < SHOWN_ERRORS:
            self.found.append(Fault(line, column, code, message))
        else:
            self.more = True

    def stop(self) -> None:
        if self.found:
            raise Unreadable(self.found, self.more)


def read(content: bytes, catalogue: Mapping[str, VariableSpec]) -> Table:
    """Read a CSV file, whole or not at all: comma, semicolon or tab; UTF-8, or UTF-16 with its mark.

    Raises Unreadable.
    """
    faults = _Faults()
    text = _decoded(content, faults)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        columns = _columns(header, catalogue, faults)
        faults.stop()
        rows = tuple(_rows(reader, header, columns, faults))
    except csv.Error as error:
        faults.add(reader.line_num, "", "broken_csv", f"Not readable as CSV: {error}.")
    faults.stop()
    if not rows:
        raise Unreadable([Fault(0, "", "no_rows", "There are no rows below the header.")])
    return Table(
        variables=tuple(name for name in header if name in catalogue),
        groups=tuple(name.removeprefix(GROUP) for name in header if name.startswith(GROUP)),
        has_outcome=any(row["bad"] is not None for row in rows),
        rows=rows,
    )


def write(*, variables: Sequence[str], groups: Sequence[str], rows: Iterable[Row], bad: bool = True) -> Iterator[str]:
    """The CSV text line by line, header first; `read` gives the same rows back."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)

    def line(cells: Sequence[str]) -> str:
        buffer.seek(0)
        buffer.truncate()
        writer.writerow(cells)
        return buffer.getvalue()

    yield line(["ref", *variables, *(["bad"] if bad else []), *(GROUP + name for name in groups)])
    for row in rows:
        outcome = [] if not bad else ["" if row["bad"] is None else str(int(row["bad"]))]
        yield line(
            [
                _guarded(row["ref"]),
                *(_written(row["inputs"].get(name)) for name in variables),
                *outcome,
                *(_guarded(row["groups"].get(name) or "") for name in groups),
            ]
        )


def summary(rows: Iterable[Row], variables: Sequence[str], groups: Sequence[str]) -> tuple[dict[str, int], int, int]:
    """(how many rows know each variable and group, rows with an outcome, bad ones)."""
    known = dict.fromkeys([*variables, *(GROUP + name for name in groups)], 0)
    told = bad = 0
    for row in rows:
        for name in variables:
            known[name] += row["inputs"].get(name) is not None
        for name in groups:
            known[GROUP + name] += bool(row["groups"].get(name))
        told += row["bad"] is not None
        bad += row["bad"] is True
    return known, told, bad


def _decoded(content: bytes, faults: _Faults) -> str:
    if len(content) > MAX_BYTES:
        raise Unreadable([Fault(0, "", "too_large", f"The file is larger than {MAX_BYTES // 1024 // 1024} MB.")])
    encoding = "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        message = "Neither UTF-8 nor UTF-16: save the file as “CSV UTF-8”."
        raise Unreadable([Fault(line, "", "encoding", message)]) from error
    if "\0" in text:
        raise Unreadable([Fault(0, "", "not_text", "This is no text file: it holds zero bytes.")])
    if not text.strip():
        raise Unreadable([Fault(0, "", "empty", "The file is empty.")])
    faults.stop()
    return text


def _delimiter(text: str) -> str:
    first = text.split("\n", 1)[0]
    return max((",", ";", "\t"), key=first.count)


Read = Callable[[str], Any]


def _columns(header: Sequence[str], catalogue: Mapping[str, VariableSpec], faults: _Faults) -> list[tuple[str, Read]]:
    """(kind, reader) per column."""
    columns: list[tuple[str, Read]] = []
    seen: set[str] = set()
    for place, name in enumerate(header, start=1):
        if name in seen:
            faults.add(1, name, "duplicate_column", f"The column {name!r} stands there twice.")
        seen.add(name)
        if name == "ref":
            columns.append(("ref", _text))
        elif name == "bad":
            columns.append(("bad", _yes_or_no))
        elif name.startswith(GROUP):
            if not GROUP_NAME.fullmatch(name.removeprefix(GROUP)):
                faults.add(1, name, "bad_group", "A group is named in small letters, digits and underscores.")
            columns.append(("group", _text))
        elif name in catalogue:
            columns.append(("input", READERS[catalogue[name].type]))
        elif name.lower() in PROTECTED:
            message = f"Nobody is decided by {name}: give it as “{GROUP}{name.lower()}”, for the fairness table alone."
            faults.add(1, name, "protected_column", message)
        elif not name:
            faults.add(1, f"column {place}", "no_name", f"Column {place} has no name.")
        else:
            faults.add(1, name, "unknown_variable", f"{name!r} is no variable of the catalogue.")
    if not faults.found and not any(kind == "input" for kind, _ in columns):
        faults.add(1, "", "no_variables", "No column is a variable of the catalogue.")
    return columns


def _rows(reader: Any, header: Sequence[str], columns: Sequence[tuple[str, Read]], faults: _Faults) -> Iterator[Row]:
    refs: set[str] = set()
    count = 0
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        line = reader.line_num
        count += 1
        if count > MAX_ROWS:
            raise Unreadable([Fault(line, "", "too_many_rows", f"More than {MAX_ROWS:,} rows.")])
        if len(cells) != len(columns):
            faults.add(line, "", "wrong_width", f"{len(cells)} cells under {len(columns)} columns.")
            continue
        row: Row = {"ref": str(count), "inputs": {}, "bad": None, "groups": {}}
        for name, (kind, convert), cell in zip(header, columns, cells, strict=True):
            try:
                value = convert(cell.strip()) if cell.strip() else None
            except ValueError as error:
                faults.add(line, name, "wrong_type", f"{cell.strip()[:40]!r} {error}.")
                continue
            if kind == "input":
                row["inputs"][name] = value
            elif kind == "group":
                row["groups"] |= {name.removeprefix(GROUP): value} if value else {}
            elif value is not None:
                row[kind] = value
        if row["ref"] in refs:
            faults.add(line, "ref", "duplicate_ref", f"{row['ref'][:40]!r} stands there twice.")
        refs.add(row["ref"])
        yield row


def _whole(cell: str) -> int:
    if not WHOLE.fullmatch(cell):
        raise ValueError("is no whole number (money is written in cents)")
    return int(cell)


def _yes_or_no(cell: str) -> bool:
    if cell.lower() in YES:
        return True
    if cell.lower() in NO:
        return False
    raise ValueError("is neither 1 nor 0")


def _text(cell: str) -> str:
    if len(cell) > TEXT_LENGTH:
        raise ValueError(f"is longer than {TEXT_LENGTH} characters")
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(FORMULA) else cell


def _date(cell: str) -> str:
    try:
        known = date.fromisoformat(cell).isoformat()
    except ValueError:
        known = ""
    if known != cell:
        raise ValueError("is no date as 2026-09-07")
    return cell


READERS: dict[str, Read] = {
    "int": _whole,
    "bool": _yes_or_no,
    "text": _text,
    "date": _date,
    "int_list": lambda cell: [_whole(part) for part in cell.split()],
    "text_list": lambda cell: [_text(part) for part in cell.split()],
}


def _guarded(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text


def _written(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, list):
        return " ".join(_written(part) for part in value)
    return _guarded(value) if isinstance(value, str) else str(value)
