"""Runs of workflows. All but the first operation are beyond the document."""

from __future__ import annotations

from chalicelib.core.events.connections import Subscription
from chalicelib.rest.auth import Caller
from chalicelib.rest.surface import Call
from chalicelib.surfaces.birun.presenters import workflow_runs as present
from chalicelib.surfaces.birun.routes.base import WRITE, Json, operation
from chalicelib.surfaces.birun.schemas import common as common_schemas
from chalicelib.surfaces.birun.schemas import workflows as schemas
from chalicelib.surfaces.birun.service import nodes
from chalicelib.surfaces.birun.service import workflow_runs as service

RUN = "/workflows/{workflow_id}/runs/{run_id}"


@operation("POST", "/workflows/{workflow_id}/run", permission=WRITE, params=lambda: schemas.WorkflowPath)
def run_workflow(call: Call) -> Json:
    return present.queued(service.run_workflow(call.caller.actor, call.path.workflow_id))


@operation(
    "GET",
    "/workflows/{workflow_id}/runs",
    params=lambda: schemas.WorkflowPath,
    query=lambda: schemas.RunsQuery,
)
def list_workflow_runs(call: Call) -> Json:
    found = service.history(call.path.workflow_id, call.query.limit, call.query.cursor)
    more = len(found) == call.query.limit
    shown = [present.summary(execution) for _, execution in found]
    return {"runs": shown, "cursor": found[-1][0] if more else None}


@operation("GET", RUN, params=lambda: schemas.RunPath)
def get_workflow_run(call: Call) -> Json:
    return present.run(service.get(call.path.workflow_id, call.path.run_id))


@operation("GET", RUN + "/nodes/{node_id}", params=lambda: schemas.RunNodePath)
def get_workflow_run_node(call: Call) -> Json:
    """With what became of each host of a script."""
    path = call.path
    run, at = service.get_node(path.workflow_id, path.run_id, path.node_id)
    parts = nodes.hosts(at) if at else []
    return present.one(run, path.node_id) | {"results": [present.host(part) for part in parts]}


@operation("POST", RUN + "/stop", permission=WRITE, params=lambda: schemas.RunPath)
def stop_workflow_run(call: Call) -> Json:
    run = service.get(call.path.workflow_id, call.path.run_id)
    status = service.stop(call.caller.actor, run)
    return {
        "execution_id": run.id,
        "status": common_schemas.WORDS[status],
        "message": "Workflow run stopped successfully",
    }


@operation(
    "POST",
    RUN + "/resume",
    permission=WRITE,
    params=lambda: schemas.RunPath,
    body=lambda: schemas.ResumeRequest,
)
def resume_workflow_run(call: Call) -> Json:
    run = service.get(call.path.workflow_id, call.path.run_id)
    return present.queued(service.resume(call.caller.actor, run, call.body))


@operation(
    "POST",
    RUN + "/approvals/{node_id}",
    permission=WRITE,
    params=lambda: schemas.RunNodePath,
    body=lambda: schemas.ApprovalRequest,
)
def decide_workflow_approval(call: Call) -> Json:
    path = call.path
    run = service.get(path.workflow_id, path.run_id)
    service.decide(call.caller, run, path.node_id, call.body)
    return present.one(run, path.node_id)


def _channel(_: Caller, workflow_id: str, run_id: str) -> Subscription:
    return service.subscribe(int(workflow_id), run_id)


CHANNELS = {
    r"/birun/ws/workflows/(?P<workflow_id>\d{1,12})/runs/(?P<run_id>[0-9A-Fa-f-]{36})": _channel,
}
