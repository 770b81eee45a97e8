"""What a run's end, or a missed one, means to its workflow: how that is doing, and who is told."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.aws import table
from chalicelib.aws.table import Update, Write
from chalicelib.core.executions.status import Status
from chalicelib.core.notices import channels
from chalicelib.core.notices.channels import Turn
from chalicelib.core.notices.outbox import Event
from chalicelib.core.schedules.model import Schedule, ScheduleRun
from chalicelib.core.workflows.model import Run
from chalicelib.core.workflows.status import NodeStatus
from chalicelib.surfaces.birun import model
from chalicelib.surfaces.birun.model import Workflow


def writes(run: Run, status: Status, reason: str | None) -> Sequence[Write]:
    """For the transaction that ends the run. A run that was stopped says nothing of how the workflow is."""
    workflow = model.find_workflow(run.execution.subject["workflow_id"])
    if workflow is None or status is Status.CANCELLED:
        return ()
    known = workflow.last_outcome
    same = Workflow.last_outcome == known if known else Workflow.last_outcome.does_not_exist()
    doing = Update(workflow, [Workflow.last_outcome.set(status.value)], same & table.present())
    turn = channels.turn(known == Status.FAILED, status is Status.FAILED)
    if workflow.notifications is None or turn is None:
        return [doing]
    return [doing, *channels.telling(workflow.notifications, turn, _event(workflow, run, turn, reason))]


def missed(schedule: Schedule, run: ScheduleRun) -> Sequence[Write]:
    """For the transaction that passes a trigger's window by. No run has failed, so it says nothing of how the
    workflow is doing: every miss is told to who asked for failures."""
    workflow = model.find_workflow(schedule.subject["workflow_id"])
    if workflow is None or workflow.notifications is None:
        return ()
    trigger = schedule.subject["node_id"]
    told = {
        "event": "workflow.failed",
        "workflow": {"id": int(workflow.id), "name": workflow.name},
        "run": {
            "execution_id": None,
            "status": "missed",
            "trigger": trigger,
            "scheduled_for": run.window,
            "missed_windows": int(run.missed),
            "reason": run.reason,
        },
    }
    title = f"Workflow '{workflow.name}' was missed"
    lines = [f"{title}.", "", f"Trigger: {trigger}", f"Planned for: {run.window}", f"Reason: {run.reason}"]
    event = Event("birun", "workflow.failed", workflow.pk, told, title, "\n".join(lines))
    return channels.telling(workflow.notifications, Turn.FAILURE, event)


def _event(workflow: Workflow, run: Run, turn: Turn, reason: str | None) -> Event:
    word = "failed" if turn is Turn.FAILURE else "recovered"
    failed = [name for name, node in run.nodes.items() if node.state is NodeStatus.FAILED]
    told = {
        "event": f"workflow.{word}",
        "workflow": {"id": int(workflow.id), "name": workflow.name},
        "run": {
            "execution_id": run.id,
            "asked_by": run.execution.asked_by_name,
            "reason": reason,
            "failed_nodes": failed,
        },
    }
    title = f"Workflow '{workflow.name}' {word}"
    lines = [f"{title}.", "", *([f"Reason: {reason}"] if reason else []), f"Run: {run.id}"]
    return Event("birun", f"workflow.{word}", workflow.pk, told, title, "\n".join(lines))
