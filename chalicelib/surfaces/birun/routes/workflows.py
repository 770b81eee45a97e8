"""Graphs of scripts and what goes between them."""

from __future__ import annotations

from chalicelib.rest.surface import Call
from chalicelib.surfaces.birun import model
from chalicelib.surfaces.birun.model import Workflow
from chalicelib.surfaces.birun.presenters import workflows as present
from chalicelib.surfaces.birun.routes.base import WRITE, Json, message, operation
from chalicelib.surfaces.birun.schemas import workflows as schemas
from chalicelib.surfaces.birun.service import workflows as service


def _shown(workflow: Workflow) -> Json:
    return present.workflow(workflow, service.next_runs([workflow]).get(int(workflow.id)))


@operation("GET", "/workflows")
def list_workflows(call: Call) -> Json:
    found = service.every()
    soonest = service.next_runs(found)
    return {"workflows": [present.workflow(one, soonest.get(int(one.id))) for one in found]}


@operation("POST", "/workflows", permission=WRITE, body=lambda: schemas.WorkflowCreate)
def create_workflow(call: Call) -> Json:
    return _shown(service.create_workflow(call.caller.actor, call.body))


@operation("GET", "/workflows/{workflow_id}", params=lambda: schemas.WorkflowPath)
def get_workflow(call: Call) -> Json:
    return _shown(model.get_workflow(call.path.workflow_id))


@operation(
    "PUT",
    "/workflows/{workflow_id}",
    permission=WRITE,
    params=lambda: schemas.WorkflowPath,
    body=lambda: schemas.WorkflowUpdate,
)
def update_workflow(call: Call) -> Json:
    return _shown(service.update_workflow(call.caller.actor, call.path.workflow_id, call.body))


@operation("DELETE", "/workflows/{workflow_id}", permission=WRITE, params=lambda: schemas.WorkflowPath)
def delete_workflow(call: Call) -> Json:
    service.delete_workflow(call.caller.actor, call.path.workflow_id)
    return message("Workflow deleted successfully")
