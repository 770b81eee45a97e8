"""The steps of statemachines/certificate-issuance.asl.json, and the sweep of what lost its machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from chalicelib.aws import workflows
from chalicelib.core.certificates import issuing, outcomes, places, records
from chalicelib.core.certificates.issuing import Next
from chalicelib.core.certificates.model import Certificate, State
from chalicelib.core.certificates.outcomes import Failure
from chalicelib.core.executions import ledger, tasks
from chalicelib.core.executions.model import Execution
from chalicelib.core.executions.status import Status
from chalicelib.kernel import clock
from chalicelib.kernel.errors import PermanentTargetError, TransientTargetError, Unavailable
from chalicelib.kernel.logs import log
from chalicelib.kernel.settings import settings

Json = dict[str, Any]
Listener = Callable[[Certificate], None]
Listeners = dict[str, Listener]
"""Scope to whoever is told that a certificate of it was installed for the first time."""

CLEANED_WITHIN = timedelta(minutes=30)
BROKEN = "This certificate could not be issued because of a fault on our side ({})."
LEFT = "Left by a change that took its place."


def run(event: Json, listeners: Listeners) -> Json:
    """One step. {"step", "wait", "loop"} say what comes next."""
    step, loop = event["step"], event.get("loop") or {}
    if "failure" in event:
        log().error("certificate step failed", execution=event["execution_id"], failure=event["failure"])
        told = BROKEN.format(event["failure"].get("Error", "unknown"))
        loop = {**loop, "failure": loop.get("failure") or Failure(told).dump()}
    following = _following(step, event, loop, listeners)
    return {"execution_id": event["execution_id"], "attempt": event["attempt"], **asdict(following)}


def _following(step: str, event: Json, loop: Json, listeners: Listeners) -> Next:
    if step == "clean_up":
        return _clean_up(event, loop)
    found = issuing.find(event["execution_id"], event["attempt"])
    if step == "settle":
        if found is not None:
            _settle(found, loop, listeners)
        return Next("done")
    return issuing.perform(step, found, loop) if found else Next("clean_up")


def _clean_up(event: Json, loop: Json) -> Next:
    """Whatever happened. What cannot be taken away for long is left, and told: the next try takes it away."""
    execution = ledger.find(event["execution_id"])
    if execution is None or _is_overtaken(execution, event["attempt"]):
        return Next("done")
    try:
        _take_away(execution)
    except (TransientTargetError, Unavailable) as error:
        since = loop.get("cleaning_since") or clock.iso_now()
        if clock.now() - clock.parse(since) <= CLEANED_WITHIN:
            return Next("clean_up", 15, {**loop, "cleaning_since": since})
        log().warning("proof left behind", execution=execution.id, reason=error.message)
    except PermanentTargetError as error:
        log().warning("proof left behind", execution=execution.id, reason=error.message)
    return Next("settle", loop=loop)


def _is_overtaken(execution: Execution, attempt: int) -> bool:
    """Another attempt is at it, and cleans up after itself."""
    return not execution.state.final and int(execution.attempt) != attempt


def _take_away(execution: Execution) -> None:
    place = places.load(execution.subject["place"])
    certificate = records.find(execution.subject["certificate_id"])
    wanted = certificate is not None and certificate.status is not State.REMOVING
    if wanted and certificate is not None and certificate.turn not in (None, execution.id):
        return  # a newer try presents proofs at the same place
    place.clean(execution.subject["names"])
    if not wanted:
        place.uninstall()


def _settle(found: issuing.Issuance, loop: Json, listeners: Listeners) -> None:
    execution, certificate = found.execution, found.certificate
    if "issued" in loop:
        # Told before it ends: whoever is told may be told again.
        if loop["issued"] == issuing.FIRST and certificate.scope in listeners:
            listeners[certificate.scope](certificate)
        outcomes.succeed(execution, certificate)
    elif "removed" in loop:
        outcomes.removed(execution, certificate)
    else:
        failure = loop.get("failure") or Failure(BROKEN.format("unknown")).dump()
        outcomes.fail(execution, certificate, Failure.load(failure))


def sweep(execution: Execution) -> None:
    """An execution that has not ended for a while. Its machine may be gone (a restart, an outage); what it
    did may be repeated, so a new attempt goes on where the old one was lost."""
    attempt = int(execution.attempt)
    if issuing.find(execution.id, attempt) is None:
        tasks.end(execution.id, None, Status.CANCELLED, LEFT)
        return
    state = workflows.status(settings().certificate_issuance_arn, f"{execution.id}-{attempt}")
    if state == "RUNNING":
        ledger.look_again(execution)
    elif state is None and execution.state is Status.QUEUED:
        records.start(execution)
        ledger.look_again(execution)
    elif ledger.new_attempt(execution):
        log().warning("workflow is gone", execution=execution.id, attempt=attempt, state=state)
        execution.attempt = attempt + 1
        records.start(execution)
