"""Which graphs can be run, and what is said of those that cannot."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.workflows.graph import Edge, Graph, Node, problems
from tests.unit.core.workflows.graphs import FEW, dags, edges, graph, nodes

Drawn = tuple[list[Node], list[Edge]]


@FEW
@given(dags())
def test_any_graph_without_a_circle_is_taken_and_sorted(drawn: Drawn) -> None:
    assert problems(*drawn) == []
    sorted_ = Graph(*drawn).order
    assert sorted(sorted_) == sorted(node.id for node in drawn[0])
    assert all(sorted_.index(edge.source) < sorted_.index(edge.target) for edge in drawn[1])


@FEW
@given(dags().filter(lambda drawn: len(drawn[0]) > 2), st.data())
def test_any_edge_back_is_refused_with_its_place(drawn: Drawn, data: st.DataObject) -> None:
    found, known = drawn
    sorted_ = Graph(found, known)
    later = data.draw(st.sampled_from([node.id for node in found if node.type != "trigger"]))
    earlier = data.draw(st.sampled_from(sorted(sorted_.before(later) - {"t"} | {later})))
    back = [*known, Edge(later, earlier)]
    (problem,) = problems(found, back)
    assert problem.place[:2] == ("edges", len(known))
    if later != earlier:
        assert problem.message.startswith("closes a circle: ")
        path = problem.message.removeprefix("closes a circle: ").split(" → ")
        assert path[0] == path[-1]
        assert len(set(path)) == len(path) - 1
        assert all(
            any((edge.source, edge.target) == step for edge in back) for step in itertools.pairwise(path)
        )


@pytest.mark.parametrize(
    ("names", "given_edges", "place", "words"),
    [
        ([], "", ("nodes",), "needs at least a trigger"),
        (["a"], "", ("nodes",), "needs a node of type 'trigger'"),
        (["t", "a", "a"], "t>a", ("nodes", 2, "id"), "id of nodes[1] already"),
        (["t", "a"], "t>b", ("edges", 0, "to"), "no node 'b'"),
        (["t", "a"], "t>a b>a", ("edges", 1, "from"), "no node 'b'"),
        (["t", "a"], "t>a a>a", ("edges", 1), "cannot follow itself"),
        (["t", "a"], "t>a t>a", ("edges", 1), "same as edges[0]"),
        (["t", "a"], "t>a:true", ("edges", 0, "when"), "only a condition"),
        (["t", "a"], "t>a a>t", ("edges", 1, "to"), "nothing comes before it"),
        (["t", "a", "b"], "t>a", ("nodes", 2), "no trigger leads to 'b'"),
        (["t", "a", "b"], "t>a b>a", ("nodes", 2), "no trigger leads to 'b'"),
        (["t", "a", "b", "d"], "t>a a>b b>d d>a", ("edges", 3), "a → b → d → a"),
        (["t", *(f"n{number}" for number in range(200))], "", ("nodes",), "at most 200"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    names: list[str], given_edges: str, place: tuple[str | int, ...], words: str
) -> None:
    found = problems(nodes(*names), edges(given_edges))
    assert [problem.place for problem in found] == [place]
    assert words in found[0].message


def test_too_many_edges_are_refused() -> None:
    many = [Edge("t", f"n{number}") for number in range(1001)]
    assert [problem.place for problem in problems(nodes("t"), many)] == [("edges",)]


def test_everything_that_is_wrong_in_one_way_is_said_at_once() -> None:
    found = problems(nodes("t", "a"), edges("t>x y>a a>a"))
    assert [problem.place for problem in found] == [("edges", 0, "to"), ("edges", 1, "from"), ("edges", 2)]


def test_what_lies_before_and_behind_a_node_is_known() -> None:
    diamond = graph("t>a t>b a>d b>d d>e")
    assert diamond.behind(["a"]) == {"a", "d", "e"}
    assert diamond.before("d") == {"t", "a", "b"}
