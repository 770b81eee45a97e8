"""What ran, runs and waits; its live channel."""

from __future__ import annotations

from chalicelib.core.events.connections import Subscription
from chalicelib.rest.auth import Caller
from chalicelib.rest.surface import Call
from chalicelib.surfaces.birun.presenters import executions as present
from chalicelib.surfaces.birun.presenters.common import page as present_page
from chalicelib.surfaces.birun.routes.base import WRITE, Json, operation
from chalicelib.surfaces.birun.schemas import common as common_schemas
from chalicelib.surfaces.birun.schemas import executions as schemas
from chalicelib.surfaces.birun.service import runs, workflow_runs


@operation("GET", "/scripts/executions", query=lambda: schemas.ExecutionsQuery)
def list_executions(call: Call) -> Json:
    found = runs.list_executions(call.query)
    long_after = runs.long_after(found.items)
    return present_page(found, "executions", lambda part: present.execution(part, long_after=long_after))


@operation("GET", "/scripts/executions/{execution_id}", params=lambda: schemas.ExecutionPath)
def get_execution(call: Call) -> Json:
    execution, parts = runs.look_up(call.path.execution_id)
    long_after = runs.long_after(parts)
    if execution is None or execution.total == 1:
        return present.execution_in_full(parts[0], long_after)
    return present.batch(execution, parts, long_after)


@operation(
    "GET",
    "/scripts/executions/{execution_id}/output",
    params=lambda: schemas.ExecutionPath,
    query=lambda: schemas.OutputQuery,
)
def get_execution_output(call: Call) -> Json:
    """Beyond the document: the whole output, a stretch a call."""
    part = runs.only_part(call.path.execution_id)
    return present.output(part, call.query.cursor)


@operation(
    "POST",
    "/scripts/executions/{execution_id}/stop",
    permission=WRITE,
    params=lambda: schemas.ExecutionPath,
)
def stop_execution(call: Call) -> Json:
    named = call.path.execution_id
    actor = call.caller.actor
    status = workflow_runs.stop_if_run(actor, named) or runs.stop(actor, named)
    shown = int(named) if named.isdecimal() else named
    return {
        "execution_id": shown,
        "status": common_schemas.WORDS[status],
        "message": "Execution stopped successfully",
    }


@operation(
    "POST",
    "/scripts/executions/{execution_id}/retry-failed",
    permission=WRITE,
    params=lambda: schemas.ExecutionPath,
)
def retry_failed_execution(call: Call) -> Json:
    """Beyond the document: again, on the hosts where it failed."""
    return present.queued(runs.retry_failed(call.caller.actor, call.path.execution_id))


def _execution_channel(_: Caller, execution_id: str) -> Subscription:
    return runs.subscribe(execution_id)


CHANNELS = {r"/birun/ws/executions/(?P<execution_id>[0-9A-Za-z-]{1,36})": _execution_channel}
