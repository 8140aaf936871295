"""CSV files that staff bring, read as a whole or not at all; every fault is told, with its line. Pure."""

import csv
import io
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
Table = csv.DictReader  # fields beyond the columns stand under "+"


class BadFile(ValueError):
    """`faults`: (line, what is wrong), 0 for the file as a whole. No value is repeated in them."""

    def __init__(self, faults: list[tuple[int, str]]) -> None:
        super().__init__("; ".join(f"line {line}: {fault}" if line else fault for line, fault in faults[:3]))
        self.faults = faults


def read(content: bytes, lines: "Callable[[Table[str]], T]", *, max_bytes: int, too_large: str) -> T:
    """What `lines` makes of the table. Raises BadFile: `too_large`, not UTF-8, not CSV, and what `lines` finds."""
    if len(content) > max_bytes:
        raise BadFile([(0, too_large)])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadFile([(0, "The file is not UTF-8 text: save it as CSV UTF-8.")]) from None
    if "\0" in text:
        raise BadFile([(0, "The file is not text: save it as CSV.")])
    table = Table(io.StringIO(text), strict=True, restkey="+", restval="")
    try:
        return lines(table)
    except csv.Error as error:
        raise BadFile([(table.reader.line_num, f"Not CSV: {error}.")]) from None
