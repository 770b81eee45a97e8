"""Work in one piece: an execution without parts, moved on by the steps of its state machine.

The rules are the ledger's: persist, then start; every write fenced by the attempt; what is final stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pynamodb.expressions.update import Action

from chalicelib.aws import table
from chalicelib.aws.table import Put, Write
from chalicelib.core import audit
from chalicelib.core.audit import Actor
from chalicelib.core.executions import control, feed, ledger
from chalicelib.core.executions.model import Execution, blank_execution
from chalicelib.core.executions.status import Status
from chalicelib.kernel import clock


@dataclass(frozen=True)
class TaskRequest:
    """``work`` names the kind, ``subject`` is what its steps need: no secrets, a few kilobytes at most.

    ``execution_id``: an id settled beforehand, so that a repeat makes nothing twice.
    """

    actor: Actor
    work: str
    subject: dict[str, Any]
    execution_id: str | None = None


def prepare(request: TaskRequest) -> Execution:
    """The record, not yet written."""
    execution = blank_execution(request.actor, request.work, request.subject, request.execution_id)
    execution.progress = 0
    return execution


def creating(execution: Execution, request: TaskRequest) -> list[Write]:
    """The writes that make it, for the caller's own transaction; the first of them is refused for an id
    that is taken."""
    asked = audit.entry(request.actor, f"{request.work}.execute", execution.pk, after=request.subject)
    return [Put(execution, table.absent()), asked]


def begin(execution_id: str, attempt: int) -> Execution | None:
    """To running. None: it has ended, is in another attempt, or never was."""
    execution = ledger.find(execution_id)
    if execution is None or int(execution.attempt) != attempt or not ledger.begin(execution):
        return None
    return execution


def note(
    execution_id: str,
    attempt: int,
    *,
    step: str | None = None,
    progress: int | None = None,
    message: dict[str, Any] | None = None,
    begins: bool = False,
    writes: Sequence[Write] = (),
) -> bool:
    """Keeps how far it is, tells the viewers, and has the sweep look later. False: nobody wants it any more.

    ``message`` has at least a ``type``; without one the viewers are told step and progress. ``begins``: to
    running as well, as :func:`begin`. ``writes`` hold only together with this, and with the attempt.
    """
    told = message or {"type": "progress", "step": step, "progress": progress}
    actions: list[Action] = [Execution.due_at.set(clock.iso(clock.now() + ledger.LOOK_AGAIN))]
    if step is not None:
        actions.append(Execution.step.set(step))
    if progress is not None:
        actions.append(Execution.progress.set(progress))
    if begins:
        actions += ledger.to_running()
    return control.append(
        execution_id,
        lambda number: [feed.note(execution_id, number, told)],
        actions,
        attempt=attempt,
        writes=writes,
    )


def end(
    execution_id: str,
    attempt: int | None,
    status: Status,
    reason: str | None = None,
    writes: Sequence[Write] = (),
) -> bool:
    """To a final state, once. False when it had ended before or is in another attempt.

    ``attempt`` None: whichever it is in. ``writes`` hold only together with this.
    """
    actions: list[Action] = [
        Execution.status.set(status.value),
        Execution.completed_at.set(clock.iso_now()),
        Execution.due_pk.remove(),
        Execution.due_at.remove(),
    ]
    if reason is not None:
        actions.append(Execution.reason.set(reason))
    if status is Status.SUCCEEDED:
        actions.append(Execution.progress.set(100))
    return control.append(
        execution_id,
        lambda number: [feed.end(execution_id, number, status)],
        actions,
        attempt=attempt,
        writes=writes,
    )


def cancel(actor: Actor, execution: Execution, reason: str, writes: Sequence[Write] = ()) -> bool:
    """Stopped by a person, who is kept in the audit. Whatever arrives later changes nothing."""
    stopped = audit.entry(actor, f"{execution.work}.stop", execution.pk, after={"reason": reason})
    return end(execution.id, None, Status.CANCELLED, reason, [*writes, stopped])
