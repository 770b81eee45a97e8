"""A workflow's graph, and what is wrong with one that cannot be run. Pure: knows no table and no surface."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

MOST_NODES = 200
MOST_EDGES = 1000

TRIGGER = "trigger"
BRANCHING = frozenset({"condition", "approval"})
"""Types of nodes that end with an outcome, true or false, which edges may ask for."""


@dataclass(frozen=True)
class Node:
    id: str
    type: str
    config: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Edge:
    """``when``: taken only with that outcome of ``source``; None: with any."""

    source: str
    target: str
    when: bool | None = None


@dataclass(frozen=True)
class Problem:
    """``place``: where in the input, such as ``("nodes", 3, "id")``."""

    place: tuple[str | int, ...]
    message: str


class Graph:
    """Nodes and edges as given; the rest presumes that :func:`problems` found none."""

    def __init__(self, nodes: Sequence[Node], edges: Sequence[Edge]) -> None:
        self.nodes = {node.id: node for node in nodes}
        self.edges = tuple(edges)

    @cached_property
    def inputs(self) -> dict[str, list[Edge]]:
        """Edges into each node."""
        return {name: [edge for edge in self.edges if edge.target == name] for name in self.nodes}

    @cached_property
    def outputs(self) -> dict[str, list[Edge]]:
        return {name: [edge for edge in self.edges if edge.source == name] for name in self.nodes}

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Each node behind all its inputs; ties as given."""
        return tuple(_sorted(list(self.nodes), self.edges))

    def behind(self, names: Iterable[str]) -> set[str]:
        """All that can be reached from ``names``, these included."""
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += [edge.target for edge in self.outputs[name]]
        return found

    def before(self, name: str) -> set[str]:
        """All from which ``name`` can be reached, itself left out."""
        found: set[str] = set()
        waiting = [edge.source for edge in self.inputs[name]]
        while waiting:
            one = waiting.pop()
            if one not in found:
                found.add(one)
                waiting += [edge.source for edge in self.inputs[one]]
        return found

    def branches_on_false(self, name: str) -> bool:
        """Whether an edge leads on from ``name`` when its outcome is false."""
        return any(edge.when is False for edge in self.outputs[name])


def _sorted(names: Sequence[str], edges: Iterable[Edge]) -> list[str]:
    """Topological order (Kahn); what lies on a circle or behind one is left out."""
    followers: dict[str, list[str]] = {name: [] for name in names}
    missing = dict.fromkeys(names, 0)
    for edge in edges:
        followers[edge.source].append(edge.target)
        missing[edge.target] += 1
    ready = [name for name in names if not missing[name]]
    for name in ready:  # grows while it is walked through
        for follower in followers[name]:
            missing[follower] -= 1
            if not missing[follower]:
                ready.append(follower)
    return ready


def problems(nodes: Sequence[Node], edges: Sequence[Edge]) -> list[Problem]:
    """What keeps the graph from being run. Each kind of check presumes that the one before found nothing."""
    for check in (_sizes, _names, _ends, _circle, _entrances):
        found = list(check(nodes, edges))
        if found:
            return found
    return []


def _sizes(nodes: Sequence[Node], edges: Sequence[Edge]) -> Iterator[Problem]:
    if not nodes:
        yield Problem(("nodes",), "a workflow needs at least a trigger")
    if len(nodes) > MOST_NODES:
        yield Problem(("nodes",), f"these are {len(nodes)} nodes; at most {MOST_NODES} are taken")
    if len(edges) > MOST_EDGES:
        yield Problem(("edges",), f"these are {len(edges)} edges; at most {MOST_EDGES} are taken")


def _names(nodes: Sequence[Node], _: Sequence[Edge]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for position, node in enumerate(nodes):
        if node.id in first:
            message = f"'{node.id}' is the id of nodes[{first[node.id]}] already"
            yield Problem(("nodes", position, "id"), message)
        first.setdefault(node.id, position)


def _ends(nodes: Sequence[Node], edges: Sequence[Edge]) -> Iterator[Problem]:
    types = {node.id: node.type for node in nodes}
    seen: dict[Edge, int] = {}
    for position, edge in enumerate(edges):
        place = ("edges", position)
        for word, name in (("from", edge.source), ("to", edge.target)):
            if name not in types:
                yield Problem((*place, word), f"there is no node '{name}'")
        if edge.source == edge.target:
            yield Problem(place, f"'{edge.source}' cannot follow itself")
        if edge in seen:
            yield Problem(place, f"is the same as edges[{seen[edge]}]")
        if edge.when is not None and types.get(edge.source, "condition") not in BRANCHING:
            yield Problem((*place, "when"), "only a condition or an approval has an outcome to ask for")
        if types.get(edge.target) == TRIGGER:
            yield Problem((*place, "to"), f"'{edge.target}' is a trigger: nothing comes before it")
        seen.setdefault(edge, position)


def _circle(nodes: Sequence[Node], edges: Sequence[Edge]) -> Iterator[Problem]:
    found = _a_circle([node.id for node in nodes], edges)
    if found:
        path = " → ".join([edges[found[0]].source, *(edges[position].target for position in found)])
        yield Problem(("edges", found[-1]), f"closes a circle: {path}")


def _a_circle(names: Sequence[str], edges: Sequence[Edge]) -> list[int]:
    """Positions of the edges of a circle in its order, the one given last at the end; none: empty."""
    stuck = set(names) - set(_sorted(names, edges))
    # Every node left over has an input among those left over: walking backwards ends in a circle.
    inputs = {edge.target: position for position, edge in enumerate(edges) if edge.source in stuck}
    name = next((name for name in names if name in stuck), None)
    if name is None:
        return []
    walked: dict[str, int] = {}
    while name not in walked:
        walked[name] = inputs[name]
        name = edges[inputs[name]].source
    circle = list(walked.values())[list(walked).index(name) :][::-1]
    cut = circle.index(max(circle)) + 1
    return circle[cut:] + circle[:cut]


def _entrances(nodes: Sequence[Node], edges: Sequence[Edge]) -> Iterator[Problem]:
    graph = Graph(nodes, edges)
    triggers = [node.id for node in nodes if node.type == TRIGGER]
    if not triggers:
        yield Problem(("nodes",), "a workflow needs a node of type 'trigger' to begin with")
        return
    reached = graph.behind(triggers)
    for position, node in enumerate(nodes):
        if node.id not in reached:
            yield Problem(("nodes", position), f"no trigger leads to '{node.id}': it would never run")
