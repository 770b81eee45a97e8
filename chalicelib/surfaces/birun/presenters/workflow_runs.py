"""Runs of workflows as JSON, in the document's words for states."""

from __future__ import annotations

from chalicelib.core.executions.model import Execution, Part
from chalicelib.core.executions.status import Status
from chalicelib.core.workflows import runs
from chalicelib.core.workflows.model import NodeRun, Run
from chalicelib.core.workflows.status import NodeStatus
from chalicelib.surfaces.birun.presenters.common import Json, moment, whole
from chalicelib.surfaces.birun.schemas.common import WORDS
from chalicelib.surfaces.birun.service import graphs

_NODE_WORDS = {NodeStatus.SUCCEEDED: "completed", NodeStatus.CANCELLED: "stopped"}


def queued(found: Execution) -> Json:
    return {
        "execution_id": found.id,
        "status": WORDS[Status.QUEUED],
        "message": "Workflow run queued successfully",
    }


def summary(found: Execution) -> Json:
    """A list entry."""
    return {
        "execution_id": found.id,
        "workflow_id": int(found.subject["workflow_id"]),
        "workflow_name": found.subject["workflow_name"],
        "status": WORDS[found.state],
        "reason": found.reason,
        "progress": int(found.progress or 0),
        "trigger": found.subject.get("trigger"),
        "asked_by": found.asked_by_name,
        "resumed_from": found.subject.get("resumed_from"),
        "created_at": moment(found.created_at),
        "started_at": moment(found.started_at),
        "completed_at": moment(found.completed_at),
    }


def run(found: Run) -> Json:
    """With the graph that it began with and how each node stands."""
    return summary(found.execution) | {
        "progress": runs.progress(found.graph, found.nodes),
        "resumed_as": found.signal.resumed_as,
        "nodes": [node(source, found.nodes.get(source["id"])) for source in graphs.shown(found.sources)],
        "edges": found.links,
    }


def one(found: Run, node_id: str) -> Json:
    source = next(source for source in graphs.shown(found.sources) if source["id"] == node_id)
    return node(source, found.nodes.get(node_id))


def node(source: Json, at: NodeRun | None) -> Json:
    """``execution_id``: of a script's last try, at GET /scripts/executions/{execution_id}."""
    state = at.state if at else NodeStatus.PENDING
    result = (at.result if at else None) or {}
    return {
        "id": source["id"],
        "type": source["type"],
        "name": source.get("name"),
        "config": source["config"],
        "status": _NODE_WORDS.get(state, state.value),
        "attempt": int(at.attempt) if at and at.started_at else 0,
        "outcome": at.outcome if at else None,
        "reason": at.reason if at else None,
        "started_at": moment(at.started_at) if at else None,
        "completed_at": moment(at.finished_at) if at else None,
        "waits_until": moment(at.wakes_at) if at else None,
        "execution_id": at.execution_id if at else None,
        "exit_code": result.get("exit_code"),
        "output": result.get("output"),
        "hosts": result.get("hosts"),
        "decided_by": at.decided_by if at else None,
        "comment": at.comment if at else None,
        "kept_from": at.kept_from if at else None,
    }


def host(part: Part) -> Json:
    """``id``: the execution on that host, at GET /scripts/executions/{id}."""
    return {
        "id": int(part.id),
        "execution_id": part.execution_id,
        "server_id": int(part.server_id),
        "server_name": part.server_name,
        "status": WORDS[part.state],
        "exit_code": whole(part.exit_code),
        "reason": part.reason,
        "started_at": moment(part.started_at),
        "completed_at": moment(part.completed_at),
    }
