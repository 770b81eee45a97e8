"""What comes next in a run: every node ends, none begins before its inputs, skipping is not failing."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.executions.status import Status
from chalicelib.core.workflows import plan
from chalicelib.core.workflows.graph import Edge, Graph, Node
from chalicelib.core.workflows.plan import Move, Standing
from chalicelib.core.workflows.status import NodeStatus, together
from tests.unit.core.workflows.graphs import FEW, dags, graph

P, R, S, F, K, C = (
    NodeStatus.PENDING,
    NodeStatus.RUNNING,
    NodeStatus.SUCCEEDED,
    NodeStatus.FAILED,
    NodeStatus.SKIPPED,
    NodeStatus.CANCELLED,
)


def to(found: list[Move]) -> dict[str, NodeStatus]:
    return {move.node_id: move.to for move in found}


def standing(**nodes: NodeStatus | tuple[NodeStatus, bool]) -> dict[str, Standing]:
    return {
        name: Standing(*given) if isinstance(given, tuple) else Standing(given)
        for name, given in nodes.items()
    }


@FEW
@given(dags(), st.data())
def test_every_run_ends_and_no_node_begins_before_its_inputs(
    drawn: tuple[list[Node], list[Edge]], data: st.DataObject
) -> None:
    """A run in which nodes end in any order and any way."""
    made = Graph(*drawn)
    known: dict[str, Standing] = {}
    began: list[str] = []
    while together(known.get(name, Standing()).status for name in made.nodes) is None:
        for move in plan.moves(made, known):
            assert known.get(move.node_id, Standing()).status is P
            inputs = [known[edge.source] for edge in made.inputs[move.node_id]]
            assert all(one.status.final for one in inputs)
            known[move.node_id] = Standing(move.to)
            if move.to is R:
                began.append(move.node_id)
                assert not any(one.status.spoils for one in inputs)
        running = sorted(name for name, one in known.items() if one.status is R)
        if not running:
            continue
        ends = data.draw(st.sampled_from(running))
        outcome = data.draw(st.booleans()) if ends.startswith("c") else None
        known[ends] = data.draw(st.sampled_from([Standing(S, outcome), Standing(F)]))
    assert len(began) == len(set(began))
    for name, one in known.items():
        before = [known[edge.source].status for edge in made.inputs[name]]
        assert one.status is F or not any(status.spoils for status in before), "a failure goes on to the end"


def test_branches_begin_together_and_a_join_waits_for_all() -> None:
    diamond = graph("t>a t>b a>d b>d")
    assert to(plan.moves(diamond, {})) == {"t": R}
    assert to(plan.moves(diamond, standing(t=S))) == {"a": R, "b": R}
    assert to(plan.moves(diamond, standing(t=S, a=S, b=R))) == {}
    assert to(plan.moves(diamond, standing(t=S, a=S, b=S))) == {"d": R}


def test_a_failed_node_fails_what_depends_on_it_and_nothing_else() -> None:
    made = graph("t>a t>b a>x x>y b>z")
    assert to(plan.moves(made, standing(t=S, a=F, b=S))) == {"x": F, "y": F, "z": R}
    assert [move.cause for move in plan.moves(made, standing(t=S, a=F, b=R))] == ["a", "x"]


def test_a_condition_opens_one_branch_and_the_other_does_not_fail_the_join() -> None:
    made = graph("t>c c>yes:true c>no:false yes>d no>d")
    assert to(plan.moves(made, standing(t=S, c=(S, True)))) == {"yes": R, "no": K}
    assert to(plan.moves(made, standing(t=S, c=(S, True), yes=S, no=K))) == {"d": R}
    assert to(plan.moves(made, standing(t=S, c=(S, True), yes=F, no=K))) == {"d": F}


def test_an_edge_that_asks_for_no_outcome_is_taken_with_any() -> None:
    made = graph("t>c c>d")
    assert to(plan.moves(made, standing(t=S, c=(S, False)))) == {"d": R}


def test_what_no_branch_leads_to_is_skipped_to_the_end() -> None:
    made = graph("t>c c>a:true a>b b>x")
    assert to(plan.moves(made, standing(t=S, c=(S, False)))) == {"a": K, "b": K, "x": K}


def test_the_trigger_that_fired_begins_and_the_others_are_skipped() -> None:
    made = Graph(
        [Node("t", "trigger"), Node("u", "trigger"), Node("a", "script"), Node("b", "script")],
        [Edge("t", "a"), Edge("u", "a"), Edge("u", "b")],
    )
    assert to(plan.moves(made, {}, "t")) == {"t": R, "u": K, "b": K}
    assert to(plan.moves(made, standing(t=S, u=K), "t")) == {"a": R, "b": K}
    assert to(plan.moves(made, {})) == {"t": R, "u": R}


def test_only_what_did_not_succeed_and_what_depends_on_it_runs_again() -> None:
    made = graph("t>a t>b a>d b>d b>e")
    assert plan.again(made, standing(t=S, a=S, b=F, d=F, e=F)) == {"b", "d", "e"}
    assert plan.again(made, standing(t=S, a=S, b=S, d=C, e=S)) == {"d"}
    branched = graph("t>c c>x:true c>y:false x>z y>z")
    assert plan.again(branched, standing(t=S, c=(S, True), x=F, y=K, z=F)) == {"x", "z"}


def test_a_run_is_what_its_nodes_are_together() -> None:
    assert together([S, R]) is None
    assert together([S, P]) is None
    assert together([S, K]) is Status.SUCCEEDED
    assert together([S, F, C]) is Status.FAILED
    assert together([S, C]) is Status.CANCELLED
