"""Files of debt collectors' numbers: CSV, a number or its SHA-256 a line; every fault is told with its line. Pure.

A number is scrambled as it is read, as an app scrambles it, so that nothing beyond here holds one.
"""

import re

from lending.common.errors import Invalid
from users.rules import collected, csvfile, identity
from users.rules.csvfile import BadFile, Table

COLUMNS = ("number", "sha256", "source")
MAX_BYTES = 10_000_000
MAX_LINES = 100_000
SHA256 = re.compile(r"[0-9a-f]{64}")
DIGITS = re.compile(r"[0-9]{5,15}")  # of a landline or a service number, which is not written as a mobile one is
LONGEST_SOURCE = 40

TOO_LARGE = f"The file has more than {MAX_BYTES // 1_000_000} MB."


def read(content: bytes) -> dict[str, str]:
    """Who says so, by the scrambled number. Raises BadFile."""
    return csvfile.read(content, _lines, max_bytes=MAX_BYTES, too_large=TOO_LARGE)


def _lines(table: "Table[str]") -> dict[str, str]:
    head = [name.strip() for name in table.fieldnames or ()]
    if "source" not in head or not {"number", "sha256"} & set(head) or set(head) - set(COLUMNS) or _twice(head):
        raise BadFile([(1, "The columns are number or sha256 (or both), and source.")])
    table.fieldnames = head
    faults: list[tuple[int, str]] = []
    found: dict[str, str] = {}
    for count, row in enumerate(table):
        if count >= MAX_LINES:
            raise BadFile([(0, f"The file has more than {MAX_LINES:,} lines.")])
        told = {name: (value or "").strip() for name, value in row.items() if name != "+"}
        try:
            scrambled = _scrambled(told, "+" in row)
            if scrambled in found:
                raise ValueError("The number stands in the file before.")
            found[scrambled] = told["source"]
        except ValueError as error:
            faults.append((table.line_num, str(error)))
    if faults:
        raise BadFile(faults)
    if not found:
        raise BadFile([(0, "The file has no lines.")])
    return found


def _twice(head: list[str]) -> bool:
    return len(set(head)) < len(head)


def _scrambled(told: dict[str, str], is_longer: bool) -> str:
    """Raises ValueError saying what is wrong."""
    number, sha256 = told.get("number", ""), told.get("sha256", "").lower()
    if is_longer:
        raise ValueError("More fields than columns.")
    if not 0 < len(told["source"]) <= LONGEST_SOURCE:
        raise ValueError(f"source: who says so, at most {LONGEST_SOURCE} characters.")
    if bool(number) == bool(sha256):
        raise ValueError("Either a number or its sha256.")
    if sha256:
        if not SHA256.fullmatch(sha256):
            raise ValueError("sha256 is 64 hex digits.")
        return sha256
    try:
        return collected.scrambled(identity.phone(number))
    except Invalid:
        digits = re.sub(r"[ ()-]", "", number)
        if not DIGITS.fullmatch(digits):
            raise ValueError("Not a telephone number.") from None
        return collected.scrambled(digits)
