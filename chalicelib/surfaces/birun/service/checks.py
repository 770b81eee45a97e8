"""The health of all servers, looked after as one piece of work: asked for by a person, or by the clock."""

from __future__ import annotations

import time
import uuid

from chalicelib.aws import table, workflows
from chalicelib.aws.table import ConditionFailed
from chalicelib.core.audit import SYSTEM, Actor
from chalicelib.core.executions import ledger, tasks
from chalicelib.core.executions.model import Execution
from chalicelib.core.executions.tasks import TaskRequest
from chalicelib.core.inventory import servers
from chalicelib.core.relays import calls
from chalicelib.kernel import clock
from chalicelib.kernel.errors import Unavailable
from chalicelib.kernel.logs import log
from chalicelib.kernel.settings import settings

WORK = "health-check"
WAIT_SECONDS = 24.0
"""The gateway ends a request at 29 s, and the answer has to be put together."""
_LOOK_EVERY = 0.25
_NAMESPACE = uuid.UUID("4d0a34a5-70cd-44c4-a1c6-1f6f8f6ed5d1")


def check_all(actor: Actor) -> Execution | None:
    """As it stands once all servers were looked at, or after WAIT_SECONDS. None: there are no servers.

    Raises Unavailable without a relay.
    """
    if not servers.blocks():
        return None
    calls.must_be_heard(settings().relay_id)
    execution = _begin(TaskRequest(actor, WORK, {}))
    return None if execution is None else _wait(execution.id)


def _begin(request: TaskRequest) -> Execution | None:
    """None: it was begun before."""
    execution = tasks.prepare(request)
    try:
        table.write(tasks.creating(execution, request))
    except ConditionFailed:
        return None
    start(execution)
    return execution


def start(execution: Execution) -> None:
    """Under its own id, so a repeat starts nothing. When this is not reached the sweep does it."""
    name = f"{execution.id}-{int(execution.attempt)}"
    payload = {"execution_id": execution.id, "attempt": int(execution.attempt)}
    workflows.start(settings().health_check_arn, name, payload)


def _wait(execution_id: str) -> Execution | None:
    until = time.monotonic() + WAIT_SECONDS
    while True:
        execution = ledger.find(execution_id)
        if execution is None or execution.state.final or time.monotonic() + _LOOK_EVERY > until:
            return execution
        time.sleep(_LOOK_EVERY)


def start_what_is_due() -> None:
    """The periodic check, once a window however often the tick comes; nothing while it is turned off."""
    minutes = settings().health_check_minutes
    if minutes <= 0 or not servers.blocks():
        return
    window = clock.epoch() // (60 * minutes)
    execution_id = str(uuid.uuid5(_NAMESPACE, f"{minutes}|{window}"))
    if ledger.find(execution_id) is not None:
        return
    try:
        calls.must_be_heard(settings().relay_id)
    except Unavailable as error:
        log().warning("servers are not checked", reason=error.message)
        return
    _begin(TaskRequest(SYSTEM, WORK, {"window": window}, execution_id))
