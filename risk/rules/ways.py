"""What an expression can say, worked out without its inputs: every way it may go, each with what must then be true."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from risk.rules.syntax import Tree, parse
from risk.rules.values import (
    ANYTHING,
    Const,
    Fact,
    Lst,
    Obj,
    Place,
    Sides,
    State,
    Sym,
    Value,
    among,
    as_filled,
    asked_once,
    bare,
    compared,
    emptied,
    equal,
    maybe,
    resolved,
    truth,
    unknown,
)

MAX_LIST = 8  # items of a list that are followed one by one
Ways = list[tuple[State, Value]]


@dataclass(frozen=True)
class Scope:
    """What names stand for: fields of `env`, `$`, `#`, and names of closures; `at`: where the text stands."""

    env: Obj
    own: Value | None = None
    it: Value | None = None
    names: tuple[tuple[str, Value], ...] = ()
    at: Place | None = None


def ways(tree: Tree, scope: Scope, state: State) -> Ways:
    """Every way that the expression may go."""
    return [(after, resolved(after, value)) for after, value in _KINDS.get(tree[0], _opaque)(tree, scope, state)]


def sides(tree: Tree, scope: Scope, state: State) -> Sides:
    """Every way that a condition may go, and whether it holds then."""
    return [side for after, value in ways(tree, scope, state) for side in truth(after, value)]


# --- expressions ----------------------------------------------------------------------------------------------------


def _opaque(tree: Tree, scope: Scope, state: State) -> Ways:
    return [asked_once(state, ("tree", tree, _read(tree, scope)), at=scope.at)]


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
        return [asked_once(state, ("member", whole.rest, name), at=at)]
    if isinstance(whole, Sym):
        return [asked_once(state, ("member", whole, name), at=at)]
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
                found.append(asked_once(last, (tree[0], bare(left), bare(right)), at=scope.at))
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
            found.append(asked_once(after, ("len", each), Fact(null=False, low=(Decimal(1), False)), scope.at))
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
        return [asked_once(state, ("tree", tree, _read(tree, scope)), at=scope.at)]
    asked = [(one, {holds for _, holds in sides(body, _inside(scope, name, one), state)}) for one in elements]
    if all(holds == {True} for _, holds in asked):
        return [(state, value)]
    left = tuple(one for one, holds in asked if True in holds)
    if not left:
        return [(state, Lst((), scope.at))]
    return [asked_once(state, ("tree", tree, _read(tree, scope)), Fact(null=False, elements=left), scope.at)]


def _elements(state: State, value: Value) -> tuple[Value, ...] | None:
    if isinstance(value, Lst):
        return value.items
    return state.fact(value).elements if isinstance(value, Sym) else None


def _map(tree: Tree, name: str, value: Value, scope: Scope, state: State) -> Ways:
    body = tree[2][1]
    found: Ways = []
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
        found.append(asked_once(last, ("tree", tree, _read(tree, scope)), fact, scope.at))
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
    asked = maybe(state, ("tree", tree, _read(tree, scope)))
    if not isinstance(value, Sym):
        return _said(asked, scope)
    return _said([(as_filled(after, value, True) if side == decides else after, side) for after, side in asked], scope)


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
