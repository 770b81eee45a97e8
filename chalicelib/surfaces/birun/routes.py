"""biRun's operations as documented: parse, call, present."""

from __future__ import annotations

from typing import Any

from chalice.app import Blueprint

from chalicelib.core.events.connections import Subscription
from chalicelib.core.identity.roles import Permission
from chalicelib.core.inventory import groups, servers
from chalicelib.core.limits import Bucket
from chalicelib.kernel.errors import Conflict, QuarterdeckError
from chalicelib.rest.surface import Call, Reply, Surface
from chalicelib.surfaces.birun import model, presenters, runs, schemas, service
from chalicelib.surfaces.birun.schemas import WORDS

AUTHENTICATION = Bucket("birun-authentication", 5)
GENERAL = Bucket("birun", 100)
WRITE = Permission.WRITE

Json = dict[str, Any]


class Dialect:
    """{"error", "status": "error", "details"}; a conflict is a bad request here, save under idempotency."""

    def status(self, error: QuarterdeckError) -> int:
        return error.status

    def body(self, error: QuarterdeckError) -> Json:
        return {"error": error.message, "status": "error", "details": error.details}


blueprint = Blueprint(__name__)
surface = Surface("birun", "/birun/api", Dialect(), GENERAL, blueprint)
operation = surface.operation


def _message(text: str) -> Json:
    return {"message": text}


# -- accounts ---------------------------------------------------------------------------------------


@operation("POST", "/auth/login", permission=None, body=schemas.LoginRequest, bucket=AUTHENTICATION)
def login(call: Call) -> Json:
    user, token = service.log_in(call.body.username, call.body.password)
    return {"access_token": token, "token_type": "bearer", "user": presenters.user(user)}


@operation("POST", "/auth/register", permission=None, body=schemas.RegisterRequest, bucket=AUTHENTICATION)
def register(call: Call) -> Reply:
    try:
        user = service.register(call.body, call.address)
    except Conflict as error:
        # The document answers a taken name with 400.
        return Reply(surface.dialect.body(error), 400)
    return Reply({"message": "User created successfully", "user": presenters.user(user)})


# -- servers ----------------------------------------------------------------------------------------


@operation("GET", "/servers", query=schemas.SearchQuery)
def list_servers(call: Call) -> Json:
    return presenters.page(service.list_servers(call.query), "servers", presenters.server)


@operation("POST", "/servers", permission=WRITE, body=schemas.ServerCreate)
def create_server(call: Call) -> Json:
    return presenters.server(service.create_server(call.caller.actor, call.body))


@operation("GET", "/servers/{server_id}", params=schemas.ServerPath)
def get_server(call: Call) -> Json:
    return presenters.server(servers.get(call.path.server_id))


@operation(
    "PUT", "/servers/{server_id}", permission=WRITE, params=schemas.ServerPath, body=schemas.ServerUpdate
)
def update_server(call: Call) -> Json:
    return presenters.server(service.update_server(call.caller.actor, call.path.server_id, call.body))


@operation("DELETE", "/servers/{server_id}", permission=WRITE, params=schemas.ServerPath)
def delete_server(call: Call) -> Json:
    service.delete_server(call.caller.actor, call.path.server_id)
    return _message("Server deleted successfully")


@operation(
    "POST",
    "/servers/{server_id}/execute",
    permission=WRITE,
    params=schemas.ServerPath,
    body=schemas.ServerExecuteRequest,
)
def execute_on_server(call: Call) -> Reply:
    part = runs.execute_on_server(call.caller.actor, call.path.server_id, call.body)
    shown = presenters.execution_in_full(part)
    body = {"execution_id": int(part.id), "status": shown["status"]}
    if not part.state.final:
        follow = f"Still {shown['status']}. Follow it at GET /scripts/executions/{int(part.id)}."
        return Reply(body | {"message": follow, "output": None, "exit_code": None}, 202)
    done = {"message": part.reason or f"Script {WORDS[part.state]}"}
    return Reply(body | done | {key: shown[key] for key in ("output", "exit_code", "output_truncated")})


@operation("POST", "/servers/{server_id}/health/check", permission=WRITE, params=schemas.ServerPath)
def check_server_health(call: Call) -> Json:
    return presenters.server_health(service.check_server(call.path.server_id))


# -- scripts ----------------------------------------------------------------------------------------


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
    return _message("Script deleted successfully")


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


# -- executions -------------------------------------------------------------------------------------


@operation("GET", "/scripts/executions", query=schemas.ExecutionsQuery)
def list_executions(call: Call) -> Json:
    return presenters.page(runs.list_executions(call.query), "executions", presenters.execution)


@operation("GET", "/scripts/executions/{execution_id}", params=schemas.ExecutionPath)
def get_execution(call: Call) -> Json:
    execution, parts = runs.look_up(call.path.execution_id)
    if execution is None or len(parts) == 1:
        return presenters.execution_in_full(parts[0])
    return presenters.batch(execution, parts)


@operation(
    "GET",
    "/scripts/executions/{execution_id}/output",
    params=schemas.ExecutionPath,
    query=schemas.OutputQuery,
)
def get_execution_output(call: Call) -> Json:
    """Beyond the document: the whole output, a stretch a call."""
    part = runs.only_part(call.path.execution_id)
    return presenters.output(part, call.query.cursor)


@operation("POST", "/scripts/executions/{execution_id}/stop", permission=WRITE, params=schemas.ExecutionPath)
def stop_execution(call: Call) -> Json:
    named = call.path.execution_id
    status = runs.stop(call.caller.actor, named)
    shown = int(named) if named.isdecimal() else named
    return {"execution_id": shown, "status": WORDS[status], "message": "Execution stopped successfully"}


# -- groups -----------------------------------------------------------------------------------------


@operation("GET", "/server-groups")
def list_server_groups(call: Call) -> Json:
    return {"server_groups": [presenters.group(group) for group in groups.every()]}


@operation("POST", "/server-groups", permission=WRITE, body=schemas.GroupCreate)
def create_server_group(call: Call) -> Json:
    return presenters.group(service.create_group(call.caller.actor, call.body))


@operation("GET", "/server-groups/{group_id}", params=schemas.GroupPath)
def get_server_group(call: Call) -> Json:
    return presenters.group(groups.get(call.path.group_id))


@operation(
    "PUT", "/server-groups/{group_id}", permission=WRITE, params=schemas.GroupPath, body=schemas.GroupUpdate
)
def update_server_group(call: Call) -> Json:
    return presenters.group(service.update_group(call.caller.actor, call.path.group_id, call.body))


@operation("DELETE", "/server-groups/{group_id}", permission=WRITE, params=schemas.GroupPath)
def delete_server_group(call: Call) -> Json:
    service.delete_group(call.caller.actor, call.path.group_id)
    return _message("Server group deleted successfully")


# -- settings ---------------------------------------------------------------------------------------


@operation("GET", "/settings")
def get_settings(call: Call) -> Json:
    return presenters.settings(model.app_settings())


@operation("PUT", "/settings", permission=Permission.ADMIN, body=schemas.SettingsUpdate)
def update_settings(call: Call) -> Json:
    return presenters.settings(service.update_settings(call.caller.actor, call.body))


# -- channels (WebSocket) ---------------------------------------------------------------------------


def _execution_channel(execution_id: str) -> Subscription:
    return runs.subscribe(execution_id)


CHANNELS = {r"/birun/ws/executions/(?P<execution_id>[0-9A-Za-z-]{1,36})": _execution_channel}
