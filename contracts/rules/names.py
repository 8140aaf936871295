"""The names a template's text uses, against those it declares. Pure.

The language is a small part of Django's: `{{ name }}`, `{% if %}` with and, or, not, and `{% for one in name %}`. There
is no filter, no comparison and no other tag: what a clause depends on is a flag or an optional value among the facts,
decided and tested there, and no text can unescape a value, load a file or read a clock.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from contracts.rules.variables import PLAN_MONEY, is_optional, plain_type
from lending.common.errors import Invalid


class UndeclaredName(Invalid):
    """Data `names`: used in the text, declared nowhere."""

    code, title = "undeclared_name", "The text uses a name that is not declared"


class UnusedVariable(Invalid):
    """Data `names`: declared, used nowhere in the text."""

    code, title = "unused_variable", "A declared variable is not used in the text"


class FaultyText(Invalid):
    """Data `part`: the tag that is wrong."""

    code, title = "faulty_text", "The text of the template is not well formed"


@dataclass(frozen=True, slots=True)
class Shape:
    """What may be done with a value: print it, decide by it, ask for its parts, go through its rows."""

    printed: bool = True
    decides: bool = False
    optional: bool = False
    parts: Mapping[str, "Shape"] = field(default_factory=dict)
    row: "Shape | None" = None


TEXT = Shape()
FLAG = Shape(printed=False, decides=True)
MONEY = Shape(parts={"words": TEXT})
_COLUMNS = {name.removesuffix("_cents"): MONEY for name in PLAN_MONEY}
_SUMS = {name: shape for name, shape in _COLUMNS.items() if name != "balance"}
PLAN = Shape(
    printed=False,
    parts={
        "rows": Shape(printed=False, row=Shape(printed=False, parts={"number": TEXT, "due": TEXT} | _COLUMNS)),
        "sums": Shape(printed=False, parts=_SUMS),
        "has_fee": FLAG,
    },
)
SHAPES = {"flag": FLAG, "money": MONEY, "plan": PLAN}
GIVEN = ("number", "title_zh", "title_en", "version")  # of the document itself; never declared

_TAG = re.compile(r"(\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\})")
_NAME = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*)*")
_LOOP = re.compile(r"for\s+([A-Za-z]\w*)\s+in\s+(\S+)")
_CLOSES = {"endif": "if", "endfor": "for", "else": "if", "elif": "if", "empty": "for"}


def check(source: str, declared: Mapping[str, str]) -> None:
    """Every name in the text is declared and fits its type, and every declared one is used.

    An optional value is printed only where `{% if %}` made sure of it. Raises FaultyText, UndeclaredName,
    UnusedVariable.
    """
    if taken := sorted(set(declared) & set(GIVEN)):
        raise FaultyText(f"{', '.join(taken)}: every document has it, it is not declared.", part=taken[0])
    text = _Text(declared)
    for number, piece in enumerate(_TAG.split(source)):
        text.part = piece
        if number % 2 == 0:
            if "{{" in piece or "{%" in piece:
                raise text.fault("a tag is not closed on its line")
        elif piece.startswith("{{"):
            text.prints(piece[2:-2].strip())
        elif piece.startswith("{%"):
            text.does(piece[2:-2].strip())
    if text.open:
        raise FaultyText(f"{{% {text.open[-1].tag} %}} is not closed.", part=text.open[-1].tag)
    if text.unknown:
        names = sorted(text.unknown)
        raise UndeclaredName(f"Not declared: {', '.join(names)}.", names=names)
    if unused := sorted(set(declared) - text.used):
        raise UnusedVariable(f"Declared and not used: {', '.join(unused)}.", names=unused)


@dataclass(frozen=True, slots=True)
class _Block:
    """An open tag: the names it binds, and the optional ones that are surely there inside it."""

    tag: str
    bound: Mapping[str, Shape] = field(default_factory=dict)
    sure: frozenset[str] = frozenset()


class _Text:
    def __init__(self, declared: Mapping[str, str]) -> None:
        self.shapes = dict.fromkeys(GIVEN, TEXT) | {
            name: replace(SHAPES.get(plain_type(kind), TEXT), optional=is_optional(kind))
            for name, kind in declared.items()
        }
        self.open: list[_Block] = []
        self.used: set[str] = set()
        self.unknown: set[str] = set()
        self.part = ""

    def fault(self, why: str) -> FaultyText:
        return FaultyText(f"{self.part.strip()[:80]}: {why}.", part=self.part.strip()[:80])

    def prints(self, name: str) -> None:
        shape = self._shape(name)
        if shape and not shape.printed:
            raise self.fault("this cannot be printed")

    def does(self, tag: str) -> None:
        word, _, rest = tag.partition(" ")
        if word in _CLOSES:
            self._close(word)
            if word.startswith("end"):
                return
        if word in ("if", "elif"):
            self.open.append(self._condition(rest.split()))
        elif word == "for":
            self.open.append(self._loop(tag))
        elif word in ("else", "empty"):
            self.open.append(_Block(f"{_CLOSES[word]} "))
        else:
            raise self.fault("there is no such tag")

    def _close(self, word: str) -> None:
        """The blank behind a tag's name marks its last branch: nothing but the end may follow."""
        last = self.open.pop().tag if self.open else ""
        if last.strip() != _CLOSES[word] or (last.endswith(" ") and not word.startswith("end")):
            raise self.fault("this closes nothing")

    def _condition(self, words: list[str]) -> _Block:
        names = [word for word in words if word not in ("and", "or", "not")]
        if not names:
            raise self.fault("there is no condition")
        for name in names:
            shape = self._shape(name, deciding=True)
            if shape and not (shape.decides or shape.optional):
                raise self.fault(f"{name} is always there: only a flag or an optional value decides")
        return _Block("if", sure=frozenset() if {"or", "not"} & set(words) else frozenset(names))

    def _loop(self, tag: str) -> _Block:
        found = _LOOP.fullmatch(tag)
        if found is None:
            raise self.fault("write {% for one in name %}")
        name, what = found.groups()
        if name in self.shapes or any(name in block.bound for block in self.open):
            raise self.fault(f"{name} is taken")
        shape = self._shape(what)
        if shape and shape.row is None:
            raise self.fault(f"{what} has no rows")
        return _Block("for", bound={name: shape.row if shape and shape.row else Shape()})

    def _shape(self, name: str, *, deciding: bool = False) -> Shape | None:
        """None, and noted, for a name that is not declared."""
        if not _NAME.fullmatch(name):
            raise self.fault("only names are written here")
        root, *parts = name.split(".")
        bound = next((block.bound[root] for block in reversed(self.open) if root in block.bound), None)
        shape = bound or self.shapes.get(root)
        if shape is None:
            self.unknown.add(root)
            return None
        self.used.add(root)
        if shape.optional and not deciding and not any(root in block.sure for block in self.open):
            raise self.fault(f"{root} is optional: ask for it with {{% if {root} %}} first")
        for part in parts:
            shape = shape.parts.get(part)
            if shape is None:
                raise self.fault(f"{root} has no {part}")
        return shape
