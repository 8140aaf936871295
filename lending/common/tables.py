"""Figures as tables: what a page of the back office shows behind its charts, and what is downloaded."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.http import HttpResponse
from django.utils.safestring import SafeString

FORMULA = "=+@\t"  # what a spreadsheet would reckon; amounts may begin with a minus


@dataclass(frozen=True)
class Table:
    """`code` is its name in addresses. Cells are text; the first of a row names it."""

    code: str
    title: str
    head: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    chart: SafeString = field(default=SafeString(""))
    told: str = ""


def as_csv(table: Table) -> bytes:
    """UTF-8 with a mark at its beginning, so that spreadsheets read the Chinese; a cell never begins a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    for row in (table.head, *table.rows):
        writer.writerow([f"'{cell}" if cell[:1] in FORMULA and cell[:1] else cell for cell in row])
    return ("\ufeff" + out.getvalue()).encode()


def share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"


def download(table: Table, name: str) -> HttpResponse:
    """`name`: of the file, without its ending."""
    answer = HttpResponse(as_csv(table), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer
