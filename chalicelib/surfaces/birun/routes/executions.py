"""What ran, runs and waits; its live channel."""

from __future__ import annotations

from chalicelib.core.events.connections import Subscription
from chalicelib.rest.surface import Call
from chalicelib.surfaces.birun import presenters, schemas
from chalicelib.surfaces.birun.routes.base import WRITE, Json, operation
from chalicelib.surfaces.birun.schemas import WORDS
from chalicelib.surfaces.birun.service import runs


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


def _execution_channel(execution_id: str) -> Subscription:
    return runs.subscribe(execution_id)


CHANNELS = {r"/birun/ws/executions/(?P<execution_id>[0-9A-Za-z-]{1,36})": _execution_channel}
