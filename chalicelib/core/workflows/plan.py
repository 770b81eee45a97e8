"""What comes next in a run, from its graph and how its nodes stand. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.core.workflows.graph import Edge, Graph
from chalicelib.core.workflows.status import NodeStatus


@dataclass(frozen=True)
class Standing:
    """``outcome``: of a node that has one, once it succeeded."""

    status: NodeStatus = NodeStatus.PENDING
    outcome: bool | None = None


@dataclass(frozen=True)
class Move:
    """A pending node that is to begin (RUNNING), to be skipped, or to fail because of ``cause``, an input."""

    node_id: str
    to: NodeStatus
    cause: str | None = None


def moves(graph: Graph, standings: Mapping[str, Standing], trigger: str | None = None) -> list[Move]:
    """All that can be settled now, in the graph's order. ``trigger``: the one that fired; None: all of them.

    A node begins when all its inputs are final, none has failed or was cancelled, and at least one edge was
    taken. It fails when an input has, and is skipped when no edge was taken.
    """
    known = dict(standings)
    found: list[Move] = []
    for name in graph.order:
        if known.get(name, Standing()).status is not NodeStatus.PENDING:
            continue
        move = _move(graph, known, name, trigger)
        if move is not None:
            found.append(move)
            known[name] = Standing(move.to)
    return found


def _move(graph: Graph, known: Mapping[str, Standing], name: str, trigger: str | None) -> Move | None:
    inputs = graph.inputs[name]
    if not inputs:
        return Move(name, NodeStatus.RUNNING if trigger in (None, name) else NodeStatus.SKIPPED)
    before = {edge.source: known.get(edge.source, Standing()) for edge in inputs}
    if not all(one.status.final for one in before.values()):
        return None
    spoilt = next((source for source, one in before.items() if one.status.spoils), None)
    if spoilt is not None:
        return Move(name, NodeStatus.FAILED, spoilt)
    taken = any(_taken(edge, before[edge.source]) for edge in inputs)
    return Move(name, NodeStatus.RUNNING if taken else NodeStatus.SKIPPED)


def _taken(edge: Edge, source: Standing) -> bool:
    if source.status is not NodeStatus.SUCCEEDED:
        return False
    return edge.when is None or edge.when == source.outcome


def again(graph: Graph, standings: Mapping[str, Standing]) -> set[str]:
    """The nodes that a resumed run has to run again: what did not succeed, and all that depends on it.

    What was skipped keeps that, unless it lies behind a node that runs again.
    """
    undone = [name for name in graph.nodes if standings.get(name, Standing()).status not in _KEPT]
    return graph.behind(undone)


_KEPT = frozenset({NodeStatus.SUCCEEDED, NodeStatus.SKIPPED})
