"""What is stored of a run beside its execution: the graph it began with, its nodes, and the signal to go on.

All of it lies beside the execution. A node has a record once it has begun (or was settled without beginning).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.aws.attributes import JSONAttribute
from chalicelib.aws.table import Record
from chalicelib.core.executions.model import Execution, execution_key
from chalicelib.core.workflows.graph import Graph, Node
from chalicelib.core.workflows.plan import Standing
from chalicelib.core.workflows.status import NodeStatus
from chalicelib.kernel import clock

GRAPH = "RUN#GRAPH"
SIGNAL = "RUN#SIGNAL"
_NODE = "RUN#NODE#"
_NAMESPACE = uuid.UUID("6d0f8d0e-58c8-4a6e-9a53-2f6f6f0d7c1b")


class RunItem(Record, discriminator="workflow-item"):
    """Base of what lies beside the execution of a run."""


class RunGraph(RunItem, discriminator="workflow-graph"):
    """``nodes`` and ``edges`` as the workflow had them when the run began."""

    nodes: JSONAttribute = JSONAttribute()
    edges: JSONAttribute = JSONAttribute()


class NodeRun(RunItem, discriminator="workflow-node"):
    """One node in one run. ``version`` fences its changes; ``attempt`` counts its tries.

    ``wakes_at``: when a waiting node goes on by itself; ``retrying``: that is then another try.
    ``execution_id`` is that of this try; ``earlier`` lists those whose good results count with it.
    """

    node_id = UnicodeAttribute()
    type = UnicodeAttribute()
    status = UnicodeAttribute()
    version = NumberAttribute(default=1)
    attempt = NumberAttribute(default=1)
    outcome = BooleanAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    started_at = UnicodeAttribute(null=True)
    finished_at = UnicodeAttribute(null=True)
    wakes_at = UnicodeAttribute(null=True)
    deadline_at = UnicodeAttribute(null=True)
    retrying = BooleanAttribute(default=False)
    execution_id = UnicodeAttribute(null=True)
    earlier: JSONAttribute = JSONAttribute(default=list)
    result: JSONAttribute = JSONAttribute(null=True)
    decided_by = UnicodeAttribute(null=True)
    comment = UnicodeAttribute(null=True)
    kept_from = UnicodeAttribute(null=True)

    @property
    def state(self) -> NodeStatus:
        return NodeStatus(self.status)

    @property
    def alarms(self) -> list[datetime]:
        """When something is due for it."""
        return [clock.parse(text) for text in (self.wakes_at, self.deadline_at) if text]

    def overdue(self, now: datetime) -> bool:
        return any(moment <= now for moment in self.alarms)


class Signal(RunItem, discriminator="workflow-signal"):
    """``wakes`` counts what happened; ``token`` is that of the state machine while it waits for more, of the
    run's ``attempt``. ``stop``: who asked for the run to be stopped."""

    wakes = NumberAttribute(default=0)
    token = UnicodeAttribute(null=True)
    attempt = NumberAttribute(null=True)
    stop = UnicodeAttribute(null=True)
    resumed_as = UnicodeAttribute(null=True)


class RunListed(Record, discriminator="workflow-run"):
    """A run in the history of its workflow, by when it was asked for."""

    execution_id = UnicodeAttribute()
    created_at = UnicodeAttribute()


@dataclass
class Run:
    """A run as it was when it was read. ``sources`` and ``links``: its nodes and edges as they are stored."""

    execution: Execution
    sources: list[dict[str, Any]]
    links: list[dict[str, Any]]
    graph: Graph
    nodes: dict[str, NodeRun]
    signal: Signal

    @property
    def id(self) -> str:
        return self.execution.id

    @property
    def attempt(self) -> int:
        return int(self.execution.attempt)

    @property
    def trigger(self) -> str | None:
        """The trigger that fired; None: all of them did, by hand."""
        found: str | None = self.execution.subject.get("trigger")
        return found

    def standings(self) -> dict[str, Standing]:
        return {name: Standing(node.state, node.outcome) for name, node in self.nodes.items()}

    def open(self) -> list[tuple[Node, NodeRun]]:
        """Nodes that have begun and not ended, in the graph's order."""
        return [
            (self.graph.nodes[name], self.nodes[name])
            for name in self.graph.order
            if name in self.nodes and self.nodes[name].state.open
        ]


def node_key(run_id: str, node_id: str) -> tuple[str, str]:
    return execution_key(run_id), _NODE + node_id


def listed_pk(owner: str) -> str:
    return f"{owner}#RUNS"


def node_execution_id(run_id: str, node_id: str, attempt: int) -> str:
    """The id of what a node starts in one of its tries: the same whoever asks, so that it starts once."""
    return str(uuid.uuid5(_NAMESPACE, f"{run_id}|{node_id}|{attempt}"))
