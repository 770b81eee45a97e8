"""Servers, and what is done on one of them."""

from __future__ import annotations

from chalicelib.core.inventory import servers
from chalicelib.rest.surface import Call, Reply
from chalicelib.surfaces.birun.presenters import executions as executions_presenters
from chalicelib.surfaces.birun.presenters import servers as present
from chalicelib.surfaces.birun.presenters.common import page as present_page
from chalicelib.surfaces.birun.routes.base import WRITE, Json, message, operation
from chalicelib.surfaces.birun.schemas import common as common_schemas
from chalicelib.surfaces.birun.schemas import servers as schemas
from chalicelib.surfaces.birun.service import runs
from chalicelib.surfaces.birun.service import servers as service


@operation("GET", "/servers", query=lambda: common_schemas.SearchQuery)
def list_servers(call: Call) -> Json:
    return present_page(service.list_servers(call.query), "servers", present.server)


@operation("POST", "/servers", permission=WRITE, body=lambda: schemas.ServerCreate)
def create_server(call: Call) -> Json:
    return present.server(service.create_server(call.caller.actor, call.body))


@operation("GET", "/servers/{server_id}", params=lambda: schemas.ServerPath)
def get_server(call: Call) -> Json:
    return present.server(servers.get(call.path.server_id))


@operation(
    "PUT",
    "/servers/{server_id}",
    permission=WRITE,
    params=lambda: schemas.ServerPath,
    body=lambda: schemas.ServerUpdate,
)
def update_server(call: Call) -> Json:
    return present.server(service.update_server(call.caller.actor, call.path.server_id, call.body))


@operation("DELETE", "/servers/{server_id}", permission=WRITE, params=lambda: schemas.ServerPath)
def delete_server(call: Call) -> Json:
    service.delete_server(call.caller.actor, call.path.server_id)
    return message("Server deleted successfully")


@operation(
    "POST",
    "/servers/{server_id}/execute",
    permission=WRITE,
    params=lambda: schemas.ServerPath,
    body=lambda: schemas.ServerExecuteRequest,
)
def execute_on_server(call: Call) -> Reply:
    part = runs.execute_on_server(call.caller.actor, call.path.server_id, call.body)
    shown = executions_presenters.execution_in_full(part)
    body = {"execution_id": int(part.id), "status": shown["status"]}
    if not part.state.final:
        follow = f"Still {shown['status']}. Follow it at GET /scripts/executions/{int(part.id)}."
        return Reply(body | {"message": follow, "output": None, "exit_code": None}, 202)
    done = {"message": part.reason or f"Script {common_schemas.WORDS[part.state]}"}
    return Reply(body | done | {key: shown[key] for key in ("output", "exit_code", "output_truncated")})


@operation("POST", "/servers/{server_id}/health/check", permission=WRITE, params=lambda: schemas.ServerPath)
def check_server_health(call: Call) -> Json:
    return present.server_health(service.check_server(call.caller.actor, call.path.server_id))
