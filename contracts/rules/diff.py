"""Two versions of a text side by side, line by line. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

AROUND = 3  # lines shown beside a change


@dataclass(frozen=True, slots=True)
class Line:
    """`change`: same | changed | added | removed | skipped. A skipped line stands for several that are the same."""

    change: str
    left: str = ""
    right: str = ""
    left_number: int | None = None
    right_number: int | None = None


def side_by_side(left: str, right: str) -> tuple[Line, ...]:
    """Empty where both are the same."""
    if left == right:
        return ()
    return tuple(_lines(left.splitlines(), right.splitlines()))


def _lines(left: Sequence[str], right: Sequence[str]) -> Iterator[Line]:
    for tag, a, b, c, d in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from _same(left, a, b, c, before=bool(a or c), after=b < len(left) or d < len(right))
            continue
        pairs = zip_longest(range(a, b), range(c, d))
        for old, new in pairs:
            change = "added" if old is None else "removed" if new is None else "changed"
            yield Line(
                change,
                "" if old is None else left[old],
                "" if new is None else right[new],
                None if old is None else old + 1,
                None if new is None else new + 1,
            )


def _same(lines: Sequence[str], a: int, b: int, c: int, *, before: bool, after: bool) -> Iterator[Line]:
    """`before`, `after`: whether a change stands there."""
    first, last = AROUND * before, AROUND * after
    if b - a <= first + last + 1:
        first, last = b - a, 0
    for index in range(a, a + first):
        yield Line("same", lines[index], lines[index], index + 1, c + index - a + 1)
    if skipped := b - a - first - last:
        yield Line("skipped", f"{skipped} lines are the same")
    for index in range(b - last, b):
        yield Line("same", lines[index], lines[index], index + 1, c + index - a + 1)
