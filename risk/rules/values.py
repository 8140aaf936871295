"""Values of which something is known without inputs: constants, lists, objects, and the unknown with its facts.

A question about an unknown value parts the way in two (`Sides`), and each remembers what must then be true, so that the
same question later is answered the same. What is not understood is taken to be able to be anything.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import count
from typing import Any


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
    return maybe(state, ("==", bare(left), bare(right)))


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
        return [(state, False)] if None in (left.value, right.value) else maybe(state, (sign, bare(left), bare(right)))
    if isinstance(left, Const):
        left, right, sign = right, left, FLIPPED[sign]
    if not (isinstance(left, Sym) and isinstance(right, Const) and isinstance(right.value, Decimal)):
        return maybe(state, (sign, bare(left), bare(right)))
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
        asked = maybe(state, ("in", bare(value), listed))
        return [(as_filled(after, listed, True) if holds else after, holds) for after, holds in asked]
    return maybe(state, ("in", bare(value), bare(listed)))


def emptied(state: State, value: Value) -> list[tuple[State, Value]]:
    """A list of which the way does not know whether it is empty, both ways."""
    value = resolved(state, value)
    if not isinstance(value, Sym) or state.fact(value).filled is not None:
        return [(state, value)]
    full, none = as_filled(state, value, True), as_filled(state, value, False)
    return [(full, value), (none, resolved(none, value))]


def as_filled(state: State, value: Sym, is_filled: bool) -> State:
    return state.know(value, replace(state.fact(value), filled=is_filled, null=False))


def maybe(state: State, key: Any) -> Sides:
    after, sym = asked_once(state, key, YES_OR_NO)
    return truth(after, sym)


def asked_once(state: State, key: Any, fact: Fact = ANYTHING, at: Place | None = None) -> tuple[State, Sym]:
    """What stands for the answer to a question about unknown values; the same for the same question."""
    if key in state.memo:
        return state, Sym(state.memo[key], at)
    after, sym = unknown(state, fact, at)
    return replace(after, memo={**after.memo, key: sym.id}), sym
