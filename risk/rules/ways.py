"""What an expression can say, worked out without its inputs: every way it may go, each with what must then be true.

A value is a constant, a list or object of values, or something unknown (`Sym`) about which the way knows `Fact`s. Where
a condition depends on something unknown the way parts in two, and each remembers which side it took, so that a later
expression that asks the same is answered the same. What is not understood is taken to be able to be anything.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import count
from typing import Any

from risk.rules.syntax import Tree, parse

MAX_LIST = 8  # items of a list that are followed one by one


class TooManyWays(Exception):
    """More than anybody would want to read."""


@dataclass(frozen=True)
class Place:
    """Where a value was written: flow, node, and the row, branch or expression in it, as the gate names them."""

    flow: str
    node: str
    field: str


@dataclass(frozen=True)
class Const:
    value: str | bool | Decimal | None
    at: Place | None = None


@dataclass(frozen=True)
class Lst:
    items: tuple["Value", ...]
    at: Place | None = None


@dataclass(frozen=True)
class Obj:
    """`rest`: what a name gives that is not among the fields; None: nothing."""

    fields: tuple[tuple[str, "Value"], ...] = ()
    rest: "Sym | None" = None

    def get(self, name: str) -> "Value | None":
        return next((value for own, value in self.fields if own == name), None)

    def put(self, name: str, value: "Value") -> "Obj":
        kept = tuple(pair for pair in self.fields if pair[0] != name)
        return replace(self, fields=(*kept, (name, value)))


@dataclass(frozen=True)
class Sym:
    id: int
    at: Place | None = field(default=None, compare=False)


Value = Const | Lst | Obj | Sym
Bound = tuple[Decimal, bool]  # an end, and whether it is outside


@dataclass(frozen=True)
class Fact:
    """`options`: what it may be but null; None is anything but `never`. `filled`: whether a list has an item.
    `elements`: what its items may be. `is_told`: a reason that an earlier step told already."""

    options: tuple[Any, ...] | None = None
    null: bool = True
    never: tuple[Any, ...] = ()
    low: Bound | None = None
    high: Bound | None = None
    filled: bool | None = None
    elements: tuple[Value, ...] | None = None
    is_told: bool = False


ANYTHING = Fact()
YES_OR_NO = Fact(options=(True, False), null=False)


@dataclass(frozen=True)
class State:
    """`memo`: what was asked of unknown values already, and what stands for the answer."""

    facts: Mapping[int, Fact] = field(default_factory=dict)
    memo: Mapping[Any, int] = field(default_factory=dict)
    steps: tuple[str, ...] = ()

    def know(self, sym: Sym, fact: Fact) -> "State":
        return replace(self, facts={**self.facts, sym.id: fact})

    def fact(self, sym: Sym) -> Fact:
        return self.facts.get(sym.id, ANYTHING)

    def step(self, text: str) -> "State":
        return replace(self, steps=(*self.steps, text))


@dataclass(frozen=True)
class Scope:
    """What names stand for: fields of `env`, `$`, `#`, and names of closures; `at`: where the text stands."""

    env: Obj
    own: Value | None = None
    it: Value | None = None
    names: tuple[tuple[str, Value], ...] = ()
    at: Place | None = None


Ways = list[tuple[State, Value]]
Sides = list[tuple[State, bool]]

_ids = count(1)


def unknown(state: State, fact: Fact = ANYTHING, at: Place | None = None) -> tuple[State, Sym]:
    sym = Sym(next(_ids), at)
    return state.know(sym, fact), sym


def resolved(state: State, value: Value) -> Value:
    """The constant that an unknown value has come to be, else itself."""
    if isinstance(value, Sym):
        fact = state.fact(value)
        if fact.options is not None and len(fact.options) + fact.null == 1:
            return Const(fact.options[0] if fact.options else None, value.at)
        if fact.filled is False:
            return Lst((), value.at)
    return value


def ways(tree: Tree, scope: Scope, state: State) -> Ways:
    """Every way that the expression may go."""
    return [(after, resolved(after, value)) for after, value in _KINDS.get(tree[0], _opaque)(tree, scope, state)]


def sides(tree: Tree, scope: Scope, state: State) -> Sides:
    """Every way that a condition may go, and whether it holds then."""
    return [side for after, value in ways(tree, scope, state) for side in truth(after, value)]


def truth(state: State, value: Value) -> Sides:
    value = resolved(state, value)
    if isinstance(value, Const):
        return [(state, value.value is True)]
    if not isinstance(value, Sym):
        return [(state, False)]
    return _equal_to(state, value, True)


def bare(value: Any) -> Any:
    """The value without where it was written, as something that can be compared."""
    if isinstance(value, Const):
        return ("const", type(value.value).__name__, value.value)
    if isinstance(value, Lst):
        return ("list", *map(bare, value.items))
    if isinstance(value, Obj):
        return ("object", value.rest, *((name, bare(item)) for name, item in value.fields))
    return value


def same(left: object, right: object) -> bool:
    return type(left) is type(right) and left == right


# --- what is asked of values ----------------------------------------------------------------------------------------


def equal(state: State, left: Value, right: Value) -> Sides:
    left, right = resolved(state, left), resolved(state, right)
    if isinstance(left, Const) and isinstance(right, Const):
        return [(state, same(left.value, right.value))]
    if isinstance(left, Const):
        left, right = right, left
    if left == right and isinstance(left, Sym):
        return [(state, True)]
    if isinstance(left, Sym) and isinstance(right, Const):
        return _equal_to(state, left, right.value)
    if isinstance(left, Sym) and isinstance(right, Sym):
        options = state.fact(right).options
        if options is not None and not state.fact(right).null:
            parted = [(after, option) for option in options for after in _only(state, right, option)]
            return [side for after, option in parted for side in _equal_to(after, left, option)]
    if isinstance(left, Lst | Obj) and isinstance(right, Const):
        return [(state, False)]
    return _maybe(state, ("==", bare(left), bare(right)))


def _equal_to(state: State, sym: Sym, value: Any) -> Sides:
    yes = [(after, True) for after in _only(state, sym, value)]
    fact = state.fact(sym)
    if value is None:
        other = replace(fact, null=False)
    elif fact.options is not None:
        other = replace(fact, options=tuple(option for option in fact.options if not same(option, value)))
    else:
        other = replace(fact, never=(*fact.never, value))
    return [*yes, *((state.know(sym, other), False) for _ in [0] if _can_be(other))]


def _only(state: State, sym: Sym, value: Any) -> Iterator[State]:
    """The state in which it is exactly that, where it can be."""
    fact = state.fact(sym)
    if value is None:
        if fact.null:
            yield state.know(sym, Fact(options=()))
        return
    allowed = fact.options is None or any(same(option, value) for option in fact.options)
    if allowed and not any(same(each, value) for each in fact.never) and _within(value, fact):
        yield state.know(sym, Fact(options=(value,), null=False, is_told=fact.is_told))


def _within(value: Any, fact: Fact) -> bool:
    if not isinstance(value, Decimal):
        return fact.low is None and fact.high is None
    above = fact.low is None or value > fact.low[0] or (value == fact.low[0] and not fact.low[1])
    below = fact.high is None or value < fact.high[0] or (value == fact.high[0] and not fact.high[1])
    return above and below


def _can_be(fact: Fact) -> bool:
    if fact.null:
        return True
    if fact.options is not None:
        return bool(fact.options)
    if fact.low is None or fact.high is None:
        return True
    return fact.low[0] < fact.high[0] or (fact.low[0] == fact.high[0] and not fact.low[1] and not fact.high[1])


FLIPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
OPPOSITE = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}
COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}


def compared(state: State, sign: str, left: Value, right: Value) -> Sides:
    """Of numbers; nothing is larger or smaller than null, which in a table is a miss and elsewhere an error."""
    left, right = resolved(state, left), resolved(state, right)
    if isinstance(left, Const) and isinstance(right, Const):
        if isinstance(left.value, Decimal) and isinstance(right.value, Decimal):
            return [(state, COMPARED[sign](left.value, right.value))]
        return [(state, False)] if None in (left.value, right.value) else _maybe(state, (sign, bare(left), bare(right)))
    if isinstance(left, Const):
        left, right, sign = right, left, FLIPPED[sign]
    if not (isinstance(left, Sym) and isinstance(right, Const) and isinstance(right.value, Decimal)):
        return _maybe(state, (sign, bare(left), bare(right)))
    fact, found = state.fact(left), []
    for taken, holds in ((sign, True), (OPPOSITE[sign], False)):
        kept = _cut(fact, taken, right.value)
        if holds:
            kept = replace(kept, null=False)
        if _can_be(kept):
            found.append((state.know(left, kept), holds))
    return found


def _cut(fact: Fact, sign: str, end: Decimal) -> Fact:
    if fact.options is not None:
        kept = tuple(one for one in fact.options if isinstance(one, Decimal) and COMPARED[sign](one, end))
        return replace(fact, options=kept)
    bound = (end, sign in "<>")
    if sign in ("<", "<="):
        high = bound if fact.high is None or (bound[0], not bound[1]) < (fact.high[0], not fact.high[1]) else fact.high
        return replace(fact, high=high)
    return replace(fact, low=bound if fact.low is None or bound > fact.low else fact.low)


def among(state: State, value: Value, listed: Value) -> Sides:
    listed = resolved(state, listed)
    if isinstance(listed, Lst):
        found, waiting = [], [state]
        for item in listed.items:
            asked = [side for each in waiting for side in equal(each, value, item)]
            found += [side for side in asked if side[1]]
            waiting = [after for after, holds in asked if not holds]
        return [*found, *((each, False) for each in waiting)]
    if isinstance(listed, Sym):
        elements = state.fact(listed).elements
        if elements is not None and not any(holds for one in elements for _, holds in equal(state, value, one)):
            return [(state, False)]
        asked = _maybe(state, ("in", bare(value), listed))
        return [(_filled(after, listed, True) if holds else after, holds) for after, holds in asked]
    return _maybe(state, ("in", bare(value), bare(listed)))


def emptied(state: State, value: Value) -> list[tuple[State, Value]]:
    """A list of which the way does not know whether it is empty, both ways."""
    value = resolved(state, value)
    if not isinstance(value, Sym) or state.fact(value).filled is not None:
        return [(state, value)]
    full, none = _filled(state, value, True), _filled(state, value, False)
    return [(full, value), (none, resolved(none, value))]


def _filled(state: State, value: Sym, filled: bool) -> State:
    return state.know(value, replace(state.fact(value), filled=filled, null=False))


def _maybe(state: State, key: Any) -> Sides:
    after, sym = _asked(state, key, YES_OR_NO)
    return truth(after, sym)


def _asked(state: State, key: Any, fact: Fact = ANYTHING, at: Place | None = None) -> tuple[State, Sym]:
    """What stands for the answer to a question about unknown values; the same for the same question."""
    if key in state.memo:
        return state, Sym(state.memo[key], at)
    after, sym = unknown(state, fact, at)
    return replace(after, memo={**after.memo, key: sym.id}), sym


# --- expressions ----------------------------------------------------------------------------------------------------


def _opaque(tree: Tree, scope: Scope, state: State) -> Ways:
    return [_asked(state, ("tree", tree, _read(tree, scope)), at=scope.at)]


def _read(tree: Any, scope: Scope) -> Any:
    """All that the text may read, as part of a question's name."""
    local = dict(scope.names)
    names = sorted(_names_in(tree))
    found = [(name, bare(local.get(name) or scope.env.get(name) or Const(None))) for name in names]
    own = bare(scope.own) if scope.own is not None and _has(tree, ("self",)) else None
    return (tuple(found), own, bare(scope.it) if scope.it is not None else None, scope.at if _is_text(tree) else None)


def _is_text(tree: Any) -> bool:
    """An opaque text: what it reads is not known, so it is the same question at its own place only."""
    return isinstance(tree, tuple) and (tree[:1] == ("opaque",) or any(map(_is_text, tree)))


def _names_in(tree: Any) -> set[str]:
    if not isinstance(tree, tuple) or not tree:
        return set()
    if tree[0] == "name":
        return {tree[1]}
    return {name for part in tree for name in _names_in(part)}


def _has(tree: Any, part: Tree) -> bool:
    return bool(tree == part) or (isinstance(tree, tuple) and any(_has(each, part) for each in tree))


def _value(tree: Tree, scope: Scope, state: State) -> Ways:
    return [(state, Const(tree[1], scope.at))]


def _name(tree: Tree, scope: Scope, state: State) -> Ways:
    value = dict(scope.names).get(tree[1])
    return [(state, value)] if value is not None else _member_of(state, scope.env, tree[1], scope.at)


def _member_of(state: State, whole: Value, name: str, at: Place | None) -> Ways:
    if isinstance(whole, Obj):
        value = whole.get(name)
        if value is not None:
            return [(state, value)]
        if whole.rest is None:
            return [(state, Const(None, at))]
        return [_asked(state, ("member", whole.rest, name), at=at)]
    if isinstance(whole, Sym):
        return [_asked(state, ("member", whole, name), at=at)]
    return [(state, Const(None, at))]


def _member(tree: Tree, scope: Scope, state: State) -> Ways:
    found = ways(tree[1], scope, state)
    return [way for after, whole in found for way in _member_of(after, whole, tree[2], scope.at)]


def _index(tree: Tree, scope: Scope, state: State) -> Ways:
    found: Ways = []
    for after, whole in ways(tree[1], scope, state):
        for last, place in ways(tree[2], scope, after):
            if isinstance(whole, Lst) and isinstance(place, Const) and isinstance(place.value, Decimal):
                inside = 0 <= place.value < len(whole.items)
                found.append((last, whole.items[int(place.value)] if inside else Const(None, scope.at)))
            else:
                found.append(_one_of(last, whole, scope.at))
    return found


def _one_of(state: State, whole: Value, at: Place | None) -> tuple[State, Value]:
    elements = state.fact(whole).elements if isinstance(whole, Sym) else None
    if elements and all(isinstance(one, Const) for one in elements):
        return unknown(state, Fact(options=tuple(one.value for one in elements if isinstance(one, Const))), at)
    return unknown(state, ANYTHING, at)


def _list(tree: Tree, scope: Scope, state: State) -> Ways:
    return [(after, Lst(items, scope.at)) for after, items in _each(tree[1], scope, state)]


def _each(trees: tuple[Tree, ...], scope: Scope, state: State) -> list[tuple[State, tuple[Value, ...]]]:
    found: list[tuple[State, tuple[Value, ...]]] = [(state, ())]
    for tree in trees:
        found = [(last, (*items, value)) for after, items in found for last, value in ways(tree, scope, after)]
    return found


def _object(tree: Tree, scope: Scope, state: State) -> Ways:
    names = [name for name, _ in tree[1]]
    found = _each(tuple(part for _, part in tree[1]), scope, state)
    return [(after, Obj(tuple(zip(names, items, strict=True)))) for after, items in found]


def _if(tree: Tree, scope: Scope, state: State) -> Ways:
    asked = sides(tree[1], scope, state)
    return [way for after, holds in asked for way in ways(tree[2] if holds else tree[3], scope, after)]


def _not(tree: Tree, scope: Scope, state: State) -> Ways:
    return [(after, Const(not holds, scope.at)) for after, holds in sides(tree[1], scope, state)]


def _both(tree: Tree, scope: Scope, state: State) -> Ways:
    """`and` and `or`: the right side is asked only where the left has not decided."""
    decides, found = tree[0] == "or", []
    for after, holds in sides(tree[1], scope, state):
        if holds == decides:
            found.append((after, holds))
        else:
            found += sides(tree[2], scope, after)
    return _said(found, scope)


def _said(found: Sides, scope: Scope) -> Ways:
    return [(after, Const(holds, scope.at)) for after, holds in found]


def _compare(tree: Tree, scope: Scope, state: State) -> Ways:
    sign, found = tree[0], []
    for after, left in ways(tree[1], scope, state):
        for last, right in ways(tree[2], scope, after):
            if sign in ("==", "!="):
                found += [(end, holds == (sign == "==")) for end, holds in equal(last, left, right)]
            else:
                found += compared(last, sign, left, right)
    return _said(found, scope)


def _in(tree: Tree, scope: Scope, state: State) -> Ways:
    wanted, found = tree[0] == "in", []
    if tree[2][0] == "interval":
        _, low, high, without_low, without_high = tree[2]
        above, below = (">" if without_low else ">=", tree[1], low), ("<" if without_high else "<=", tree[1], high)
        found = sides(("and", above, below), scope, state)
    else:
        for after, value in ways(tree[1], scope, state):
            for last, listed in ways(tree[2], scope, after):
                found += among(last, value, listed)
    return _said([(after, holds == wanted) for after, holds in found], scope)


def _instead(tree: Tree, scope: Scope, state: State) -> Ways:
    """`a ?? b`."""
    found: Ways = []
    for after, value in ways(tree[1], scope, state):
        for last, is_null in equal(after, value, Const(None)):
            found += ways(tree[2], scope, last) if is_null else [(last, value)]
    return found


def _sum(tree: Tree, scope: Scope, state: State) -> Ways:
    found: Ways = []
    for after, left in ways(tree[1], scope, state):
        for last, right in ways(tree[2], scope, after):
            numbers = [one.value for one in (left, right) if isinstance(one, Const) and isinstance(one.value, Decimal)]
            if len(numbers) == 2 and tree[0] in "+-*":
                a, b = numbers
                value = a + b if tree[0] == "+" else a - b if tree[0] == "-" else a * b
                found.append((last, Const(value, scope.at)))
            else:
                found.append(_asked(last, (tree[0], bare(left), bare(right)), at=scope.at))
    return found


def _minus(tree: Tree, scope: Scope, state: State) -> Ways:
    return ways(("-", ("value", Decimal(0)), tree[1]), scope, state)


def _it(tree: Tree, scope: Scope, state: State) -> Ways:
    return [(state, scope.it if scope.it is not None else Const(None, scope.at))]


def _self(tree: Tree, scope: Scope, state: State) -> Ways:
    return [(state, scope.own if scope.own is not None else Const(None, scope.at))]


def _call(tree: Tree, scope: Scope, state: State) -> Ways:
    over = _CALLS.get((tree[1], len(tree[2])))
    if over is None:
        return _opaque(tree, scope, state)
    found: Ways = []
    first = tree[2][0]
    listed, name = (first[1], first[2]) if first[0] == "closure" else (first, "")
    if tree[1] == "map" and (whole := _first_of(tree)):
        return ways(whole, scope, state)
    for after, value in ways(listed, scope, state):
        found += over(tree, name, value, scope, after)
    return found


def _first_of(tree: Tree) -> Tree | None:
    """The list of which `jdm.first_of` takes the first items: it has one exactly where the list has one."""
    outer, body = tree[2]
    if (
        outer[0] != "closure"
        or outer[1][:2] != ("call", "filter")
        or body[0] != "index"
        or body[2] != ("name", outer[2])
    ):
        return None
    places, condition = outer[1][2]
    if places[0] != "closure" or places[1][0] != "list" or places[1][1][:1] != (("value", Decimal(0)),):
        return None
    wanted: Tree = ("<", ("name", places[2]), ("call", "len", (body[1],)))
    return body[1] if condition == wanted else None


def _inside(scope: Scope, name: str, item: Value) -> Scope:
    if name:
        return replace(scope, names=(*scope.names, (name, item)))
    return replace(scope, it=item)


def _len(tree: Tree, name: str, value: Value, scope: Scope, state: State) -> Ways:
    if isinstance(value, Lst):
        return [(state, Const(Decimal(len(value.items)), scope.at))]
    if not isinstance(value, Sym):
        return _opaque(tree, scope, state)
    found: Ways = []
    for after, each in emptied(state, value):
        if isinstance(each, Lst):
            found.append((after, Const(Decimal(0), scope.at)))
        else:
            found.append(_asked(after, ("len", each), Fact(null=False, low=(Decimal(1), False)), scope.at))
    return found


def _filter(tree: Tree, name: str, value: Value, scope: Scope, state: State) -> Ways:
    body = tree[2][1]
    if isinstance(value, Lst) and len(value.items) <= MAX_LIST:
        kept: list[tuple[State, tuple[Value, ...]]] = [(state, ())]
        for item in value.items:
            kept = [
                (last, (*items, item) if holds else items)
                for after, items in kept
                for last, holds in sides(body, _inside(scope, name, item), after)
            ]
        return [(after, Lst(items, scope.at)) for after, items in kept]
    elements = _elements(state, value)
    if elements is None:
        return [_asked(state, ("tree", tree, _read(tree, scope)), at=scope.at)]
    asked = [(one, {holds for _, holds in sides(body, _inside(scope, name, one), state)}) for one in elements]
    if all(holds == {True} for _, holds in asked):
        return [(state, value)]
    left = tuple(one for one, holds in asked if True in holds)
    if not left:
        return [(state, Lst((), scope.at))]
    return [_asked(state, ("tree", tree, _read(tree, scope)), Fact(null=False, elements=left), scope.at)]


def _elements(state: State, value: Value) -> tuple[Value, ...] | None:
    if isinstance(value, Lst):
        return value.items
    return state.fact(value).elements if isinstance(value, Sym) else None


def _map(tree: Tree, name: str, value: Value, scope: Scope, state: State) -> Ways:
    body, found = tree[2][1], []
    for after, each in emptied(state, value):
        if isinstance(each, Lst) and len(each.items) <= MAX_LIST:
            mapped: list[tuple[State, tuple[Value, ...]]] = [(after, ())]
            for item in each.items:
                mapped = [
                    (last, (*items, one))
                    for before, items in mapped
                    for last, one in ways(body, _inside(scope, name, item), before)
                ]
            found += [(last, Lst(items, scope.at)) for last, items in mapped]
            continue
        if not isinstance(each, Sym | Lst):
            found += _opaque(tree, scope, after)
            continue
        elements, last = _elements(after, each), after
        said: list[Value] = []
        for one in elements or ():
            for end, item in ways(body, _inside(scope, name, one), after):
                said.append(item)
                last = replace(last, facts={**end.facts, **last.facts})
        fact = Fact(null=False, filled=True, elements=None if elements is None else tuple(dict.fromkeys(said)))
        found.append(_asked(last, ("tree", tree, _read(tree, scope)), fact, scope.at))
    return found


def _flat_map(tree: Tree, name: str, value: Value, scope: Scope, state: State) -> Ways:
    """`flatMap([a, b], #)`, one list after the other."""
    if tree[2][1] != ("it",) or not isinstance(value, Lst):
        return _opaque(tree, scope, state)
    parted: list[tuple[State, tuple[Value, ...]]] = [(state, ())]
    for part in value.items:
        parted = [(last, (*parts, each)) for after, parts in parted for last, each in emptied(after, part)]
    found: Ways = []
    for after, parts in parted:
        if all(isinstance(part, Lst) for part in parts):
            items = tuple(item for part in parts if isinstance(part, Lst) for item in part.items)
            found.append((after, Lst(items, scope.at)))
            continue
        elements: list[Value] | None = []
        filled = any(isinstance(part, Sym) or (isinstance(part, Lst) and part.items) for part in parts)
        for part in parts:
            own = _elements(after, part)
            elements = None if elements is None or own is None else [*elements, *own]
        fact = Fact(null=False, filled=filled, elements=None if elements is None else tuple(dict.fromkeys(elements)))
        found.append(unknown(after, fact, scope.at))
    return found


def _some(tree: Tree, name: str, value: Value, scope: Scope, state: State) -> Ways:
    """`some` and `all`, decided by the first item that says so."""
    body, decides = tree[2][1], tree[1] == "some"
    if isinstance(value, Lst) and len(value.items) <= MAX_LIST:
        found: Sides = []
        waiting = [state]
        for item in value.items:
            asked = [side for each in waiting for side in sides(body, _inside(scope, name, item), each)]
            found += [side for side in asked if side[1] == decides]
            waiting = [after for after, holds in asked if holds != decides]
        return _said([*found, *((each, not decides) for each in waiting)], scope)
    elements = _elements(state, value)
    if elements is not None:
        holds = {side for one in elements for _, side in sides(body, _inside(scope, name, one), state)}
        if decides not in holds:
            return [(state, Const(not decides, scope.at))]
    asked = _maybe(state, ("tree", tree, _read(tree, scope)))
    if not isinstance(value, Sym):
        return _said(asked, scope)
    return _said([(_filled(after, value, True) if side == decides else after, side) for after, side in asked], scope)


def _contains(tree: Tree, name: str, value: Value, scope: Scope, state: State) -> Ways:
    is_list = isinstance(value, Lst) or (isinstance(value, Sym) and state.fact(value).elements is not None)
    if not is_list:
        return _opaque(tree, scope, state)
    return [way for after, item in ways(tree[2][1], scope, state) for way in _said(among(after, item, value), scope)]


_CALLS: dict[tuple[str, int], Callable[[Tree, str, Value, Scope, State], Ways]] = {
    ("len", 1): _len,
    ("filter", 2): _filter,
    ("map", 2): _map,
    ("flatMap", 2): _flat_map,
    ("some", 2): _some,
    ("all", 2): _some,
    ("contains", 2): _contains,
}
_KINDS: dict[str, Callable[[Tree, Scope, State], Ways]] = {
    "value": _value,
    "name": _name,
    "it": _it,
    "self": _self,
    "list": _list,
    "object": _object,
    "member": _member,
    "index": _index,
    "call": _call,
    "if": _if,
    "not": _not,
    "minus": _minus,
    "and": _both,
    "or": _both,
    "in": _in,
    "not in": _in,
    "??": _instead,
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), _compare),
    **dict.fromkeys(("+", "-", "*", "/", "%", "^"), _sum),
}


def said(text: str, scope: Scope, state: State) -> Ways:
    return ways(parse(text), scope, state)
