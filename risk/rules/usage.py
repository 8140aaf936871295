"""Which variables a graph reads: from table columns, cells, expressions and conditions, word by word. Pure.

What is written counts, whether or not a case ever comes there: a variable that nothing names can be taken away.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from risk.rules import ruleset
from risk.rules.document import Graph, Node
from risk.rules.expressions import TOKEN

INSIDE = re.compile(r"\$\{([^}]*)\}")


def variables_read(graph: Graph, names: Collection[str]) -> frozenset[str]:
    """Those of `names` that the graph reads itself; what its sub-decisions read is theirs.

    A word inside a text, a member of something else (`card.months`) and a function's name are no reading;
    `$root.months` and `$nodes.input.months` are.
    """
    return words(graph).intersection(names)


def written(form: str, authored: Mapping[str, Any]) -> frozenset[str]:
    """Every name that a draft reads, however unfinished: what its form says, or its graph."""
    if form == "rule_set":
        whens = [rule.get("when") for rule in authored.get("rules") or [] if isinstance(rule, dict)]
        return frozenset(variable for when in whens if when for variable, _, _ in ruleset.conditions(when))
    if form == "scorecard":
        return frozenset(str(block.get("variable")) for block in authored.get("blocks") or [])
    return words(dict(authored)) if "nodes" in authored else frozenset()


def words(graph: Graph) -> frozenset[str]:
    """Every name that the graph's texts read, whatever it stands for."""
    return frozenset(word for node in graph["nodes"] for text in _texts(node) for word in words_of(text))


def words_of(text: str) -> Iterator[str]:
    """The names that one cell, expression, condition or column reads."""
    tokens = [match for match in TOKEN.finditer(text) if not match.group(4)]
    root = ""  # the first word of the chain of members that a token stands in
    for place, match in enumerate(tokens):
        before = tokens[place - 1].group() if place else ""
        after = tokens[place + 1].group() if place + 1 < len(tokens) else ""
        if (literal := match.group(1)) and literal[0] == "`":
            for inner in INSIDE.findall(literal):
                yield from words_of(inner)
        word = match.group(2)
        if not word:
            continue
        if before != ".":
            root = word
        if after != "(" and (before != "." or root.startswith("$")):
            yield word


def _texts(node: Node) -> Iterator[str]:
    content = node.get("content")
    if not isinstance(content, dict):
        return
    yield from _text(content.get("inputField"))
    kind = node.get("type")
    if kind == "decisionTableNode":
        columns = _rows(content, "inputs")
        for column in columns:
            yield from _text(column.get("field"))
        cells = {column.get("id") for column in (*columns, *_rows(content, "outputs"))}
        for rule in _rows(content, "rules"):
            for name, cell in rule.items():
                if name in cells:
                    yield from _text(cell)
    for row in _rows(content, "expressions"):
        yield from _text(row.get("value"))
    for row in _rows(content, "statements"):
        yield from _text(row.get("condition"))


def _rows(content: dict[str, Any], part: str) -> list[dict[str, Any]]:
    rows = content.get(part)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _text(value: object) -> Iterator[str]:
    if isinstance(value, str) and value.strip():
        yield value
