"""The steps of the state machines. Each may be repeated; none waits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalicelib.aws import workflows
from chalicelib.core.executions import ledger
from chalicelib.core.executions.ledger import Result
from chalicelib.core.executions.model import Execution, Part
from chalicelib.core.executions.status import Status
from chalicelib.core.inventory import servers
from chalicelib.core.relays import orders, registry
from chalicelib.core.relays.orders import HostOrder, ScriptOrder
from chalicelib.kernel import clock
from chalicelib.kernel.logs import log
from chalicelib.kernel.settings import settings
from chalicelib.surfaces.birun import model
from chalicelib.surfaces.birun.service import runs
from chalicelib.surfaces.birun.service.hosts import host_order

Json = dict[str, Any]

NOTHING: Json = {"order": ""}
"""Tells the state machine that there is nothing to hand to a relay."""

LOST = "The relay did not report for too long while this script waited or ran; whether it ran is not known."
NOT_TAKEN = "No relay took this up in time. Is the relay running?"
SCRIPT_GONE = "The script was deleted before this run started."
SERVER_GONE = "The server was deleted before this run started."
BROKEN = "This run could not be carried out because of a fault on our side ({})."


def _execution(event: Json) -> Execution | None:
    """The execution, when ``event`` speaks for its present attempt and it has not ended."""
    execution = ledger.find(event["execution_id"])
    if execution is None or execution.state.final or int(execution.attempt) != event["attempt"]:
        return None
    return execution


def begin(event: Json) -> Json:
    """{"chunks": [{execution_id, attempt, chunk}]}; none when it was stopped before it began."""
    execution = _execution(event)
    if execution is None or not ledger.begin(execution):
        return {"chunks": []}
    named = {"execution_id": execution.id, "attempt": event["attempt"]}
    return {"chunks": [named | {"chunk": chunk} for chunk in range(execution.chunks)]}


def prepare(event: Json) -> Json:
    """Seals the order of one chunk with the script as it is now: {"order": its name}."""
    execution = _execution(event)
    if execution is None:
        return NOTHING
    chunk = event["chunk"]
    waiting = [part for part in _parts(execution, chunk) if not part.state.final]
    script = _script_text(execution)
    if script is None:
        ledger.end_parts(execution, waiting, Result(Status.FAILED, reason=SCRIPT_GONE))
        return NOTHING
    hosts = _hosts(execution, waiting)
    if not hosts:
        return NOTHING
    name = f"orders/{execution.id}/{event['attempt']}/{chunk}"
    said_at = clock.iso_now()
    order = ScriptOrder(
        execution_id=execution.id,
        attempt=event["attempt"],
        chunk=chunk,
        script=script,
        timeout_seconds=execution.subject["timeout"],
        max_concurrent=int(model.app_settings().max_concurrent_executions),
        said_at=said_at,
        hosts=hosts,
    )
    orders.store(name, order)
    return {"order": name}


def _parts(execution: Execution, chunk: int) -> list[Part]:
    return ledger.parts_of(execution, execution.chunk_part_ids(chunk))


def _script_text(execution: Execution) -> str | None:
    subject = execution.subject
    if subject["script_id"] is None:
        return str(subject["content"])
    script = model.find_script(subject["script_id"])
    return script.content if script else None


def _hosts(execution: Execution, parts: list[Part]) -> list[HostOrder]:
    """Ends the parts whose server is gone."""
    known = servers.find_many([int(part.server_id) for part in parts])
    gone = [part for part in parts if int(part.server_id) not in known]
    ledger.end_parts(execution, gone, Result(Status.FAILED, reason=SERVER_GONE))
    left = [part for part in parts if int(part.server_id) in known]
    secrets = servers.credentials_of(list(known))
    return [
        host_order(known[int(part.server_id)], secrets[int(part.server_id)], int(part.id)) for part in left
    ]


def lose_chunk(event: Json) -> Json:
    """The relay's answer did not come: what is open in this chunk fails, each with its own reason."""
    execution = _execution(event)
    if execution is None:
        return {}
    parts = _parts(execution, event["chunk"])
    ran = [part for part in parts if part.state is Status.RUNNING]
    waited = [part for part in parts if part.state is Status.QUEUED]
    ledger.end_parts(execution, ran, Result(Status.FAILED, reason=LOST))
    ledger.end_parts(execution, waited, Result(Status.FAILED, reason=NOT_TAKEN))
    return {}


def finish(event: Json) -> Json:
    """All chunks are over: so is the execution."""
    execution = ledger.find(event["execution_id"])
    status = ledger.conclude(execution) if execution else None
    return {"status": status}


def fail(event: Json) -> Json:
    """Catches everything else: nothing stays open."""
    execution = _execution(event)
    if execution is None:
        return {}
    reason = BROKEN.format(event.get("failure", {}).get("Error", "unknown"))
    log().error("execution failed", execution=execution.id, failure=event.get("failure"))
    ledger.end_parts(execution, ledger.parts_of(execution), Result(Status.FAILED, reason=reason))
    ledger.conclude(execution)
    return {}


STEPS: dict[str, Callable[[Json], Json]] = {
    step.__name__: step for step in (begin, prepare, lose_chunk, finish, fail)
}


def sweep(execution: Execution) -> None:
    """An execution that has not ended for a while. Its workflow may be gone (a restart, an outage)."""
    if ledger.conclude(execution) is not None:
        return
    name = f"{execution.id}-{int(execution.attempt)}"
    state = workflows.status(settings().script_execution_arn, name)
    if state == "RUNNING":
        ledger.look_again(execution)
        return
    if state is None and execution.state is Status.QUEUED:
        runs.start(execution)
        ledger.look_again(execution)
        return
    log().warning("workflow is gone", execution=execution.id, attempt=int(execution.attempt), state=state)
    _take_over(execution, reported=state == "SUCCEEDED")


def _take_over(execution: Execution, *, reported: bool) -> None:
    """What a living relay still runs is left to it, unless it has ``reported``: then it is done with all that
    it took. The rest of the running has failed; what has not started gets a new attempt."""
    relay = registry.find(settings().relay_id)
    silent = registry.silent_for(relay)
    boot = relay.boot if relay and silent is not None and silent <= registry.LATE_SECONDS else None
    running = [part for part in ledger.parts_of(execution) if part.state is Status.RUNNING]
    if not reported and any(part.runner == boot for part in running):
        ledger.look_again(execution)
        return
    ledger.end_parts(execution, running, Result(Status.FAILED, reason=LOST))
    if ledger.conclude(execution) is None and ledger.new_attempt(execution):
        runs.start(execution)
