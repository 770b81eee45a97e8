"""Stored scripts, and running one on many servers."""

from __future__ import annotations

from chalicelib.rest.surface import Call
from chalicelib.surfaces.birun import model
from chalicelib.surfaces.birun.presenters import executions as executions_presenters
from chalicelib.surfaces.birun.presenters import scripts as present
from chalicelib.surfaces.birun.presenters.common import page as present_page
from chalicelib.surfaces.birun.routes.base import WRITE, Json, message, operation
from chalicelib.surfaces.birun.schemas import common as common_schemas
from chalicelib.surfaces.birun.schemas import scripts as schemas
from chalicelib.surfaces.birun.service import runs
from chalicelib.surfaces.birun.service import scripts as service


@operation("GET", "/scripts", query=lambda: common_schemas.SearchQuery)
def list_scripts(call: Call) -> Json:
    return present_page(service.list_scripts(call.query), "scripts", present.script)


@operation("POST", "/scripts", permission=WRITE, body=lambda: schemas.ScriptCreate)
def create_script(call: Call) -> Json:
    return present.script(service.create_script(call.caller.actor, call.body))


@operation("GET", "/scripts/{script_id}", params=lambda: schemas.ScriptPath)
def get_script(call: Call) -> Json:
    return present.script(model.get_script(call.path.script_id))


@operation(
    "PUT",
    "/scripts/{script_id}",
    permission=WRITE,
    params=lambda: schemas.ScriptPath,
    body=lambda: schemas.ScriptUpdate,
)
def update_script(call: Call) -> Json:
    return present.script(service.update_script(call.caller.actor, call.path.script_id, call.body))


@operation("DELETE", "/scripts/{script_id}", permission=WRITE, params=lambda: schemas.ScriptPath)
def delete_script(call: Call) -> Json:
    service.delete_script(call.caller.actor, call.path.script_id)
    return message("Script deleted successfully")


@operation(
    "POST",
    "/scripts/{script_id}/execute",
    permission=WRITE,
    params=lambda: schemas.ScriptPath,
    body=lambda: schemas.ScriptExecuteRequest,
)
def execute_script(call: Call) -> Json:
    return executions_presenters.queued(
        runs.execute_script(call.caller.actor, call.path.script_id, call.body)
    )


@operation(
    "GET",
    "/scripts/{script_id}/executions",
    params=lambda: schemas.ScriptPath,
    query=lambda: common_schemas.PageQuery,
)
def list_script_executions(call: Call) -> Json:
    found = runs.list_of_script(call.path.script_id, call.query.page, call.query.limit)
    long_after = runs.long_after(found.items)
    return present_page(
        found, "executions", lambda part: executions_presenters.execution(part, long_after=long_after)
    )
