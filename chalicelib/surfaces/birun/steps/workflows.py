"""The steps of statemachines/workflow-run.asl.json and workflow-timer.asl.json. Each may be repeated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalicelib.aws import workflows as machines
from chalicelib.core.executions import ledger, tasks
from chalicelib.core.executions.model import Execution
from chalicelib.core.executions.status import Status
from chalicelib.core.workflows import engine, runs, waking
from chalicelib.core.workflows.model import Run
from chalicelib.core.workflows.status import NodeStatus
from chalicelib.kernel import clock
from chalicelib.kernel.logs import log
from chalicelib.kernel.settings import settings
from chalicelib.surfaces.birun.service import workflow_runs
from chalicelib.surfaces.birun.service.workflow_runs import RULES

Json = dict[str, Any]

MOST_TURNS = 1000
"""A turn is about twelve events of the machine's history, which may have 25,000."""

OVER: Json = {"over": True, "seen": 0, "turn": 0}
BROKEN = "This run could not be carried on because of a fault on our side ({})."


def advance(event: Json) -> Json:
    """{"over", "seen", "turn"}: whether the machine is done, and otherwise what ``park`` must be told."""
    run_id, attempt, turn = event["execution_id"], event["attempt"], event["turn"]
    if turn == 0 and tasks.begin(run_id, attempt) is None:
        return OVER
    if turn >= MOST_TURNS:
        return _hand_over(run_id, attempt)
    found = engine.advance(run_id, RULES, attempt)
    if found.alarm is not None:
        waking.wake_at(run_id, found.alarm)
    return {"over": found.over, "seen": found.seen, "turn": turn + 1}


def _hand_over(run_id: str, attempt: int) -> Json:
    """To a fresh machine under the next attempt. If this dies half-way the sweep does the rest."""
    execution = ledger.find(run_id)
    if execution is not None and int(execution.attempt) == attempt and ledger.new_attempt(execution):
        workflow_runs.start(execution)
    return OVER


def park(event: Json) -> Json:
    """Leaves the machine's token where whatever happens finds it."""
    waking.park(event["execution_id"], event["attempt"], event["seen"], event["token"])
    return {}


def wake(event: Json) -> Json:
    """The timer's end."""
    return {"woken": waking.wake(event["execution_id"])}


def fail(event: Json) -> Json:
    """Catches everything else: nothing stays open, and what runs is stopped."""
    reason = BROKEN.format(event.get("failure", {}).get("Error", "unknown"))
    log().error("workflow run failed", execution=event["execution_id"], failure=event.get("failure"))
    engine.abandon(event["execution_id"], RULES, event["attempt"], reason)
    return {}


STEPS: dict[str, Callable[[Json], Json]] = {step.__name__: step for step in (advance, park, wake, fail)}


def sweep(execution: Execution) -> None:
    """A run that has not ended for a while: it may wait, be due, or have lost its machine (a restart)."""
    attempt = int(execution.attempt)
    state = machines.status(settings().workflow_run_arn, f"{execution.id}-{attempt}")
    if state == "RUNNING":
        run = runs.load(execution.id)
        if run is None or not _has_work(run) or waking.wake(run.id):
            ledger.look_again(execution)
            return
        log().warning("workflow run does not wake", execution=execution.id, attempt=attempt)
    elif state is None and execution.state is Status.QUEUED:
        workflow_runs.start(execution)
        ledger.look_again(execution)
        return
    log().warning("workflow run is taken over", execution=execution.id, attempt=attempt, state=state)
    if ledger.new_attempt(execution):
        workflow_runs.start(execution)


def _has_work(run: Run) -> bool:
    """Whether there may be something to do that nobody was told of."""
    now = clock.now()
    running = any(at.state is NodeStatus.RUNNING or at.overdue(now) for _, at in run.open())
    return running or bool(run.signal.stop) or not run.open()
