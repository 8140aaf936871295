"""Expressions as trees, for what follows them without evaluating: the engine compiles them and shows no tree.

A tree is a tuple: ("value", v) ("name", n) ("it",) ("self",) ("list", (…)) ("object", (…)) ("member", tree, name)
("index", tree, tree) ("call", name, (…)) ("closure", tree, name) ("if", tree, tree, tree) ("not", tree) ("minus",
tree), (sign, tree, tree) of a sign in `BINDING`, or ("opaque", text) for what has a form that nobody follows.
"""

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any

Tree = tuple[Any, ...]

TOKEN = re.compile(
    r"\s*(?:(\"[^\"]*\"|'[^']*')|(\d+(?:\.\d+)?(?!\.\d))|([A-Za-z_][\w]*)|(\$root|\$|#)|(\?\?|\.\.|[=!<>]=|[^\s\w]))"
)
BINDING = {  # of the engine's operators, the weakest first
    "or": 10,
    "and": 15,
    **dict.fromkeys(("==", "!=", "<", ">", "<=", ">=", "in", "not in"), 20),
    **dict.fromkeys(("+", "-"), 30),
    **dict.fromkeys(("*", "/", "%"), 60),
    "^": 70,
    "??": 80,
}
NOT, MINUS = 50, 200
WORDS = {"true": True, "false": False, "null": None}


class _Strange(ValueError):
    pass


@lru_cache(maxsize=4096)
def parse(text: str) -> Tree:
    """The tree of an expression that the engine compiles."""
    try:
        reader = _Reader(text)
        tree = reader.expression()
        reader.end()
    except _Strange:
        return ("opaque", text.strip())
    return tree


@lru_cache(maxsize=4096)
def parse_cell(text: str) -> Tree:
    """A table's input cell as the condition on ("self",), the value of its column."""
    if re.search(r"\$", text):
        return parse(text)
    try:
        reader = _Reader(text)
        parts = [reader.cell_part()]
        while reader.took(","):
            parts.append(reader.cell_part())
        reader.end()
    except _Strange:
        return ("opaque", text.strip())
    tree = parts[0]
    for part in parts[1:]:
        tree = ("or", tree, part)
    return tree


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens: list[tuple[str, str]] = []
        place, text = 0, text.rstrip()
        while place < len(text):
            match = TOKEN.match(text, place)
            if match is None:
                raise _Strange(text)
            kind = ("text", "number", "name", "root", "sign")[(match.lastindex or 1) - 1]
            self.tokens.append((kind, match.group(match.lastindex or 1)))
            place = match.end()
        self.at = 0

    def peek(self, ahead: int = 0) -> str:
        place = self.at + ahead
        return self.tokens[place][1] if place < len(self.tokens) and self.tokens[place][0] != "text" else ""

    def took(self, sign: str) -> bool:
        if self.peek() != sign:
            return False
        self.at += 1
        return True

    def must(self, sign: str) -> None:
        if not self.took(sign):
            raise _Strange(sign)

    def end(self) -> None:
        if self.at < len(self.tokens):
            raise _Strange(self.peek())

    def expression(self) -> Tree:
        tree = self.binary(0)
        if not self.took("?"):
            return tree
        yes = self.expression()
        self.must(":")
        return ("if", tree, yes, self.expression())

    def binary(self, least: int) -> Tree:
        tree = self.unary()
        while True:
            sign = "not in" if self.peek() == "not" and self.peek(1) == "in" else self.peek()
            strength = BINDING.get(sign, -1)
            if strength < least:
                return tree
            self.at += 2 if sign == "not in" else 1
            right = self.interval() if sign in ("in", "not in") else None
            tree = (sign, tree, right or self.binary(strength if sign == "^" else strength + 1))

    def unary(self) -> Tree:
        if self.took("not") or self.took("!"):
            return ("not", self.binary(NOT))
        if self.took("-"):
            return ("minus", self.binary(MINUS))
        return self.postfix(self.primary())

    def primary(self) -> Tree:
        if self.at >= len(self.tokens):
            raise _Strange("nothing")
        kind, sign = self.tokens[self.at]
        self.at += 1
        if kind == "text":
            return ("value", sign[1:-1])
        if kind == "number":
            return ("value", Decimal(sign))
        if kind == "name":
            return self.named(sign)
        if sign == "#":
            return ("it",)
        if sign == "$":
            return ("self",)
        if sign == "(":
            tree = self.expression()
            self.must(")")
            return tree
        if sign == "[":
            return ("list", tuple(self.listed("]")))
        if sign == "{":
            return self.fields()
        raise _Strange(sign)

    def named(self, name: str) -> Tree:
        if name in WORDS:
            return ("value", WORDS[name])
        return ("call", name, tuple(self.listed(")"))) if self.took("(") else ("name", name)

    def listed(self, closing: str) -> list[Tree]:
        items: list[Tree] = []
        if self.took(closing):
            return items
        while True:
            item = self.expression()
            if self.took("as"):
                item = ("closure", item, self.peek())
                self.at += 1
            items.append(item)
            if self.took(closing):
                return items
            self.must(",")

    def fields(self) -> Tree:
        found: list[tuple[str, Tree]] = []
        while not self.took("}"):
            if found:
                self.must(",")
            if self.at >= len(self.tokens):
                raise _Strange("{")
            kind, name = self.tokens[self.at]
            self.at += 1
            self.must(":")
            found.append((name[1:-1] if kind == "text" else name, self.expression()))
        return ("object", tuple(found))

    def postfix(self, tree: Tree) -> Tree:
        while True:
            if self.took("."):
                name = self.peek()
                if not re.fullmatch(r"[A-Za-z_]\w*", name) or self.peek(1) == "(":
                    raise _Strange(name)
                self.at += 1
                tree = ("member", tree, name)
            elif self.took("["):
                tree = ("index", tree, self.expression())
                self.must("]")
            else:
                return tree

    def interval(self) -> Tree | None:
        """`[1..5)` and its like, as a condition's right side; None where there is none, and nothing is read."""
        start = self.at
        opening = self.peek()
        if opening in ("[", "("):
            self.at += 1
            try:
                low = self.binary(0)
                if self.took("..") and self.peek():
                    high = self.binary(0)
                    closing = self.peek()
                    if closing in ("]", ")"):
                        self.at += 1
                        return ("interval", low, high, opening == "(", closing == ")")
            except _Strange:
                pass
        self.at = start
        return None

    def cell_part(self) -> Tree:
        """One of a cell's alternatives: `> 5`, `[1..5)`, `'a'`, `not in [..]`, or a value that the column equals."""
        own: Tree = ("self",)
        if self.peek() == "not" and self.peek(1) == "in":
            self.at += 2
            return ("not in", own, self.interval() or self.binary(21))
        for sign in ("in", "==", "!=", "<=", ">=", "<", ">"):
            if self.took(sign):
                return (sign, own, (self.interval() if sign == "in" else None) or self.binary(21))
        if ranged := self.interval():
            return ("in", own, ranged)
        tree = self.binary(0)
        is_condition = tree[0] in BINDING or tree[0] in ("not", "if") or (tree[0] == "call" and tree[1] != "date")
        if is_condition:
            raise _Strange("a condition of another kind")
        return ("==", own, tree)
