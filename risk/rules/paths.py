"""The shape of a graph: what is reached, what ends nowhere, and what every path is sure to have produced."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from risk.rules.document import Flow, Node

Fault = tuple[str, str, str, str]
EDITOR_ONLY = {"noteNode", "commentNode"}


class Shape:
    """A graph by its edges. `is_broken`: edges lead nowhere or round in a circle, so that paths mean nothing."""

    def __init__(self, flow: Flow) -> None:
        self.released = flow.envelope is not None
        self.nodes: dict[str, Node] = {
            str(node.get("id")): node for node in flow.nodes if node.get("type") not in EDITOR_ONLY
        }
        self.edges = [
            (str(edge.get("sourceId")), str(edge.get("targetId")), edge.get("sourceHandle")) for edge in flow.edges
        ]
        self.after: dict[str, list[str]] = defaultdict(list)
        self.before: dict[str, list[str]] = defaultdict(list)
        for source, target, _ in self.edges:
            self.after[source].append(target)
            self.before[target].append(source)
        self.inputs = [id_ for id_, node in self.nodes.items() if node.get("type") == "inputNode"]
        self.dangling = [(s, t) for s, t, _ in self.edges if s not in self.nodes or t not in self.nodes]
        self.circle = self._circle()
        self.is_broken = bool(self.dangling or self.circle or not self.edges or len(self.inputs) != 1)

    @property
    def is_asked_only(self) -> bool:
        """A table by itself without a column for the outcome: flows ask it, it need not decide."""
        kinds = {str(node.get("type")): node for node in self.nodes.values()}
        if len(self.nodes) != 3 or set(kinds) != {"inputNode", "decisionTableNode", "outputNode"}:
            return False
        content = kinds["decisionTableNode"].get("content")
        columns = content.get("outputs") if isinstance(content, dict) else None
        return all(column.get("field") != "outcome" for column in columns or [])

    def faults(self) -> Iterator[Fault]:
        if not self.nodes:
            yield "", "nodes", "no_nodes", "a graph without nodes"
            return
        if len(self.inputs) != 1:
            yield (
                (self.inputs[-1] if self.inputs else ""),
                "nodes",
                "input_node",
                f"{len(self.inputs)} input nodes; exactly one is needed",
            )
        if not self.edges:
            yield "", "edges", "no_edges", "a graph without edges answers with its input"
        for source, target in self.dangling:
            yield (
                (source if source in self.nodes else target),
                "edges",
                "missing_node",
                f"an edge {source!r} → {target!r} leads to no node",
            )
        if self.circle:
            yield self.circle[0], "edges", "cycle", " → ".join(self.circle)
        if self.edges and self.inputs:
            reached = self._reached()
            for id_ in self.nodes:
                if id_ not in reached and id_ not in self.inputs:
                    yield id_, "edges", "unreachable_node", "no path leads here from the input node"
            yield from self._dead_ends(reached)

    def ends_without(self, known: Mapping[str, Flow], field: str) -> Iterator[str]:
        """Ids of the last nodes (output nodes) that some path reaches without having produced `field`."""
        sure: dict[str, bool] = {}
        for id_, node in self.nodes.items():
            if node.get("type") == "outputNode" and not self._sure(id_, field, known, sure):
                yield id_

    def _dead_ends(self, reached: set[str]) -> Iterator[Fault]:
        for id_ in sorted(reached):
            node = self.nodes[id_]
            if node.get("type") == "outputNode":
                continue
            if node.get("type") == "switchNode":
                yield from self._open_branches(id_, node)
            elif not self.after[id_]:
                yield id_, "edges", "dead_end", "a path ends here, without an outcome"

    def _open_branches(self, id_: str, node: Node) -> Iterator[Fault]:
        content = node.get("content")
        statements = (content.get("statements") if isinstance(content, dict) else None) or []
        handles = {handle for source, _, handle in self.edges if source == id_}
        for number, statement in enumerate(statements):
            if statement.get("id") not in handles:
                yield (
                    id_,
                    f"statements[{number}]",
                    "dead_end",
                    "this branch of the switch leads nowhere: a path without an outcome",
                )
        for handle in sorted(str(handle) for handle in handles - {statement.get("id") for statement in statements}):
            yield id_, "edges", "missing_branch", f"an edge leaves branch {handle!r}, which the switch does not have"
        if self.released and all(str(statement.get("condition") or "").strip() for statement in statements):
            yield (
                id_,
                "statements",
                "no_default_branch",
                "no branch without a condition: where none holds, the path ends",
            )

    def _reached(self) -> set[str]:
        found, waiting = set(), list(self.inputs)
        while waiting:
            id_ = waiting.pop()
            if id_ in self.nodes and id_ not in found:
                found.add(id_)
                waiting += self.after[id_]
        return found

    def _circle(self) -> list[str]:
        done: set[str] = set()
        for start in self.nodes:
            path: list[str] = []
            stack: list[tuple[str, Iterator[str]]] = []
            if start in done:
                continue
            stack.append((start, iter(self.after[start])))
            path.append(start)
            while stack:
                following = next(stack[-1][1], None)
                if following is None:
                    done.add(stack.pop()[0])
                    path.pop()
                elif following in path:
                    return [*path[path.index(following) :], following]
                elif following not in done and following in self.nodes:
                    stack.append((following, iter(self.after[following])))
                    path.append(following)
        return []

    def _sure(self, id_: str, field: str, known: Mapping[str, Flow], sure: dict[str, bool]) -> bool:
        if id_ in sure:
            return sure[id_]
        node = self.nodes[id_]
        content: dict[str, Any] = node["content"] if isinstance(node.get("content"), dict) else {}
        kind = node.get("type")
        passes = kind in ("outputNode", "switchNode") or bool(content.get("passThrough"))
        made = not content.get("outputPath") and self._makes(kind, content, field, known)
        ways = self.before[id_]
        # branches of a switch never run together, so each must bring the field; of other ways in one is enough
        together = [way for way in ways if self.nodes[way].get("type") != "switchNode" and not self._behind_switch(way)]
        apart = [way for way in ways if way not in together]
        brought = any(self._sure(way, field, known, sure) for way in together) or (
            bool(apart) and all(self._sure(way, field, known, sure) for way in apart)
        )
        sure[id_] = bool(made or (passes and brought))
        return sure[id_]

    def _behind_switch(self, id_: str) -> bool:
        waiting, seen = [id_], set()
        while waiting:
            for way in self.before[waiting.pop()]:
                if self.nodes[way].get("type") == "switchNode":
                    return True
                if way not in seen:
                    seen.add(way)
                    waiting.append(way)
        return False

    @staticmethod
    def _makes(kind: object, content: dict[str, Any], field: str, known: Mapping[str, Flow]) -> bool:
        if kind == "expressionNode":
            return any(row.get("key") == field for row in content.get("expressions") or [])
        if kind == "decisionTableNode" and content.get("hitPolicy", "first") == "first":
            columns = [column.get("id") for column in content.get("outputs") or [] if column.get("field") == field]
            rules = content.get("rules") or []
            return bool(columns) and all(str(rule.get(columns[0]) or "").strip() for rule in rules)
        if kind == "decisionNode" and content.get("key") in known:
            below = known[content["key"]]
            shape, others = Shape(below), {name: flow for name, flow in known.items() if flow.key != below.key}
            return not shape.is_broken and not any(shape.ends_without(others, field))
        return False


def has_no_outcome(flows: Sequence[Flow]) -> bool:
    """Whether some path through the first flow ends without one. The flows are sound but for that."""
    shape = Shape(flows[0])
    return not shape.is_broken and any(shape.ends_without({flow.key: flow for flow in flows}, "outcome"))
