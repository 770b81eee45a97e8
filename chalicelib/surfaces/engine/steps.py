"""The steps of statemachines/container-rollout.asl.json. Each may be repeated; none waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from chalicelib.aws import workflows
from chalicelib.core.executions import ledger, tasks
from chalicelib.core.executions.model import Execution
from chalicelib.core.executions.status import Status
from chalicelib.kernel.logs import log
from chalicelib.kernel.settings import settings
from chalicelib.surfaces.engine.service import (
    certificates,
    changing,
    domains,
    reconciling,
    rollouts,
    telling,
    turns,
)
from chalicelib.surfaces.engine.service.rollouts import DONE, Next

Json = dict[str, Any]

BROKEN = "This change could not be carried out because of a fault on our side ({})."


def _answer(event: Json, following: Next) -> Json:
    return {"execution_id": event["execution_id"], "attempt": event["attempt"], **asdict(following)}


def apply(event: Json) -> Json:
    """Brings what is wanted to the cluster. {"step", "wait", "loop"} say what comes next."""
    turn = turns.find(event["execution_id"], event["attempt"])
    if turn is None or not turns.begin(turn):
        return _answer(event, DONE)
    return _answer(event, rollouts.apply(turn, event["loop"]))


def watch(event: Json) -> Json:
    """Looks how far the cluster is."""
    turn = turns.find(event["execution_id"], event["attempt"])
    return _answer(event, rollouts.watch(turn, event["loop"]) if turn else DONE)


def finish(event: Json) -> Json:
    """Ends the execution, tells who wants to know, and starts whose turn it is next."""
    turn = turns.find(event["execution_id"], event["attempt"])
    if turn is not None:
        rollouts.settle(turn, event["loop"])
    return _over(event)


def _over(event: Json) -> Json:
    execution = ledger.find(event["execution_id"])
    if execution is not None and execution.state.final:
        telling.ended(execution)
        certificates.follow(execution)
        turns.next_turn(execution.subject["deployment_id"])
    return {"status": execution.status if execution else None}


def fail(event: Json) -> Json:
    """Catches everything else: nothing stays open."""
    turn = turns.find(event["execution_id"], event["attempt"])
    if turn is not None:
        log().error("rollout failed", execution=turn.execution.id, failure=event.get("failure"))
        turns.fail(turn, BROKEN.format(event.get("failure", {}).get("Error", "unknown")))
    return _over(event)


STEPS: dict[str, Callable[[Json], Json]] = {step.__name__: step for step in (apply, watch, finish, fail)}


def sweep(execution: Execution) -> None:
    """An execution that has not ended for a while. Its workflow may be gone (a restart, an outage); what it
    did may be repeated, so a new attempt goes on where the old one was lost."""
    attempt = int(execution.attempt)
    if turns.find(execution.id, attempt) is None:
        _out_of_turn(execution)
        return
    state = workflows.status(settings().container_rollout_arn, f"{execution.id}-{attempt}")
    if state == "RUNNING":
        ledger.look_again(execution)
    elif state is None and execution.state is Status.QUEUED:
        changing.start(execution.id, attempt)
        ledger.look_again(execution)
    elif ledger.new_attempt(execution):
        log().warning("workflow is gone", execution=execution.id, attempt=attempt, state=state)
        changing.start(execution.id, attempt + 1)


def _out_of_turn(execution: Execution) -> None:
    """It waits, or it was left behind by a change that took its place."""
    if turns.waits(execution):
        turns.next_turn(execution.subject["deployment_id"])
        ledger.look_again(execution)
    else:
        tasks.end(execution.id, None, Status.CANCELLED, changing.SUPERSEDED)


def look_around(_: None) -> None:
    """The minute's look at what runs on the clusters, then at domains that are to be proved: name servers
    that somebody chose must not take the clusters' time."""
    reconciling.look_around()
    domains.look_for_proofs()
