"""Whether every way through a flow that declines or refers somebody ends in a reason that could be told them.

Each way of the graph is followed without inputs (`graphways`): what may end in a decline or a referral must carry a
list of reasons that is certain to hold one, and nothing but codes of the register that a borrower can be told. Ways
that only seem possible are followed too: what is found may be a false alarm, what is not found cannot happen.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from risk.rules import reasons as register_of
from risk.rules.document import Flow
from risk.rules.engine import names
from risk.rules.graphways import MAX_WAYS, Walk
from risk.rules.reasons import ReasonText
from risk.rules.values import Const, Fact, Lst, Obj, Place, State, Sym, TooManyWays, Value, resolved

WANTED = {"outcome", "reasons"}
SPOKEN = ("decline", "refer")
DOES = {"decline": "declines", "refer": "refers"}
MAX_STEPS = 6
Register = Mapping[str, ReasonText]


@dataclass(frozen=True)
class Speechless:
    """One place that may decline or refer without a reason. `kind`: silent (it has none), may_be_silent, no_list,
    unregistered, or not_followed. `way`: rows and branches taken, an example."""

    file: str
    node: str
    field: str
    where: str
    kind: str
    message: str
    way: tuple[str, ...] = ()


def speechless(flows: Sequence[Flow], register: Register) -> list[Speechless]:
    """Of the first flow with all that it asks; they have passed the gate. One finding a place and kind."""
    known = {name: flow for flow in reversed(flows) for name in names(flow)}
    root = flows[0]
    try:
        ends = Walk(known).ends(root, set(WANTED))
    except TooManyWays:
        told = f"has more than {MAX_WAYS} ways to an outcome, so nobody followed them all: divide it into sub-decisions"
        return [Speechless(root.file, "", "", root.key, "not_followed", told)]
    by_key = {flow.key: flow for flow in flows}
    found: dict[tuple[str, str, str, str, str], Speechless] = {}
    for state, answer in ends:
        for place, other, kind, message in _faults(state, answer, register):
            at = place or Place(root.key, "", "")
            flow = by_key.get(at.flow, root)
            where = words(flow, at)
            beside = words(by_key.get(other.flow, root), other) if other else where
            told = message if beside == where else f"{message} (see {beside})"
            way = tuple(dict.fromkeys(state.steps))[-MAX_STEPS:]
            one = Speechless(flow.file, at.node, at.field, where, kind, told, way)
            found.setdefault((one.file, one.node, one.field, kind, told), one)
    return list(found.values())


def sentence(one: Speechless) -> str:
    return f"{one.where} {one.message}."


def _faults(state: State, answer: Obj, register: Register) -> Iterator[tuple[Place | None, Place | None, str, str]]:
    """(place to blame, the other place that has a part in it, kind, message)."""
    outcome = resolved(state, answer.get("outcome") or _absent(answer))
    reasons = resolved(state, answer.get("reasons") or _absent(answer))
    at = getattr(outcome, "at", None)
    for word in _words_of(state, outcome):
        does = DOES.get(word, "may decline or refer (its outcome cannot be followed)")
        for place, kind, told in _of_reasons(state, reasons, register):
            if kind in ("silent", "may_be_silent", "no_list"):
                yield at or place, place, kind, f"{does} {told}"
            else:
                yield place or at, None, kind, f"{does} {told}"


def _absent(answer: Obj) -> Value:
    return answer.rest or Const(None)


def _words_of(state: State, outcome: Value) -> Iterator[str]:
    """decline and refer as far as they can be; "" where nobody can say what it is."""
    if isinstance(outcome, Const):
        options: Sequence[object] | None = [outcome.value]
    elif isinstance(outcome, Sym):
        options = state.fact(outcome).options
    else:
        return
    if options is None:
        yield ""
    else:
        yield from (word for word in SPOKEN if word in options)


def _of_reasons(state: State, reasons: Value, register: Register) -> Iterator[tuple[Place | None, str, str]]:
    at = getattr(reasons, "at", None)
    if isinstance(reasons, Const):
        if reasons.value is None:
            yield at, "silent", "without a reason"
        else:
            yield at, "no_list", f"with {reasons.value!r}, which is no list: write [{reasons.value!r}]"
        return
    if isinstance(reasons, Lst):
        if not reasons.items:
            yield at, "silent", "without a reason"
        items: tuple[Value, ...] = reasons.items
    elif isinstance(reasons, Sym):
        fact = state.fact(reasons)
        if fact.filled is not True:
            yield (
                at,
                "may_be_silent",
                "with a list of reasons that may be empty: end it in `len(x) > 0 ? x : ['N01']`, or a code of your own",
            )
        if fact.elements is None:
            yield (
                at,
                "not_followed",
                "with reasons that cannot be followed: write the codes out, or `filter([codes] as code, code in x)`",
            )
            return
        items = fact.elements
    else:
        yield at, "no_list", "with something else than a list of reasons"
        return
    for item in items:
        yield from _of_code(state, resolved(state, item), register, at)


def _of_code(
    state: State, item: Value, register: Register, at: Place | None
) -> Iterator[tuple[Place | None, str, str]]:
    fact = state.fact(item) if isinstance(item, Sym) else Fact(options=(getattr(item, "value", None),))
    place = getattr(item, "at", None) or at
    if fact.is_told:
        return
    if fact.options is None:
        yield place, "not_followed", "with a reason that cannot be followed: write the codes out"
        return
    for code in fact.options:
        if not isinstance(code, str) or not code.strip():
            yield place, "silent", "with an empty reason"
        else:
            yield from (
                (place, "unregistered", f"with a reason that nobody could be told: {told}")
                for _, told in register_of.faults([code], register)
            )


def words(flow: Flow, at: Place) -> str:
    """The place as an analyst would say it: "credit, table grade, row 6"."""
    node = next((node for node in flow.nodes if str(node.get("id")) == at.node), None)
    if node is None:
        return flow.key
    content = node.get("content") or {}
    name = f"{flow.key}, {_KINDS.get(str(node.get('type')), 'node')} {node.get('name') or at.node}"
    if row := re.match(r"rules\[(\d+)\]\.(.*)", at.field):
        rule = content["rules"][int(row[1])]
        rules = {column.get("field"): str(rule.get(str(column.get("id"))) or "") for column in content["outputs"]}
        called = f" ({json_text})" if (json_text := rules.get("rule", "").strip("\"'")) else ""
        return f"{name}, row {int(row[1]) + 1}{called}"
    if branch := re.match(r"statements\[(\d+)\]", at.field):
        return f"{name}, branch {int(branch[1]) + 1}"
    return f"{name}, {at.field}" if at.field else name


_KINDS = {"decisionTableNode": "table", "expressionNode": "expression", "switchNode": "switch", "decisionNode": "step"}
