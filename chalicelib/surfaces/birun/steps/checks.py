"""The steps of statemachines/health-check.asl.json. Each may be repeated; none waits.

A chunk is a block of the collection of servers, so that the input stays small however many servers there are.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from chalicelib.aws import workflows
from chalicelib.core.executions import ledger, tasks
from chalicelib.core.executions.model import Execution
from chalicelib.core.executions.status import Status
from chalicelib.core.inventory import health, servers
from chalicelib.core.inventory.health import Finding
from chalicelib.core.relays import orders, watching
from chalicelib.core.relays.orders import HealthOrder
from chalicelib.kernel.errors import NotFound
from chalicelib.kernel.logs import log
from chalicelib.kernel.settings import settings
from chalicelib.surfaces.birun.service import checks
from chalicelib.surfaces.birun.service.hosts import host_order
from chalicelib.surfaces.birun.service.servers import SCOPE

Json = dict[str, Any]

SILENT = "The relay did not report on {} of {} groups of servers."
LOST = "The check was lost on our side before it was over."
BROKEN = "The check could not be carried out because of a fault on our side ({})."
_AT_ONCE = 16


def begin_checks(event: Json) -> Json:
    """{"chunks": [{execution_id, attempt, chunk}]}, none when it was stopped before it began."""
    execution = tasks.begin(event["execution_id"], event["attempt"])
    if execution is None:
        return {"chunks": []}
    named = {"execution_id": execution.id, "attempt": event["attempt"]}
    return {"chunks": [named | {"chunk": block} for block in servers.blocks()]}


def prepare_checks(event: Json) -> Json:
    """Seals the order of one block of servers: {"order": its name}, "" when there is nothing to do."""
    execution = ledger.find(event["execution_id"])
    found = servers.in_block(event["chunk"])
    if execution is None or execution.state.final or not found:
        return {"order": ""}
    secrets = servers.credentials_of([int(server.id) for server in found])
    name = f"orders/{execution.id}/{event['attempt']}/{event['chunk']}"
    order = HealthOrder(
        execution_id=execution.id,
        attempt=event["attempt"],
        chunk=event["chunk"],
        hosts=[host_order(server, secrets[int(server.id)]) for server in found if int(server.id) in secrets],
    )
    if not order.hosts:
        return {"order": ""}
    orders.store(name, order)
    return {"order": name}


def record_checks(event: Json) -> Json:
    """Keeps what a relay found. Repeated, it changes nothing: findings are not older than themselves."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(_record, event["findings"]))
    tasks.note(event["execution_id"], event["attempt"], step=f"checked {len(event['findings'])} servers")
    return {"lost": False}


def _record(found: Json) -> None:
    hostname, port = found["address"]
    finding = Finding(found["at"], (hostname, port), found.get("figures"), found.get("problem"))
    with suppress(NotFound):  # deleted meanwhile
        health.record(SCOPE, found["server_id"], finding)


def finish_checks(event: Json) -> Json:
    """``results``: an object a chunk, with ``lost`` true where no relay reported."""
    lost = sum(1 for result in event["results"] if result["lost"])
    status = Status.FAILED if lost else Status.SUCCEEDED
    reason = SILENT.format(lost, len(event["results"])) if lost else None
    tasks.end(event["execution_id"], event["attempt"], status, reason)
    return {"status": status.value}


def fail_checks(event: Json) -> Json:
    """Catches everything else: nothing stays open."""
    reason = BROKEN.format(event.get("failure", {}).get("Error", "unknown"))
    log().error("health check failed", execution=event["execution_id"], failure=event.get("failure"))
    tasks.end(event["execution_id"], event["attempt"], Status.FAILED, reason)
    return {}


STEPS: dict[str, Callable[[Json], Json]] = {
    step.__name__: step for step in (begin_checks, prepare_checks, record_checks, finish_checks, fail_checks)
}


def sweep(execution: Execution) -> None:
    """One that has not ended for a while: what was not started is started, what was lost has failed."""
    state = workflows.status(settings().health_check_arn, f"{execution.id}-{int(execution.attempt)}")
    if state == "RUNNING":
        ledger.look_again(execution)
    elif state is None and execution.state is Status.QUEUED:
        checks.start(execution)
        ledger.look_again(execution)
    else:
        tasks.end(execution.id, None, Status.FAILED, LOST)


def start_what_is_due(_: None) -> None:
    """The minute's part."""
    checks.start_what_is_due()


def look_at_relay(_: None) -> None:
    watching.look_at(settings().relay_id, SCOPE)
