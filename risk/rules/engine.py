"""The evaluator: one `ZenEngine` a process, whose loader hands out parsed content kept under a content address.

A flow is loaded together with the flows it refers to; each reference is pinned to the address (key@hash) of exactly
that content, so that the same address gives the same bytes for ever. No clock, no network: the gate keeps both out.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from copy import deepcopy
from typing import Any

import zen

from risk.rules.document import INT64, Flow, Graph, digest, references


class EvaluationFailed(ValueError):
    """The engine refused; `code` is its error type in snake case, `node` the node's id where it names one."""

    def __init__(self, code: str, message: str, node: str = "") -> None:
        super().__init__(message)
        self.code, self.node = code, node


REFUSES_THE_INPUT = re.compile(r"(/\S*)?: ")  # "/path: what it has against the value"

_contents: dict[str, zen.ZenDecisionContent] = {}
_engine = zen.ZenEngine({"loader": lambda address: _contents[address]})


def load(flows: Iterable[Flow]) -> dict[str, str]:
    """Keep `flows` ready; the address of each by name. Raises EvaluationFailed on a missing or circular reference."""
    return _load_all(flows, _contents)


def trial(flows: Iterable[Flow], key: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Evaluate `key` among flows that may never be released: {result, trace}; nothing of them is kept.

    The flows passed the gate as far as functions and foreign schemas go: those reach out while they are evaluated.
    Raises EvaluationFailed.
    """
    contents: dict[str, zen.ZenDecisionContent] = {}
    addresses = _load_all(flows, contents)
    if key not in addresses:
        raise EvaluationFailed("missing_decision", f"no flow called {key!r} among the given")
    return _evaluate(zen.ZenEngine({"loader": lambda address: contents[address]}), addresses[key], inputs, trace=True)


def evaluate(address: str, inputs: Mapping[str, Any], *, trace: bool = False) -> dict[str, Any]:
    """Evaluate a loaded flow; with `trace` the answer is {result, trace}, else the result alone.

    inputs: JSON values; money as int, dates as ISO text; None means unknown. Raises EvaluationFailed.
    """
    return _evaluate(_engine, address, inputs, trace=trace)


def _evaluate(engine: zen.ZenEngine, address: str, inputs: Mapping[str, Any], *, trace: bool) -> dict[str, Any]:
    check_value(inputs)
    try:
        answer = engine.evaluate(address, dict(inputs), {"trace": True} if trace else None)
    except (RuntimeError, ValueError, TypeError, KeyError) as error:
        raise failure(error) from error
    if not isinstance(answer["result"], dict):
        raise EvaluationFailed("not_an_object", "the flow answered with something other than an object")
    return {"result": answer["result"], "trace": answer["trace"]} if trace else answer["result"]


def evaluate_once(graph: Graph, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Evaluate a graph that asks nothing else and is not kept: work in progress. Raises EvaluationFailed."""
    check_value(inputs)
    try:
        answer = zen.ZenEngine().create_decision(zen.ZenDecisionContent(json.dumps(graph))).evaluate(dict(inputs))
    except (RuntimeError, ValueError, TypeError, KeyError) as error:
        raise failure(error) from error
    result: dict[str, Any] = answer["result"]
    return result


def evaluate_many(address: str, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any] | EvaluationFailed]:
    """`evaluate` of each row, in order; a row that fails is its EvaluationFailed, and the others go on.

    The engine uses every core for a batch and lets go of the interpreter meanwhile.
    """
    found: list[dict[str, Any] | EvaluationFailed] = []
    sound: list[int] = []
    for number, row in enumerate(rows):
        try:
            check_value(row)  # a batch takes an integer past 64 bits for an absent value
        except EvaluationFailed as error:
            found.append(error)
        else:
            sound.append(number)
            found.append({})
    answers = _engine.evaluate_batch([{"key": address, "context": dict(rows[number])} for number in sound])
    for number, answer in zip(sound, answers, strict=True):
        found[number] = _of_batch(answer)
    return found


def _of_batch(answer: Mapping[str, Any]) -> dict[str, Any] | EvaluationFailed:
    if not answer["success"]:
        return _failed(answer.get("error"))
    result = answer["data"]["result"]
    if not isinstance(result, dict):
        return EvaluationFailed("not_an_object", "the flow answered with something other than an object")
    return result


def fault_in_schema(text: str) -> str | None:
    """What the engine has against a JSON schema; it says so only when a flow is evaluated, every time."""
    probe = {
        "nodes": [
            {"id": "input", "type": "inputNode", "name": "input", "content": {"schema": text}},
            {"id": "output", "type": "outputNode", "name": "output"},
        ],
        "edges": [{"id": "edge", "sourceId": "input", "targetId": "output"}],
    }
    try:
        zen.ZenEngine().create_decision(zen.ZenDecisionContent(json.dumps(probe))).evaluate({})
    except (RuntimeError, ValueError) as error:
        told = str(failure(error))
        return None if REFUSES_THE_INPUT.match(told) else told  # an empty input is refused by nearly every sound schema
    return None


def names(flow: Flow) -> tuple[str, ...]:
    """What a sub-decision may call this flow: its key, or its file's name with and without `.json`."""
    file = flow.file.rsplit("/", 1)[-1]
    return tuple(dict.fromkeys(name for name in (flow.key, file, file.removesuffix(".json")) if name))


def check_value(value: object, path: str = "") -> None:
    """Raises EvaluationFailed for what the engine cannot carry: decimals, dates, NaN, integers past 64 bits."""
    if _is_plain(value) or isinstance(value, str):
        return
    if isinstance(value, Mapping):
        for name, item in value.items():
            if not _is_plain(item):  # a place is written down only where there is something to look at
                check_value(item, f"{path}.{name}" if path else str(name))
    elif isinstance(value, list | tuple):
        for position, item in enumerate(value):
            if not _is_plain(item):
                check_value(item, f"{path}[{position}]")
    elif isinstance(value, int):
        raise EvaluationFailed("integer_out_of_range", f"{path}: {value} does not fit 64 bits")
    elif not isinstance(value, float) or value != value or value in (float("inf"), float("-inf")):
        raise EvaluationFailed("unsupported_value", f"{path}: {type(value).__name__} is not a JSON value")


def _is_plain(value: object) -> bool:
    """A value that every decision is full of."""
    kind = type(value)
    return kind is str or value is None or kind is bool or (kind is int and value in INT64)


def _load_all(flows: Iterable[Flow], contents: dict[str, zen.ZenDecisionContent]) -> dict[str, str]:
    by_name = {name: flow for flow in flows for name in names(flow)}
    addresses: dict[str, str] = {}
    for name in by_name:
        _load(name, by_name, addresses, contents, ())
    return addresses


def _load(
    name: str,
    flows: Mapping[str, Flow],
    addresses: dict[str, str],
    contents: dict[str, zen.ZenDecisionContent],
    above: tuple[str, ...],
) -> str:
    if name in addresses:
        return addresses[name]
    if name in above:
        raise EvaluationFailed("circular_reference", " → ".join((*above, name)))
    if name not in flows:
        raise EvaluationFailed("missing_decision", f"no flow called {name!r} among the given")
    graph: Graph = deepcopy(flows[name].graph)
    pins = {key: _load(key, flows, addresses, contents, (*above, name)) for _, key in references(graph)}
    for node in graph["nodes"]:
        if node.get("type") == "decisionNode":
            node["content"]["key"] = pins[node["content"]["key"]]
    address = f"{flows[name].key}@{digest(graph)}"
    if address not in contents:
        try:
            contents[address] = zen.ZenDecisionContent(json.dumps(graph))
        except (RuntimeError, ValueError) as error:
            raise failure(error) from error
    addresses[name] = address
    return address


def failure(error: Exception) -> EvaluationFailed:
    """The engine's errors are JSON text, followed by a stack where RUST_BACKTRACE is set."""
    text = str(error)
    try:
        told, _ = json.JSONDecoder().raw_decode(text)
    except ValueError:
        return EvaluationFailed("engine", text.split("\n", 1)[0])
    return _failed(told, text.split("\n", 1)[0])


def _failed(told: object, text: str = "") -> EvaluationFailed:
    if not isinstance(told, dict):
        return EvaluationFailed("engine", text or str(told))
    kind = str(told.get("type", "engine"))
    code = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind).strip("_")
    message = str(told.get("source") or told).split("\n\nStack backtrace")[0].strip().splitlines()
    return EvaluationFailed(code, message[0] if message else kind, str(told.get("nodeId", "")))
