"""Stored scripts, and running one on many servers."""

from __future__ import annotations

from chalicelib.rest.surface import Call
from chalicelib.surfaces.birun import model, presenters, schemas
from chalicelib.surfaces.birun.routes.base import WRITE, Json, message, operation
from chalicelib.surfaces.birun.service import runs
from chalicelib.surfaces.birun.service import scripts as service


@operation("GET", "/scripts", query=schemas.SearchQuery)
def list_scripts(call: Call) -> Json:
    return presenters.page(service.list_scripts(call.query), "scripts", presenters.script)


@operation("POST", "/scripts", permission=WRITE, body=schemas.ScriptCreate)
def create_script(call: Call) -> Json:
    return presenters.script(service.create_script(call.caller.actor, call.body))


@operation("GET", "/scripts/{script_id}", params=schemas.ScriptPath)
def get_script(call: Call) -> Json:
    return presenters.script(model.get_script(call.path.script_id))


@operation(
    "PUT", "/scripts/{script_id}", permission=WRITE, params=schemas.ScriptPath, body=schemas.ScriptUpdate
)
def update_script(call: Call) -> Json:
    return presenters.script(service.update_script(call.caller.actor, call.path.script_id, call.body))


@operation("DELETE", "/scripts/{script_id}", permission=WRITE, params=schemas.ScriptPath)
def delete_script(call: Call) -> Json:
    service.delete_script(call.caller.actor, call.path.script_id)
    return message("Script deleted successfully")


@operation(
    "POST",
    "/scripts/{script_id}/execute",
    permission=WRITE,
    params=schemas.ScriptPath,
    body=schemas.ScriptExecuteRequest,
)
def execute_script(call: Call) -> Json:
    return presenters.queued(runs.execute_script(call.caller.actor, call.path.script_id, call.body))


@operation("GET", "/scripts/{script_id}/executions", params=schemas.ScriptPath, query=schemas.PageQuery)
def list_script_executions(call: Call) -> Json:
    page = runs.list_of_script(call.path.script_id, call.query.page, call.query.limit)
    return presenters.page(page, "executions", presenters.execution)
