"""Decision tables as sets: rows that no input reaches, rows that overlap, inputs that only the default row takes.

Each column's cells cut what it may hold into atoms (a value, a stretch between two values, anything else, unknown),
so that a row is a box of atoms and boxes can be subtracted from each other. A cell in free form (an expression) is
taken to hold sometimes: such a row is never called unreachable, and hides nobody.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations
from typing import Any

from risk.rules.document import Flow, Node

MAX_PIECES = 4_000
SHOWN = 12
NUMBER = r"-?\d+(?:\.\d+)?"
COMPARED = re.compile(rf"(<=|>=|<|>)\s*({NUMBER})")
RANGE = re.compile(rf"([\[(])\s*({NUMBER})\s*\.\.\s*({NUMBER})\s*([\])])")
TEXTS = re.compile(r'"(?:[^"\\]|\\.)*"(?:\s*,\s*"(?:[^"\\]|\\.)*")*')
NUMBERS = re.compile(rf"{NUMBER}(?:\s*,\s*{NUMBER})*")
ONE_OF = re.compile(r"\$ in (\[.*\])")
NONE_OF = re.compile(r"\$ != null and not \(\$ in (\[.*\])\)")
UNLIKE = re.compile(r'\$ != null and \$ != (".*"|-?\d+|true|false)')

Box = tuple[int, ...]  # a set of atoms, as bits, for each column


@dataclass(frozen=True)
class Finding:
    """`kind`: unreachable, overlap, gap, or unread (too large, or in free form). `rows` count from 1."""

    file: str
    node: str
    kind: str
    rows: tuple[int, ...]
    message: str


def findings(flow: Flow) -> list[Finding]:
    """Of every table of the flow whose first matching row counts."""
    found: list[Finding] = []
    for node in flow.nodes:
        content = node.get("content") or {}
        if node.get("type") == "decisionTableNode" and content.get("hitPolicy", "first") == "first":
            found += (Finding(flow.file, str(node["id"]), *rest) for rest in _of_table(node))
    return found


def _of_table(node: Node) -> Iterator[tuple[str, tuple[int, ...], str]]:
    content = node["content"]
    columns = [column for column in content.get("inputs") or [] if column.get("field")]
    rules = content.get("rules") or []
    texts = [[str(rule.get(column["id"]) or "").strip() for column in columns] for rule in rules]
    if not columns or not rules or len(columns) < len(content.get("inputs") or []):
        return
    axes = [_Axis(column["field"], [row[place] for row in texts]) for place, column in enumerate(columns)]
    boxes: list[Box | None] = []
    for row in texts:
        parts = [axis.atoms_of(text) for axis, text in zip(axes, row, strict=True)]
        boxes.append(None if None in parts else tuple(part for part in parts if part is not None))
    for number, (box, row) in enumerate(zip(boxes, texts, strict=True), start=1):
        if box is None:
            free = [columns[place]["field"] for place, text in enumerate(row) if axes[place].atoms_of(text) is None]
            yield "unread", (number,), f"row {number} has a free expression in {', '.join(free)}: not compared"
    try:
        yield from _unreachable(boxes)
        yield from _overlaps(boxes, texts, rules, content.get("outputs") or [], axes)
        yield from _gaps(boxes, axes)
    except _TooMany:
        yield "unread", (), f"more than {MAX_PIECES} pieces: gaps and overlaps were not worked out"


class _TooMany(Exception):
    pass


def _unreachable(boxes: Sequence[Box | None]) -> Iterator[tuple[str, tuple[int, ...], str]]:
    for place, box in enumerate(boxes):
        if box is None:
            continue
        rest = [box]
        before = []
        for earlier, other in enumerate(boxes[:place]):
            if other is None:
                continue
            if any(_meet(piece, other) for piece in rest):
                before.append(earlier + 1)
            rest = [piece for whole in rest for piece in _minus(whole, other)]
            _check(rest)
        if not rest:
            told = ", ".join(map(str, before))
            yield "unreachable", (place + 1, *before), f"row {place + 1} is never reached: {told} above take all of it"


def _overlaps(
    boxes: Sequence[Box | None],
    texts: Sequence[Sequence[str]],
    rules: Sequence[dict[str, Any]],
    outputs: Sequence[dict[str, Any]],
    axes: Sequence["_Axis"],
) -> Iterator[tuple[str, tuple[int, ...], str]]:
    """Of rows that say something else; the default row overlaps with all, which is what it is for."""
    found = 0
    for first, second in combinations(range(len(boxes)), 2):
        left, right = boxes[first], boxes[second]
        if left is None or right is None or not any(texts[first]) or not any(texts[second]):
            continue
        same = all(rules[first].get(column["id"]) == rules[second].get(column["id"]) for column in outputs)
        if same or not (both := _meet(left, right)):
            continue
        found += 1
        if found <= SHOWN:
            yield (
                "overlap",
                (first + 1, second + 1),
                (f"rows {first + 1} and {second + 1} both take {_words(both, axes)}; row {first + 1} decides"),
            )
    if found > SHOWN:
        yield "overlap", (), f"{found - SHOWN} more pairs of rows overlap"


def _gaps(boxes: Sequence[Box | None], axes: Sequence["_Axis"]) -> Iterator[tuple[str, tuple[int, ...], str]]:
    """What only a row with every input empty takes."""
    whole = tuple(axis.whole for axis in axes)
    rest = [whole]
    for box in boxes:
        if box is not None and box != whole:
            rest = [piece for each in rest for piece in _minus(each, box)]
            _check(rest)
    known = [piece for piece in rest if not any(axis.is_unknown(part) for axis, part in zip(axes, piece, strict=True))]
    for piece in known[:SHOWN]:
        yield "gap", (), f"no row of its own for {_words(piece, axes)}: the last row takes it"
    if len(known) > SHOWN:
        yield "gap", (), f"{len(known) - SHOWN} more stretches have no row of their own"
    if len(known) < len(rest):
        yield "gap", (), "an unknown input is taken by the last row"


def _meet(left: Box, right: Box) -> Box | None:
    both = tuple(a & b for a, b in zip(left, right, strict=True))
    return both if all(both) else None


def _minus(box: Box, other: Box) -> list[Box]:
    """`box` without `other`, in disjoint pieces."""
    if _meet(box, other) is None:
        return [box]
    pieces, rest = [], list(box)
    for place, taken in enumerate(other):
        if left := rest[place] & ~taken:
            pieces.append((*rest[:place], left, *rest[place + 1 :]))
        rest[place] &= taken
    return pieces


def _check(pieces: Sequence[Box]) -> None:
    if len(pieces) > MAX_PIECES:
        raise _TooMany


def _words(box: Box, axes: Sequence["_Axis"]) -> str:
    told = [axis.words(part) for axis, part in zip(axes, box, strict=True)]
    return " and ".join(text for text in told if text) or "everything"


class _Axis:
    """One column. Atoms of numbers: below the first, the first, between the first and the second …, above the last;
    of anything else: each value named, anything else. The last atom is unknown."""

    def __init__(self, field: str, cells: Sequence[str]) -> None:
        self.field = field
        named: list[Any] = []
        for cell in cells:
            named += _named(cell)
        self.numeric = bool(named) and all(isinstance(value, Decimal) for value in named)
        self.values: list[Any] = sorted(set(named)) if self.numeric else list(dict.fromkeys(named))
        self.count = (2 * len(self.values) + 1 if self.numeric else len(self.values) + 1) + 1
        self.unknown = 1 << (self.count - 1)
        self.whole = (1 << self.count) - 1

    def atoms_of(self, cell: str) -> int | None:
        """None where the cell is in free form."""
        if not cell:
            return self.whole
        if cell == "null":
            return self.unknown
        if negated := (NONE_OF.fullmatch(cell) or UNLIKE.fullmatch(cell)):
            inner = self._one_of(_list(negated.group(1)))
            return None if inner is None else self.whole & ~inner & ~self.unknown
        if listed := ONE_OF.fullmatch(cell):
            return self._one_of(_list(listed.group(1)))
        if cell in ("true", "false"):
            return self._one_of([cell == "true"])
        if TEXTS.fullmatch(cell) or NUMBERS.fullmatch(cell):
            return self._one_of(_list(f"[{cell}]"))
        if not self.numeric:
            return None
        if compared := COMPARED.fullmatch(cell):
            sign, end = compared.group(1), Decimal(compared.group(2))
            low, high = (None, end) if "<" in sign else (end, None)
            return self._between(low, high, "=" in sign, "=" in sign)
        if ranged := RANGE.fullmatch(cell):
            ends = Decimal(ranged.group(2)), Decimal(ranged.group(3))
            return self._between(*ends, ranged.group(1) == "[", ranged.group(4) == "]")
        return None

    def _one_of(self, values: Sequence[Any] | None) -> int | None:
        if values is None or any(value not in self.values for value in values):
            return None
        places = [self.values.index(value) for value in values]
        return sum({1 << (2 * place + 1 if self.numeric else place) for place in places})

    def _between(self, low: Decimal | None, high: Decimal | None, with_low: bool, with_high: bool) -> int:
        first = 0 if low is None else 2 * self.values.index(low) + (1 if with_low else 2)
        last = self.count - 2 if high is None else 2 * self.values.index(high) + (1 if with_high else 0)
        return sum(1 << atom for atom in range(first, last + 1))

    def is_unknown(self, part: int) -> bool:
        return part == self.unknown

    def words(self, part: int) -> str:
        """ "" where the part is everything, or everything that is known."""
        known = part & ~self.unknown
        if known == self.whole & ~self.unknown:
            return ""
        if not known:
            return f"{self.field} unknown"
        places = [place for place in range(self.count - 1) if known >> place & 1]
        if not self.numeric:
            other = places[-1] == len(self.values)
            names = [json.dumps(self.values[place], ensure_ascii=False) for place in places if place < len(self.values)]
            return f"{self.field} {' or '.join([*names, 'anything else'] if other else names)}"
        return f"{self.field} {' or '.join(self._stretch(run) for run in _runs(places))}"

    def _stretch(self, run: Sequence[int]) -> str:
        low, high = run[0], run[-1]
        if low == high and low % 2:
            return f"= {self.values[low // 2]}"
        ends = []
        if low > 0:
            ends.append(f"≥ {self.values[low // 2]}" if low % 2 else f"> {self.values[low // 2 - 1]}")
        if high < 2 * len(self.values):
            ends.append(f"≤ {self.values[high // 2]}" if high % 2 else f"< {self.values[high // 2]}")
        return " and ".join(ends)


def _named(cell: str) -> list[Any]:
    """The values that a cell names; of a free form none."""
    if compared := COMPARED.fullmatch(cell):
        return [Decimal(compared.group(2))]
    if ranged := RANGE.fullmatch(cell):
        return [Decimal(ranged.group(2)), Decimal(ranged.group(3))]
    if listed := (ONE_OF.fullmatch(cell) or NONE_OF.fullmatch(cell) or UNLIKE.fullmatch(cell)):
        return _list(listed.group(1)) or []
    if cell in ("true", "false"):
        return [cell == "true"]
    if TEXTS.fullmatch(cell) or NUMBERS.fullmatch(cell):
        return _list(f"[{cell}]") or []
    return []


def _list(text: str) -> list[Any] | None:
    try:
        found = json.loads(text if text.startswith("[") else f"[{text}]", parse_int=Decimal, parse_float=Decimal)
    except ValueError:
        return None
    return found if all(isinstance(value, str | bool | Decimal) for value in found) else None


def _runs(places: Sequence[int]) -> list[list[int]]:
    runs: list[list[int]] = []
    for place in places:
        if runs and runs[-1][-1] == place - 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    return runs
