"""CSV in and out: what is wrong is named with its line and column, what is right comes back the same."""

from typing import Any

import pytest

from risk.rules import tabular
from risk.rules.catalogue import VariableSpec

CATALOGUE = {
    name: VariableSpec(name, kind, True, "", "")
    for name, kind in {
        "months": "int",
        "savings": "text",
        "black_listed": "bool",
        "as_of": "date",
        "product_terms": "int_list",
        "earlier_tags": "text_list",
    }.items()
}


def faults(text: str | bytes) -> list[tuple[int, str, str]]:
    content = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(tabular.Unreadable) as refused:
        tabular.read(content, CATALOGUE)
    return [(fault.line, fault.column, fault.code) for fault in refused.value.faults]


class TestRead:
    def test_types_cells_by_the_catalogue_and_leaves_empty_ones_unknown(self) -> None:
        table = tabular.read(
            b"ref,months,savings,black_listed,as_of,product_terms,earlier_tags,bad,group:sex\n"
            b"a,12,none,yes,2026-09-07,3 6 9,T1 T2,1,female\n"
            b"b,-3,,0,,,,,\n",
            CATALOGUE,
        )
        assert table.rows[0] == {
            "ref": "a",
            "inputs": {
                "months": 12,
                "savings": "none",
                "black_listed": True,
                "as_of": "2026-09-07",
                "product_terms": [3, 6, 9],
                "earlier_tags": ["T1", "T2"],
            },
            "bad": True,
            "groups": {"sex": "female"},
        }
        assert table.rows[1]["inputs"]["months"] == -3
        assert table.rows[1]["inputs"]["savings"] is None
        assert (table.rows[1]["bad"], table.rows[1]["groups"]) == (None, {})
        assert (table.groups, table.has_outcome) == (("sex",), True)

    @pytest.mark.parametrize(
        "content",
        [
            b"\xef\xbb\xbfmonths,bad\r\n12,0\r\n",
            b"months;bad\n12;0\n",
            b"months\tbad\n12\t0\n",
            "months,bad\n12,0\n".encode("utf-16"),
            b"months,bad\n12,0\n\n,\n",
        ],
    )
    def test_takes_what_spreadsheets_write(self, content: bytes) -> None:
        rows = tabular.read(content, CATALOGUE).rows
        assert rows == ({"ref": "1", "inputs": {"months": 12}, "bad": False, "groups": {}},)

    def test_names_every_broken_cell_with_line_and_column(self) -> None:
        text = "ref,months,as_of,black_listed,bad\na,12.5,2026-02-30,perhaps,2\nb,1,,,\na,1\nb,1,,,0\n"
        assert faults(text) == [
            (2, "months", "wrong_type"),
            (2, "as_of", "wrong_type"),
            (2, "black_listed", "wrong_type"),
            (2, "bad", "wrong_type"),
            (4, "", "wrong_width"),
            (5, "ref", "duplicate_ref"),
        ]

    @pytest.mark.parametrize(
        ("header", "fault"),
        [
            ("months,months", (1, "months", "duplicate_column")),
            ("months,shoe_size", (1, "shoe_size", "unknown_variable")),
            ("months,sex", (1, "sex", "protected_column")),
            ("months,Nationality", (1, "Nationality", "protected_column")),
            ("months,group:Sex!", (1, "group:Sex!", "bad_group")),
            ("months,", (1, "column 2", "no_name")),
            ("ref,bad", (1, "", "no_variables")),
        ],
    )
    def test_refuses_a_header(self, header: str, fault: Any) -> None:
        assert faults(f"{header}\n1,1\n") == [fault]

    @pytest.mark.parametrize(
        ("content", "code"),
        [
            (b"", "empty"),
            (b"months\n", "no_rows"),
            (b"months\n\x80\x81\n", "encoding"),
            (b"PK\x03\x04\x00\x00", "not_text"),
            (b'months\n"12\n', "broken_csv"),
            (b"months\n" + b"1" * tabular.MAX_BYTES, "too_large"),
            (b"months\n" + b"1\n" * (tabular.MAX_ROWS + 1), "too_many_rows"),
        ],
    )
    def test_refuses_a_file(self, content: bytes, code: str) -> None:
        assert [found for _, _, found in faults(content)] == [code]

    def test_stops_counting_at_fifty(self) -> None:
        with pytest.raises(tabular.Unreadable) as refused:
            tabular.read(b"months\n" + b"x\n" * 60, CATALOGUE)
        assert (len(refused.value.faults), refused.value.more) == (50, True)


class TestWrite:
    def test_reads_back_the_same_and_a_spreadsheet_calculates_nothing(self) -> None:
        rows = [
            {
                "ref": "=1+1",
                "inputs": {"months": -3, "savings": "@x", "earlier_tags": ["A", "B"]},
                "bad": None,
                "groups": {"sex": "male"},
            },
            {
                "ref": "b",
                "inputs": {"months": None, "savings": 'a,"b"', "earlier_tags": None},
                "bad": True,
                "groups": {},
            },
        ]
        text = "".join(tabular.write(variables=["months", "savings", "earlier_tags"], groups=["sex"], rows=rows))
        assert "'=1+1" in text
        assert list(tabular.read(text.encode(), CATALOGUE).rows) == rows
