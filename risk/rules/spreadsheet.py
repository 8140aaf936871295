"""A decision table as an Excel workbook and back: what a spreadsheet may not say is named with its cell.

One sheet. Row 1 says `input`, `output` or `description` of each column, row 2 its field, row 3 its title; every row
below is one rule. Cells are text in the engine's own language (`"LINE"`, `> 5`, `[1..3]`), numbers, or true and false.
"""

import io
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from xml.etree.ElementTree import ParseError

from openpyxl import Workbook, load_workbook
from openpyxl.cell.cell import Cell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import IllegalCharacterError, InvalidFileException
from openpyxl.worksheet.worksheet import Worksheet

from lending.common.errors import Invalid
from risk.rules.document import Node
from risk.rules.expressions import fault_in_cell, fault_in_expression

MAX_BYTES = 2 * 1024 * 1024
MAX_UNPACKED = 16 * 1024 * 1024
MAX_PARTS = 200
MAX_ROWS, MAX_COLUMNS = 5000, 100
MAX_TOLD = 20
KIND, FIELD, TITLE, FIRST = 1, 2, 3, 4  # rows of the sheet
DOCTYPE = re.compile(rb"<\x00?!\x00?D\x00?O\x00?C", re.IGNORECASE)

Column = tuple[str, str, str]  # kind, field, title


class TooLarge(Invalid):
    """As a file, unpacked, or in rows and columns."""

    code, title = "spreadsheet_too_large", "The spreadsheet is too large"


class NotASpreadsheet(Invalid):
    code, title = "not_a_spreadsheet", "This is no Excel workbook (.xlsx)"


class WrongColumns(Invalid):
    """Data `missing` and `unknown`: columns that the table has and the sheet lacks, and the reverse, with the cell."""

    code, title = "wrong_columns", "The columns are not those of the table"


class WrongCells(Invalid):
    """Data `cells`: `[{cell, code, message}]`, at most 20 of them. `code`: merged, formula, date, empty_row, …"""

    code, title = "wrong_cells", "Some cells cannot be read"


def write(node: Node) -> bytes:
    """The workbook of a table node. Raises WrongCells where a cell holds what no spreadsheet can."""
    columns = _columns(node["content"])
    book = Workbook()
    sheet: Worksheet = book.active
    sheet.title = re.sub(r"[\[\]:*?/\\]", " ", str(node.get("name") or "table"))[:31].strip("' ") or "table"
    for number, ((kind, field, title), _) in enumerate(columns, start=1):
        letter = get_column_letter(number)
        for row, text in ((KIND, kind), (FIELD, field), (TITLE, title)):
            _put(sheet, row, number, text)
        sheet.column_dimensions[letter].width = 48 if kind == "description" else 24
    rules = node["content"].get("rules") or []
    for row, rule in enumerate(rules, start=FIRST):
        for number, (_, id_) in enumerate(columns, start=1):
            _put(sheet, row, number, rule.get(id_) or "")
    for row in (KIND, FIELD, TITLE):
        for cell in sheet[row]:
            cell.font = Font(bold=row != KIND, italic=row == KIND)
            cell.fill = PatternFill("solid", fgColor="EEEEEE")
    sheet.freeze_panes = f"A{FIRST}"
    held = io.BytesIO()
    book.save(held)
    return held.getvalue()


def read(data: bytes, node: Node) -> list[dict[str, str]]:
    """The rules of a workbook for the table `node`, whose columns it must have, in any order.

    A rule that stands there already keeps its `_id`. Raises TooLarge, NotASpreadsheet, WrongColumns, WrongCells.
    """
    sheet = _opened(data)
    if merged := sorted(str(area) for area in sheet.merged_cells.ranges):
        raise _wrong([(area, "merged", "merged cells: a rule has a cell of its own in each column") for area in merged])
    if sheet.max_row > MAX_ROWS * 2 or sheet.max_column > MAX_COLUMNS:
        raise TooLarge(f"The sheet reaches to row {sheet.max_row} and column {get_column_letter(sheet.max_column)}.")
    places = _places(sheet, node["content"])
    rows = _filled(sheet)
    if len(rows) > MAX_ROWS:
        raise TooLarge(f"{len(rows)} rules; a table has at most {MAX_ROWS}.", rows=len(rows))
    faults: list[tuple[str, str, str]] = []
    rules = []
    for row in rows:
        cells = {id_: _text(sheet.cell(row, number), faults) for number, id_, _ in places}
        for number, id_, kind in places:
            faults += _faults_in(sheet.cell(row, number).coordinate, cells[id_], kind)
        if not any(cells.values()):
            faults.append((f"A{row}", "empty_row", "an empty row in between: it would match everything"))
        rules.append(cells)
    if faults:
        raise _wrong(faults)
    return _with_ids(rules, node)


# --- the file ----------------------------------------------------------------------------------------------------


def _opened(data: bytes) -> Worksheet:
    if len(data) > MAX_BYTES:
        raise TooLarge(f"The file has {len(data)} bytes; at most {MAX_BYTES} are read.", bytes=len(data))
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            parts = packed.infolist()
            # Python reads no more of a part than its header announces, so the announced sizes are a bound.
            if sum(part.file_size for part in parts) > MAX_UNPACKED or len(parts) > MAX_PARTS:
                raise TooLarge("Unpacked it would be far larger than any table.")
            for part in parts:
                if DOCTYPE.search(packed.read(part)):
                    raise NotASpreadsheet("It defines entities, which no table does.")
        book = load_workbook(io.BytesIO(data), data_only=False, keep_links=False)
    except (TooLarge, NotASpreadsheet):
        raise
    except (
        *(zipfile.BadZipFile, InvalidFileException, ParseError, KeyError, ValueError, TypeError, AttributeError),
        *(IndexError, NotImplementedError, RuntimeError, EOFError, OSError, zipfile.LargeZipFile),
    ) as error:  # what openpyxl raises for files that are something else
        raise NotASpreadsheet() from error
    sheet = book.worksheets[0] if book.worksheets else None
    if sheet is None:
        raise NotASpreadsheet("The workbook has no sheet.")
    return sheet


def _put(sheet: Worksheet, row: int, number: int, text: str) -> None:
    cell = sheet.cell(row, number)
    try:
        cell.value = text or None
    except IllegalCharacterError as error:
        raise _wrong([(cell.coordinate, "illegal_character", "a control character, which no sheet holds")]) from error
    if text:
        cell.data_type = "s"  # also what begins with "=": it is an expression, not a formula
    cell.number_format = "@"
    cell.alignment = Alignment(wrap_text=True, vertical="top")


# --- columns -----------------------------------------------------------------------------------------------------


def _columns(content: Mapping[str, Any]) -> list[tuple[Column, str]]:
    """((kind, field, title), id) of each column, the description last."""
    found: list[tuple[Column, str]] = [
        ((kind, str(column.get("field") or ""), str(column.get("name") or "")), str(column.get("id")))
        for kind, part in (("input", "inputs"), ("output", "outputs"))
        for column in content.get(part) or []
    ]
    return [*found, (("description", "", "Description"), "_description")]


def _places(sheet: Worksheet, content: Mapping[str, Any]) -> list[tuple[int, str, str]]:
    """(number of the column in the sheet, id, kind) for each column of the table. Raises WrongColumns."""
    columns = _columns(content)
    wanted: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
    for (kind, field, title), id_ in columns:
        wanted[kind, _known_by(kind, field, title)].append((id_, kind))
    found: list[tuple[int, str, str]] = []
    unknown: list[str] = []
    for number in range(1, sheet.max_column + 1):
        kind, field, title = (str(sheet.cell(row, number).value or "").strip() for row in (KIND, FIELD, TITLE))
        if not (kind or field or title):
            if any(sheet.cell(row, number).value not in (None, "") for row in range(FIRST, sheet.max_row + 1)):
                unknown.append(f"{get_column_letter(number)}: cells without a heading")
            continue
        waiting = wanted.get((kind.lower(), _known_by(kind.lower(), field, title)))
        if not waiting:
            unknown.append(f"{get_column_letter(number)}: {' '.join(part for part in (kind, field, title) if part)}")
            continue
        id_, kind = waiting.pop(0)
        found.append((number, id_, kind))
    missing = [f"{kind} {name}".strip() for (kind, name), left in wanted.items() for _ in left if kind != "description"]
    if missing or unknown:
        told = [f"missing: {', '.join(missing)}"] if missing else []
        told += [f"unknown: {', '.join(unknown)}"] if unknown else []
        raise WrongColumns(
            "; ".join(told) + ". Add or remove columns in the editor first.", missing=missing, unknown=unknown
        )
    return found


def _known_by(kind: str, field: str, title: str) -> str:
    """A column is known by its field; one without a field (its cells are whole conditions) by its title."""
    return "" if kind == "description" else field or title


# --- cells -------------------------------------------------------------------------------------------------------


def _filled(sheet: Worksheet) -> list[int]:
    """Rows of rules, down to the last that holds anything."""
    last = FIRST - 1
    for (row, _), cell in sheet._cells.items():  # only what is there: a sheet may claim a million empty rows
        if row > last and cell.value not in (None, ""):
            last = row
    return list(range(FIRST, last + 1))


def _text(cell: Cell, faults: list[tuple[str, str, str]]) -> str:
    """A cell in the engine's language; what it cannot be goes to `faults`."""
    value, at = cell.value, cell.coordinate
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return str(int(value)) if value.is_integer() else format(Decimal(repr(value)), "f")
        case datetime() | date() | time():
            faults.append((at, "date", 'a date: write it as text, such as "2026-01-31"'))
            return ""
        case str() if cell.data_type == "e":
            faults.append((at, "error", f"the error {value}"))
            return ""
        case str() if cell.data_type != "f":
            return value.strip()
    faults.append((at, "formula", "a formula: paste its value"))
    return ""


def _faults_in(at: str, text: str, kind: str) -> Iterator[tuple[str, str, str]]:
    if not text or kind == "description":
        return
    fault = fault_in_cell(text) if kind == "input" else fault_in_expression(text)
    if fault:
        yield at, fault[0], f"{text!r}: {fault[1]}"


def _wrong(faults: Sequence[tuple[str, str, str]]) -> WrongCells:
    at, _, message = faults[0]
    more = f" And {len(faults) - 1} more." if len(faults) > 1 else ""
    cells = [dict(zip(("cell", "code", "message"), fault, strict=True)) for fault in faults[:MAX_TOLD]]
    return WrongCells(f"{at}: {message}.{more} Nothing was changed.", cells=cells)


def _with_ids(rules: list[dict[str, str]], node: Node) -> list[dict[str, str]]:
    """Each rule with the id of the equal one that stands in the table, else a number that is free."""
    standing: dict[tuple[str, ...], list[str]] = defaultdict(list)
    ids = [id_ for _, id_ in _columns(node["content"])]
    for rule in node["content"].get("rules") or []:
        standing[tuple(str(rule.get(id_) or "").strip() for id_ in ids)].append(str(rule.get("_id") or ""))
    taken = {id_ for left in standing.values() for id_ in left}
    free = (name for number in range(1, len(rules) + len(taken) + 1) if (name := f"row-{number}") not in taken)
    found = []
    for rule in rules:
        same = standing.get(tuple(rule.get(id_, "") for id_ in ids))
        found.append({"_id": (same.pop(0) if same else "") or next(free), "_description": "", **rule})
    return found
