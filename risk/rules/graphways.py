"""Every way through a flow's graph: rows of tables, branches of switches, what sub-decisions may answer.

Only what bears on the wanted names is followed; ways that say the same of it are one. Rule sets and scorecards are
known by exactly the text that they are compiled to, and taken for what they are.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from risk.rules.cardways import card_of, ends_of
from risk.rules.document import Flow, Node
from risk.rules.paths import EDITOR_ONLY
from risk.rules.ruleset import OUTCOME
from risk.rules.syntax import parse, parse_cell
from risk.rules.values import (
    ANYTHING,
    Const,
    Fact,
    Lst,
    Obj,
    Place,
    State,
    Sym,
    TooManyWays,
    Value,
    bare,
    resolved,
    unknown,
)
from risk.rules.ways import Scope, said, sides

MAX_WAYS = 20_000
TOLD_EARLIER = (
    "earlier_reasons"  # the input that holds what earlier steps told: their own gates held it to the register
)
WORD = re.compile(r"[A-Za-z_]\w*")
QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
OUTCOMES_OF_HITS = {OUTCOME.format(hits=hits): hits for hits in ("hits", "$.counted")}
REASONS_OF_HITS = re.compile(
    r"filter\((\[.*?\]) as code, "
    r"some\((hits|\$\.counted) as hit, hit\.reason == code and hit\.action == \$\.outcome\)\)"
)
Ends = list[tuple[State, Obj]]


@dataclass(frozen=True)
class _Way:
    """`out`: what each node passed on; `handles`: the branches that a switch took. A node that did not run has none."""

    state: State
    out: Mapping[str, Obj]
    handles: Mapping[str, frozenset[str]]


class Walk:
    """`known`: the flows by the names that sub-decisions call them."""

    def __init__(self, known: Mapping[str, Flow]) -> None:
        self.known = known

    def ends(self, flow: Flow, wanted: set[str]) -> Ends:
        """Each way through the flow and the answer at its end, of which `wanted` is complete. Raises TooManyWays."""
        state, entry = _inputs(flow, State())
        return self._through(flow, entry, state, wanted, ())

    def _through(self, flow: Flow, entry: Obj, state: State, wanted: set[str], above: tuple[Value, ...]) -> Ends:
        if card := card_of(flow):
            return list(ends_of(flow, card, state))
        nodes = {str(node["id"]): node for node in flow.nodes if node.get("type") not in EDITOR_ONLY}
        order = _order(flow, nodes)
        bearing = self._bearing(flow, wanted)
        found = [_Way(state, {}, {})]
        ended: Ends = []
        for place, id_ in enumerate(order):
            node, later = nodes[id_], set(order[place + 1 :])
            live = wanted.union(*(self._read_by(nodes[other], bearing) for other in later))
            waiting = {str(edge["sourceId"]) for edge in flow.edges if str(edge["targetId"]) in later}
            after: list[_Way] = []
            for way in found:
                arrived = (entry, way.state) if node.get("type") == "inputNode" else _given(flow, id_, way)
                if arrived is None:
                    after.append(way)
                    continue
                given, begun = arrived
                if node.get("type") == "outputNode":
                    ended.append((begun, given))
                    after.append(replace(way, state=begun))
                    continue
                kept = (*above, *way.out.values(), given)
                for last, out, handles in self._node(flow, node, given, begun, bearing, kept):
                    taken = way.handles if handles is None else {**way.handles, id_: handles}
                    after.append(_Way(last, {**way.out, id_: _only_wanted(out, live)}, taken))
            found = _distinct([_still(way, waiting) for way in after], above)
        return _distinct_ends([(last, _only_wanted(out, wanted)) for last, out in ended], above)

    def _bearing(self, flow: Flow, wanted: set[str]) -> set[str]:
        """`wanted`, and every name that anything bearing on it reads."""
        found = set(wanted)
        while more := {word for node in flow.nodes for word in self._read_by(node, found)} - found:
            found |= more
        return found

    def _read_by(self, node: Node, wanted: set[str]) -> set[str]:
        found = _read_by(node, wanted)
        if node.get("type") == "decisionNode":
            below = self.known.get(str((node.get("content") or {}).get("key")))
            if below is not None and card_of(below) is None:
                found |= self._bearing(below, wanted)
        return found

    def _node(
        self, flow: Flow, node: Node, given: Obj, state: State, wanted: set[str], kept: tuple[Value, ...]
    ) -> Iterator[tuple[State, Obj, frozenset[str] | None]]:
        kind, content = node.get("type"), node.get("content") or {}
        if kind == "switchNode":
            for last, handles in _branches(flow, node, given, state):
                yield last, given, handles
            return
        if kind not in ("decisionTableNode", "expressionNode", "decisionNode"):
            yield state, given, None
            return
        if content.get("executionMode") == "loop":
            entered: list[tuple[State, Obj | None]] = [(state, None)]
        elif content.get("inputField"):
            place = Scope(given, at=Place(flow.key, str(node["id"]), "inputField"))
            entered = [
                (last, one if isinstance(one, Obj) else None) for last, one in said(content["inputField"], place, state)
            ]
        else:
            entered = [(state, given)]
        for begun, own in entered:
            for last, made in self._made(flow, node, own, begun, wanted, kept):
                answer: Value = made
                if path := content.get("outputPath"):
                    for name in reversed(path.split(".")):
                        answer = Obj(((name, answer),))
                elif not isinstance(made, Obj):
                    last, rest = unknown(last)
                    answer = Obj(rest=rest)
                out = answer if isinstance(answer, Obj) else Obj()
                yield last, _over(given, out) if content.get("passThrough") else out, None

    def _made(
        self, flow: Flow, node: Node, own: Obj | None, state: State, wanted: set[str], kept: tuple[Value, ...]
    ) -> Iterator[tuple[State, Value]]:
        """What the node answers, before it is put under its path. `own` None: what it is given cannot be followed."""
        kind, content = node.get("type"), node.get("content") or {}
        if own is None:
            yield unknown(state)
        elif kind == "expressionNode":
            yield from _expressions(flow, node, own, state, wanted)
        elif kind == "decisionNode":
            below = self.known.get(str(content.get("key")))
            if below is None:
                yield unknown(state)
            else:
                yield from self._through(below, own, state, wanted, (*kept, own))
        elif content.get("hitPolicy", "first") == "first":
            yield from _first_row(flow, node, own, state, wanted)
        else:
            yield _all_rows(flow, node, own, state)


# --- nodes ----------------------------------------------------------------------------------------------------------


def _inputs(flow: Flow, state: State) -> tuple[State, Obj]:
    """What the schema says of each input. A name that it does not have may be anything."""
    schema: dict[str, Any] = {}
    for node in flow.nodes:
        if node.get("type") == "inputNode":
            schema = json.loads((node.get("content") or {}).get("schema") or "{}")
    entry = Obj()
    required = set(schema.get("required") or ())
    for name, told in (schema.get("properties") or {}).items():
        types = told.get("type") if isinstance(told, dict) else None
        kinds = {types} if isinstance(types, str) else set(types or ("null",))
        null = "null" in kinds or name not in required
        if kinds - {"null"} == {"boolean"}:
            fact = Fact(options=(True, False), null=null)
        elif name == TOLD_EARLIER:
            state, one = unknown(state, Fact(null=False, is_told=True))
            fact = Fact(null=null, elements=(one,))
        else:
            fact = Fact(null=null)
        state, sym = unknown(state, fact)
        entry = entry.put(name, sym)
    state, rest = unknown(state)
    return state, replace(entry, rest=rest)


def _branches(flow: Flow, node: Node, given: Obj, state: State) -> Iterator[tuple[State, frozenset[str]]]:
    content = node.get("content") or {}
    is_first = content.get("hitPolicy", "first") == "first"
    waiting: list[tuple[State, frozenset[str]]] = [(state, frozenset())]
    for number, statement in enumerate(content.get("statements") or []):
        scope = Scope(given, at=Place(flow.key, str(node["id"]), f"statements[{number}].condition"))
        condition, id_ = str(statement.get("condition") or "").strip(), str(statement.get("id"))
        step = f"{node.get('name') or node['id']}: {condition or 'otherwise'}"
        left: list[tuple[State, frozenset[str]]] = []
        for before, taken in waiting:
            asked = sides(parse(condition), scope, before) if condition else [(before, True)]
            for after, holds in asked:
                if holds and is_first:
                    yield after.step(step), frozenset({id_})
                else:
                    left.append((after.step(step), taken | {id_}) if holds else (after, taken))
        waiting = left
    if not is_first:
        yield from waiting
    # Of a first-hit switch nothing is left: the gate wants a branch without a condition.


def _expressions(flow: Flow, node: Node, own: Obj, state: State, wanted: set[str]) -> Iterator[tuple[State, Value]]:
    rows = (node.get("content") or {}).get("expressions") or []
    texts = {str(row.get("key")): str(row.get("value") or "") for row in rows}
    of_hits = REASONS_OF_HITS.fullmatch(texts.get("reasons", ""))
    is_rule_set = of_hits and OUTCOMES_OF_HITS.get(texts.get("outcome", "")) == of_hits[2]
    found: list[tuple[State, Obj]] = [(state, Obj())]
    for key, text in texts.items():
        if not _is_wanted(key, wanted):
            continue
        at = Place(flow.key, str(node["id"]), key)
        if is_rule_set and of_hits and key in ("outcome", "reasons"):
            if key == "reasons":
                continue  # said with the outcome
            found = [
                (last, _put(made, "outcome", outcome).put("reasons", reasons))
                for before, made in found
                for last, outcome, reasons in _of_hits(
                    json.loads(of_hits[1]), of_hits[2], Scope(own, made, at=at), before
                )
            ]
            continue
        found = [
            (last, _put(made, key, value))
            for before, made in found
            for last, value in said(text, Scope(own, made, at=at), before)
        ]
        if len(found) > MAX_WAYS:
            raise TooManyWays
    yield from found


def _of_hits(codes: list[str], hits: str, scope: Scope, state: State) -> Iterator[tuple[State, Value, Value]]:
    """Outcome and reasons of a rule set: the reasons are those of the hits that made the outcome."""
    for after, collected in said(hits, scope, state):
        fact = after.fact(collected) if isinstance(collected, Sym) else ANYTHING
        records = fact.elements if fact.elements is not None else getattr(collected, "items", None)
        if records is None:
            last, outcome = unknown(after, at=scope.at)
            end, reasons = unknown(last, at=scope.at)
            yield end, outcome, reasons
            continue
        yield after, Const("approve", scope.at), Lst((), scope.at)
        for word in ("refer", "decline"):
            made_by = [one for one in records if isinstance(one, Obj) and _may_be(after, one.get("action"), word)]
            if made_by:
                reasons_of = [one.get("reason") or Const(None, scope.at) for one in made_by]
                listed = all(isinstance(each, Const) and each.value in codes for each in reasons_of)
                told = Fact(null=False, filled=True if listed else None, elements=tuple(dict.fromkeys(reasons_of)))
                last, reasons = unknown(after, told, scope.at)
                yield last, Const(word, scope.at), reasons


def _may_be(state: State, value: Value | None, word: str) -> bool:
    value = resolved(state, value) if value is not None else Const(None)
    return not isinstance(value, Const) or value.value == word


def _first_row(flow: Flow, node: Node, own: Obj, state: State, wanted: set[str]) -> Iterator[tuple[State, Value]]:
    content = node.get("content") or {}
    outputs = [column for column in content.get("outputs") or [] if _is_wanted(str(column.get("field")), wanted)]
    if not outputs:
        yield state, Obj()
        return
    waiting = [state]
    for number, row in enumerate(content.get("rules") or []):
        left: list[State] = []
        step = f"{node.get('name') or node['id']}: row {number + 1}"
        for before in waiting:
            taken, missed = _taken(flow, node, number, row, own, before)
            for after in taken:
                yield from _row(flow, node, number, row, outputs, own, after.step(step))
            left += missed
        waiting = left
        if len(waiting) > MAX_WAYS:
            raise TooManyWays
    yield from ((last, Obj()) for last in waiting)


def _taken(
    flow: Flow, node: Node, number: int, row: Mapping[str, Any], own: Obj, state: State
) -> tuple[list[State], list[State]]:
    """(states in which the row is taken, states in which it is passed by).

    That a row was passed by says something where it has one cell only; of more cells any may have been the one.
    """
    cells = [
        (column, text)
        for column in (node.get("content") or {}).get("inputs") or []
        if (text := str(row.get(str(column.get("id"))) or "").strip())
    ]
    taken: list[State] = [state]
    missed: list[State] = []
    for column, text in cells:
        name = str(column.get("field") or "")
        scope = Scope(own, at=Place(flow.key, str(node["id"]), f"rules[{number}].{name or column.get('id')}"))
        asked: list[tuple[State, bool]] = []
        for before in taken:
            if not name:
                asked += sides(parse(text), scope, before)
                continue
            for after, value in said(name, scope, before):
                asked += sides(parse_cell(text), replace(scope, own=value), after)
        missed += [after for after, holds in asked if not holds]
        taken = [after for after, holds in asked if holds]
    return taken, missed if len(cells) < 2 or not missed else [state]


def _row(
    flow: Flow, node: Node, number: int, row: Mapping[str, Any], outputs: Sequence[Any], own: Obj, state: State
) -> Iterator[tuple[State, Obj]]:
    found: list[tuple[State, Obj]] = [(state, Obj())]
    for column in outputs:
        name = str(column.get("field"))
        text = str(row.get(str(column.get("id"))) or "").strip()
        at = Place(flow.key, str(node["id"]), f"rules[{number}].{name}")
        if not text:
            found = [(last, _put(made, name, Const(None, at))) for last, made in found]
        else:
            found = [
                (last, _put(made, name, value))
                for before, made in found
                for last, value in said(text, Scope(own, at=at), before)
            ]
    yield from found


def _all_rows(flow: Flow, node: Node, own: Obj, state: State) -> tuple[State, Value]:
    """A table that collects: a list of any of its rows' answers."""
    content = node.get("content") or {}
    records: list[Value] = []
    last = state
    for number, row in enumerate(content.get("rules") or []):
        taken, _ = _taken(flow, node, number, row, own, state)
        for after in taken:
            for end, record in _row(flow, node, number, row, content.get("outputs") or [], own, after):
                records.append(record)
                last = replace(last, facts={**end.facts, **last.facts})
    return unknown(last, Fact(null=False, filled=None if records else False, elements=tuple(dict.fromkeys(records))))


# --- the graph ------------------------------------------------------------------------------------------------------


def _order(flow: Flow, nodes: Mapping[str, Node]) -> list[str]:
    """From the input on, each node after all that lead to it. The graph is sound: the gate has seen it."""
    before: dict[str, set[str]] = defaultdict(set)
    for edge in flow.edges:
        before[str(edge["targetId"])].add(str(edge["sourceId"]))
    done: list[str] = []
    while len(done) < len(nodes):
        ready = [id_ for id_ in nodes if id_ not in done and before[id_] <= set(done)]
        if not ready:
            break
        done += ready
    return done


def _given(flow: Flow, id_: str, way: _Way) -> tuple[Obj, State] | None:
    """What arrives at a node: of all nodes before it that ran, and whose branch leads here; None where none does."""
    arrived: list[Obj] = []
    for edge in flow.edges:
        source = str(edge["sourceId"])
        if str(edge["targetId"]) != id_ or source not in way.out:
            continue
        handles = way.handles.get(source)
        if handles is None or str(edge.get("sourceHandle")) in handles:
            arrived.append(way.out[source])
    if not arrived:
        return None
    state, whole = way.state, arrived[0]
    for other in arrived[1:]:
        state, whole = _together(state, whole, other)
    return whole, state


def _together(state: State, left: Obj, right: Obj) -> tuple[State, Obj]:
    """Two answers side by side; of a name that both give differently nobody knows which the engine takes."""
    whole = replace(left, rest=left.rest or right.rest)
    for name, value in right.fields:
        own = left.get(name)
        if own is None or bare(own) == bare(value):
            whole = whole.put(name, own if own is not None else value)
        elif isinstance(own, Obj) and isinstance(value, Obj):
            state, both = _together(state, own, value)
            whole = whole.put(name, both)
        else:
            state, sym = unknown(state)
            whole = whole.put(name, sym)
    return state, whole


def _over(under: Obj, upper: Obj) -> Obj:
    """What passes through, and what the node makes laid over it."""
    whole = replace(under, rest=under.rest or upper.rest)
    for name, value in upper.fields:
        own = under.get(name)
        whole = whole.put(name, _over(own, value) if isinstance(own, Obj) and isinstance(value, Obj) else value)
    return whole


def _put(whole: Obj, key: str, value: Value) -> Obj:
    """Under a name, or a path with dots in it."""
    name, _, rest = key.partition(".")
    if not rest:
        return whole.put(name, value)
    inner = whole.get(name)
    return whole.put(name, _put(inner if isinstance(inner, Obj) else Obj(), rest, value))


def _words(*texts: str) -> set[str]:
    return {word for text in texts for word in WORD.findall(QUOTED.sub(" ", text))}


def _is_wanted(name: str, wanted: set[str]) -> bool:
    return not _words(name).isdisjoint(wanted)


def _read_by(node: Node, wanted: set[str]) -> set[str]:
    content = node.get("content") if isinstance(node.get("content"), dict) else {}
    content = content or {}
    texts = [str(content.get("inputField") or "")]
    if node.get("type") == "switchNode":
        texts += [str(statement.get("condition") or "") for statement in content.get("statements") or []]
    for row in content.get("expressions") or []:
        if _is_wanted(str(row.get("key")), wanted):
            texts.append(str(row.get("value") or ""))
    path = _words(str(content.get("outputPath") or ""))
    columns = content.get("outputs") or []
    if any(_is_wanted(str(column.get("field")), wanted) for column in columns) or path & wanted:
        texts += [str(column.get("field") or "") for column in content.get("inputs") or []]
        texts += [str(cell) for row in content.get("rules") or [] for name, cell in row.items() if name[:1] != "_"]
    return _words(*texts)


def _only_wanted(whole: Obj, wanted: set[str]) -> Obj:
    fields = tuple(
        (name, _only_wanted(value, wanted) if isinstance(value, Obj) else value)
        for name, value in whole.fields
        if name in wanted
    )
    return replace(whole, fields=fields)


def _still(way: _Way, waiting: set[str]) -> _Way:
    """Without what nobody further on is given."""
    return replace(
        way,
        out={id_: out for id_, out in way.out.items() if id_ in waiting},
        handles={id_: taken for id_, taken in way.handles.items() if id_ in waiting},
    )


def _distinct(found: list[_Way], above: tuple[Value, ...]) -> list[_Way]:
    kept: dict[Any, _Way] = {}
    for way in found:
        ids = sorted(way.out)
        key, state = _named(way.state, (*(way.out[id_] for id_ in ids), *above))
        handles = tuple(sorted((id_, tuple(sorted(taken))) for id_, taken in way.handles.items()))
        kept.setdefault((tuple(ids), handles, key), replace(way, state=state))
    if len(kept) > MAX_WAYS:
        raise TooManyWays
    return list(kept.values())


def _distinct_ends(found: Ends, above: tuple[Value, ...]) -> Ends:
    kept: dict[Any, tuple[State, Obj]] = {}
    for state, out in found:
        key, left = _named(state, (out, *above))
        kept.setdefault(key, (left, out))
    return list(kept.values())


def _named(state: State, roots: tuple[Value, ...]) -> tuple[Any, State]:
    """(all that a way knows about what it still holds, with unknown values numbered anew; the state with no more)."""
    numbers: dict[int, int] = {}
    facts: list[Any] = []

    def told(value: Any) -> Any:
        if isinstance(value, Sym):
            if value.id not in numbers:
                numbers[value.id] = len(numbers)
                fact = state.fact(value)
                place = len(facts)
                facts.append(None)
                elements = None if fact.elements is None else tuple(told(one) for one in fact.elements)
                options = None if fact.options is None else tuple(_typed(one) for one in fact.options)
                never = tuple(sorted(map(repr, fact.never)))
                facts[place] = (options, fact.null, never, fact.low, fact.high, fact.filled, elements, fact.is_told)
            return ("sym", numbers[value.id])
        if isinstance(value, Const):
            return ("const", *_typed(value.value), value.at)
        if isinstance(value, Lst):
            return ("list", value.at, *map(told, value.items))
        if isinstance(value, Obj):
            rest = told(value.rest) if value.rest is not None else None
            return (
                "object",
                rest,
                *((name, told(item)) for name, item in sorted(value.fields, key=lambda one: one[0])),
            )
        if isinstance(value, tuple):
            return tuple(map(told, value))
        return value

    roots_told = tuple(map(told, roots))
    memo, asked = {}, []
    for question, answer in state.memo.items():
        if _syms(question) <= set(numbers):
            memo[question] = answer
            asked.append(repr((told(question), told(Sym(answer)))))
    kept = {id_: state.facts[id_] for id_ in numbers if id_ in state.facts}
    return (roots_told, tuple(sorted(asked)), tuple(facts)), State(kept, memo, state.steps)


def _typed(value: Any) -> tuple[str, Any]:
    return type(value).__name__, value


def _syms(value: Any) -> set[int]:
    if isinstance(value, Sym):
        return {value.id}
    return {id_ for part in value for id_ in _syms(part)} if isinstance(value, tuple) else set()
