"""Graphs for tests: a short way to write one down, and a strategy for any."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st

from chalicelib.core.workflows.graph import Edge, Graph, Node

FEW = settings(max_examples=40)


def nodes(*names: str, trigger: str = "t") -> list[Node]:
    """``c…`` is a condition, ``trigger`` the trigger, everything else a script."""
    return [Node(name, _type(name, trigger)) for name in names]


def _type(name: str, trigger: str) -> str:
    if name == trigger:
        return "trigger"
    return "condition" if name.startswith("c") else "script"


def edges(text: str) -> list[Edge]:
    """``t>a a>b c>x:true c>y:false``"""
    found = []
    for one in text.split():
        ends, _, when = one.partition(":")
        source, _, target = ends.partition(">")
        found.append(Edge(source, target, {"": None, "true": True, "false": False}[when]))
    return found


def graph(text: str) -> Graph:
    names = dict.fromkeys(name for edge in edges(text) for name in (edge.source, edge.target))
    return Graph(nodes(*names), edges(text))


@st.composite
def dags(draw: st.DrawFn, most: int = 12) -> tuple[list[Node], list[Edge]]:
    """Nodes and edges of a graph that can be run, in any order. Some nodes are conditions."""
    size = draw(st.integers(1, most))
    names = ["t", *(f"{draw(st.sampled_from('ac'))}{number}" for number in range(1, size))]
    found: list[Edge] = []
    for position in range(1, size):
        before = draw(st.sets(st.integers(0, position - 1), min_size=1, max_size=3))
        for source in sorted(before):
            branching = names[source].startswith("c")
            when = draw(st.sampled_from([None, True, False])) if branching else None
            found.append(Edge(names[source], names[position], when))
    return draw(st.permutations(nodes(*names))), draw(st.permutations(found))
