"""A decision table goes to Excel and comes back the same; what a spreadsheet may not say is named with its cell."""

import io
import zipfile
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from risk.rules import jdm, spreadsheet

NODE = jdm.table(
    "limit",
    ["grade", "card.score"],
    ["limit_cents"],
    [
        {"grade": '"A"', "card.score": "> 700", "limit_cents": "5000000"},
        {"grade": '"A", "B"', "card.score": "[600..700]", "limit_cents": "amount_cents * 2"},
        {"limit_cents": "0"},
    ],
)
Change = Callable[[Worksheet], object]


def changed(change: Change, node: dict[str, Any] = NODE) -> bytes:
    """The table's workbook after somebody worked on it."""
    book = load_workbook(io.BytesIO(spreadsheet.write(node)))
    change(book.active)
    held = io.BytesIO()
    book.save(held)
    return held.getvalue()


def put(cell: str, value: object) -> Change:
    return lambda sheet: sheet.__setitem__(cell, value)


class TestRoundTrip:
    def test_changes_nothing(self) -> None:
        assert spreadsheet.read(spreadsheet.write(NODE), NODE) == NODE["content"]["rules"]

    def test_says_what_each_column_is(self) -> None:
        sheet = load_workbook(io.BytesIO(spreadsheet.write(NODE))).active
        assert [cell.value for cell in sheet[1]] == ["input", "input", "output", "description"]
        assert [cell.value for cell in sheet[2]] == ["grade", "card.score", "limit_cents", None]

    def test_keeps_an_expression_that_begins_like_a_formula_as_text(self) -> None:
        node = jdm.table("t", ["a"], ["b"], [{"a": "== 1", "b": "1"}])
        sheet = load_workbook(io.BytesIO(spreadsheet.write(node))).active
        assert (sheet["A4"].data_type, sheet["A4"].value) == ("s", "== 1")

    def test_takes_columns_in_any_order(self) -> None:
        book = Workbook()
        for row in (["output", "input", "input"], ["limit_cents", "card.score", "grade"], [], [1, "> 1", '"A"']):
            book.active.append(row)
        held = io.BytesIO()
        book.save(held)
        [rule] = spreadsheet.read(held.getvalue(), NODE)
        assert (rule["limit-in-grade"], rule["limit-in-card.score"], rule["limit-out-limit_cents"]) == (
            '"A"',
            "> 1",
            "1",
        )

    def test_reads_numbers_and_yes_or_no_as_the_engine_writes_them(self) -> None:
        data = changed(lambda sheet: sheet.append([True, 0.1, 5_000_000.0, "by hand"]))
        assert list(spreadsheet.read(data, NODE)[-1].values())[1:] == ["by hand", "true", "0.1", "5000000"]

    def test_a_new_row_gets_an_id_and_the_others_keep_theirs(self) -> None:
        data = changed(lambda sheet: sheet.append(['"C"', "", "1"]))
        ids = [rule["_id"] for rule in spreadsheet.read(data, NODE)]
        assert ids[:3] == ["limit-1", "limit-2", "limit-3"]
        assert len(set(ids)) == 4

    def test_a_column_of_whole_conditions_is_known_by_its_title(self) -> None:
        node = jdm.table("t", ["a"], ["b"], [{"a": "x > y", "b": "1"}])
        node["content"]["inputs"][0] |= {"field": "", "name": "Condition"}
        assert spreadsheet.read(spreadsheet.write(node), node) == node["content"]["rules"]

    def test_empty_rows_at_the_end_are_nothing(self) -> None:
        assert len(spreadsheet.read(changed(put("A900", "")), NODE)) == 3


class TestCells:
    @pytest.mark.parametrize(
        ("change", "cell", "code"),
        [
            (lambda sheet: sheet.merge_cells("A4:A5"), "A4:A5", "merged"),
            (put("C4", "=1+1"), "C4", "formula"),
            (put("B5", "#N/A"), "B5", "error"),
            (put("A5", date(2026, 1, 31)), "A5", "date"),
            (put("B4", "> (5"), "B4", "broken"),
            (put("C5", "1 +"), "C5", "broken"),
            (put("C5", "date('now')"), "C5", "clock"),
            (put("A8", '"Z"'), "A7", "empty_row"),
        ],
    )
    def test_that_cannot_be_read_are_named(self, change: Change, cell: str, code: str) -> None:
        with pytest.raises(spreadsheet.WrongCells) as caught:
            spreadsheet.read(changed(change), NODE)
        told = caught.value.data["cells"][0]
        assert (told["cell"], told["code"]) == (cell, code)
        assert cell in caught.value.detail

    def test_are_all_named_up_to_twenty(self) -> None:
        def breaks(sheet: Worksheet) -> None:
            for row in range(4, 40):
                sheet[f"B{row}"] = "> ("

        with pytest.raises(spreadsheet.WrongCells) as caught:
            spreadsheet.read(changed(breaks), NODE)
        assert len(caught.value.data["cells"]) == 20
        assert "And 35 more." in caught.value.detail


class TestColumns:
    @pytest.mark.parametrize(
        ("change", "missing", "unknown"),
        [
            (lambda sheet: sheet.delete_cols(2), ["input card.score"], []),
            (put("A2", "colour"), ["input grade"], ["A: input colour grade"]),
            (put("A1", "output"), ["input grade"], ["A: output grade grade"]),
            (put("F4", "1"), [], ["F: cells without a heading"]),
            (
                lambda sheet: [sheet.cell(row, 5, sheet.cell(row, 1).value) for row in (1, 2, 3)],
                [],
                ["E: input grade grade"],
            ),
        ],
    )
    def test_that_are_not_the_tables_are_named(self, change: Change, missing: list[str], unknown: list[str]) -> None:
        with pytest.raises(spreadsheet.WrongColumns) as caught:
            spreadsheet.read(changed(change), NODE)
        assert (caught.value.data["missing"], caught.value.data["unknown"]) == (missing, unknown)


def packed(parts: dict[str, bytes]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return held.getvalue()


def repacked(change: Callable[[bytes], bytes]) -> bytes:
    """The table's workbook with its sheet's XML changed."""
    with zipfile.ZipFile(io.BytesIO(spreadsheet.write(NODE))) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    return packed({name: change(part) if name.endswith("sheet1.xml") else part for name, part in parts.items()})


class TestFiles:
    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"grade,limit\nA,1\n",
            b"PK\x03\x04 and then nothing",
            packed({"word/document.xml": b"<document/>"}),
            spreadsheet.write(NODE)[:-200],
            repacked(lambda part: part[: len(part) // 2]),
            repacked(lambda part: b'<!DOCTYPE x [<!ENTITY a "b">]>' + part),
        ],
    )
    def test_that_are_something_else_are_refused(self, data: bytes) -> None:
        with pytest.raises(spreadsheet.NotASpreadsheet):
            spreadsheet.read(data, NODE)

    @pytest.mark.parametrize(
        "data",
        [
            b"PK" + b"\0" * (20 * 1024 * 1024),
            packed({"xl/worksheets/sheet1.xml": b"0" * (17 * 1024 * 1024)}),
            packed({f"xl/{number}.xml": b"" for number in range(300)}),
            changed(put("A1048576", '"A"')),
            changed(put("XFD1", "input")),
            changed(lambda sheet: [sheet.append(['"A"', "> 1", "1"]) for _ in range(5000)]),
        ],
        ids=["20 MB", "bomb", "parts", "rows", "columns", "rules"],
    )
    def test_that_are_too_large_are_refused(self, data: bytes) -> None:
        with pytest.raises(spreadsheet.TooLarge):
            spreadsheet.read(data, NODE)

    def test_of_five_thousand_rules_are_read(self) -> None:
        data = changed(lambda sheet: [sheet.append(['"A"', "> 1", "1"]) for _ in range(4997)])
        assert len(spreadsheet.read(data, NODE)) == 5000
