"""Runs as they are made, read, and moved on. Every change of a node is fenced by its version and by the run's
attempt, and told to the viewers in the same write."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from chalicelib.aws import table
from chalicelib.aws.table import ConditionFailed, Put, Write
from chalicelib.core.executions import ledger, tasks
from chalicelib.core.executions.model import Execution, execution_key
from chalicelib.core.executions.tasks import TaskRequest
from chalicelib.core.workflows import model
from chalicelib.core.workflows.graph import Edge, Graph, Node
from chalicelib.core.workflows.model import NodeRun, Run, RunGraph, RunItem, RunListed, Signal
from chalicelib.core.workflows.status import NodeStatus
from chalicelib.kernel import clock

Json = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """What becomes of a node; ``fields`` are attributes of its record, the others keep what is stored.

    ``writes`` hold only together with it. ``lasting``: a failure that no further try is to undo.
    """

    status: NodeStatus
    outcome: bool | None = None
    reason: str | None = None
    fields: Json = field(default_factory=dict)
    writes: tuple[Write, ...] = ()
    lasting: bool = False

    @property
    def begins(self) -> bool:
        """Whether the node is at work with this, or was."""
        return self.status.open or self.status is NodeStatus.SUCCEEDED


def failed(reason: str, **fields: Any) -> Change:
    return Change(NodeStatus.FAILED, reason=reason, fields=fields)


# ---------------------------------------------------------------- make


@dataclass(frozen=True)
class RunRequest:
    """``owner``: whose history lists it. ``kept``: nodes as they stand already, with records of their own."""

    task: TaskRequest
    owner: str
    nodes: Sequence[Json]
    edges: Sequence[Json]
    kept: Sequence[NodeRun] = ()


def create(request: RunRequest, guard: Sequence[Write] = ()) -> Execution:
    """Writes the run as queued. Raises ConditionFailed when its id is taken (position 0) or ``guard``, the
    last of the writes, does not hold."""
    execution = tasks.prepare(request.task)
    pk = execution_key(execution.id)
    if request.kept:
        table.put_many(request.kept)
    sk = f"{execution.created_at}#{execution.id}"
    listed = RunListed(
        model.listed_pk(request.owner), sk, execution_id=execution.id, created_at=execution.created_at
    )
    graph = RunGraph(pk, model.GRAPH, nodes=list(request.nodes), edges=list(request.edges))
    made: list[Write] = [Put(graph), Put(Signal(pk, model.SIGNAL)), Put(listed)]
    table.write([*tasks.creating(execution, request.task), *made, *guard])
    return execution


# ---------------------------------------------------------------- read


def load(run_id: str) -> Run | None:
    """The signal is read first: what it counts has an effect that is read behind it."""
    pk = execution_key(run_id)
    signal = table.find(Signal, pk, model.SIGNAL)
    execution = ledger.find(run_id)
    if signal is None or execution is None:
        return None
    items = list(RunItem.query(pk, consistent_read=True))
    graph = next(item for item in items if isinstance(item, RunGraph))
    nodes = {item.node_id: item for item in items if isinstance(item, NodeRun)}
    return Run(execution, graph.nodes, graph.edges, graph_of(graph.nodes, graph.edges), nodes, signal)


def graph_of(nodes: Iterable[Json], edges: Iterable[Json]) -> Graph:
    """The graph that was stored as JSON."""
    return Graph(
        [Node(node["id"], node["type"], node["config"]) for node in nodes],
        [Edge(edge["from"], edge["to"], edge.get("when")) for edge in edges],
    )


def history(owner: str, most: int, before: str = "") -> list[tuple[str, Execution]]:
    """Newest first, each with the place to go on behind (``before``)."""
    behind = RunListed.sk < before if before else None
    found = RunListed.query(model.listed_pk(owner), behind, scan_index_forward=False, limit=most)
    listed = list(found)
    keys = [(execution_key(one.execution_id), "EXEC") for one in listed]
    known = {execution.id: execution for execution in table.find_many(Execution, keys)}
    return [(one.sk, known[one.execution_id]) for one in listed if one.execution_id in known]


def executed(run: Run) -> list[Execution]:
    """All that its nodes started, further tries included; not what was kept from an earlier run."""
    known = [run.nodes[name] for name in run.graph.order if name in run.nodes]
    wanted = [
        model.node_execution_id(run.id, node.node_id, attempt)
        for node in known
        if node.execution_id or node.earlier
        for attempt in range(1, int(node.attempt) + 1)
    ]
    return ledger.find_many(wanted)


# ---------------------------------------------------------------- move


def move(run: Run, node: Node, change: Change) -> bool:
    """Applies ``change``; ``run`` then shows it. False: somebody else changed the node, or the run has ended
    or is in another attempt: read it again."""
    known = run.nodes.get(node.id)
    changed = _changed(run, node, change)
    unmoved = NodeRun.version == known.version if known else table.absent()
    here = run.nodes | {node.id: changed}
    try:
        done = tasks.note(
            run.id,
            run.attempt,
            step=node.id,
            progress=progress(run.graph, here),
            message=message(changed),
            writes=[Put(changed, unmoved), *change.writes],
        )
    except ConditionFailed:
        return False
    if done:
        run.nodes[node.id] = changed
    return done


def _changed(run: Run, node: Node, change: Change) -> NodeRun:
    known, now = run.nodes.get(node.id), clock.iso_now()
    values: Json = known.attribute_values if known else {"node_id": node.id, "type": node.type, "version": 0}
    values = values | {"outcome": change.outcome, "reason": change.reason, "wakes_at": None} | change.fields
    values |= {"status": change.status.value, "version": int(values["version"]) + 1}
    if values.get("started_at") is None and change.begins:
        values["started_at"] = now
    if change.status.final:
        values |= {"finished_at": now, "deadline_at": None, "retrying": False}
    pk, sk = model.node_key(run.id, node.id)
    return NodeRun(pk, sk, **{name: values[name] for name in values.keys() - {"pk", "sk", "kind"}})


def progress(graph: Graph, nodes: dict[str, NodeRun]) -> int:
    """Percent of the nodes that have ended."""
    ended = sum(node.state.final for node in nodes.values())
    return 100 * ended // max(1, len(graph.nodes))


def message(node: NodeRun) -> Json:
    """What viewers are told of a node."""
    return {
        "type": "node",
        "node": node.node_id,
        "status": node.status,
        "attempt": int(node.attempt),
        "outcome": node.outcome,
        "reason": node.reason,
        "waits_until": node.wakes_at,
        "execution_id": node.execution_id,
        "exit_code": (node.result or {}).get("exit_code"),
    }
