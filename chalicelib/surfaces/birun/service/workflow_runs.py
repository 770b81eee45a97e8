"""Runs of workflows: ask, look, decide, stop, resume."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from chalicelib.aws import table, workflows
from chalicelib.aws.table import Check, ConditionFailed, Update
from chalicelib.core import audit
from chalicelib.core.audit import Actor
from chalicelib.core.events.connections import Subscription
from chalicelib.core.executions.model import Execution, execution_key
from chalicelib.core.executions.status import Status
from chalicelib.core.executions.tasks import TaskRequest
from chalicelib.core.identity.roles import Role
from chalicelib.core.schedules.model import Schedule, ScheduleRun
from chalicelib.core.workflows import engine, kinds, model, plan, waking
from chalicelib.core.workflows import runs as store
from chalicelib.core.workflows.engine import Rules
from chalicelib.core.workflows.model import NodeRun, Run, Signal
from chalicelib.core.workflows.runs import RunRequest
from chalicelib.core.workflows.status import NodeStatus
from chalicelib.kernel import ids
from chalicelib.kernel.errors import BadRequest, Conflict, Forbidden, NotFound
from chalicelib.kernel.settings import settings
from chalicelib.rest.auth import Caller
from chalicelib.surfaces.birun import model as birun
from chalicelib.surfaces.birun.model import Workflow
from chalicelib.surfaces.birun.schemas.common import WORDS
from chalicelib.surfaces.birun.schemas.workflows import ApprovalRequest, ResumeRequest
from chalicelib.surfaces.birun.service import endings
from chalicelib.surfaces.birun.service.nodes import KINDS
from chalicelib.surfaces.birun.service.workflows import WORK

Json = dict[str, Any]

RULES = Rules(KINDS, endings.writes)

_RANKS = (Role.VIEWER, Role.USER, Role.OPERATOR, Role.ADMIN)


def start(execution: Execution) -> Execution:
    """Under its own id, so a repeat starts nothing. When this is not reached the sweep does it."""
    attempt = int(execution.attempt)
    payload = {"execution_id": execution.id, "attempt": attempt, "turn": 0}
    workflows.start(settings().workflow_run_arn, f"{execution.id}-{attempt}", payload)
    return execution


# ---------------------------------------------------------------- begin


def run_workflow(actor: Actor, workflow_id: int) -> Execution:
    """By hand: all its triggers fire."""
    workflow = birun.get_workflow(workflow_id)
    try:
        return start(_create(workflow, TaskRequest(actor, WORK, _subject(workflow))))
    except ConditionFailed as error:
        raise NotFound(f"There is no workflow {workflow_id}.") from error


def _subject(workflow: Workflow, **more: Any) -> Json:
    return {"workflow_id": int(workflow.id), "workflow_name": workflow.name} | more


def _create(workflow: Workflow, task: TaskRequest) -> Execution:
    request = RunRequest(task, birun.workflow_key(int(workflow.id)), workflow.nodes, workflow.edges)
    return store.create(request, [Check(workflow)])


def fire(schedule: Schedule, run: ScheduleRun) -> None:
    """A window of a trigger: that trigger alone fires, in the graph as it is now."""
    workflow = birun.get_workflow(schedule.subject["workflow_id"])
    trigger = schedule.subject["node_id"]
    actor = Actor(0, f"trigger '{trigger}' of workflow {int(workflow.id)}")
    subject = _subject(workflow, trigger=trigger, schedule=run.link)
    task = TaskRequest(actor, WORK, subject, run.execution_id)
    try:
        made = _create(workflow, task)
    except ConditionFailed:
        return  # made before: whoever made it starts it, or the sweep does
    start(made)


# ---------------------------------------------------------------- look


def get(workflow_id: int, run_id: str) -> Run:
    found = store.load(run_id.lower()) if ids.is_uuid(run_id) else None
    if found is None or found.execution.subject["workflow_id"] != workflow_id:
        raise NotFound(f"Workflow {workflow_id} has no run {run_id}.")
    return found


def get_node(workflow_id: int, run_id: str, node_id: str) -> tuple[Run, NodeRun | None]:
    run = get(workflow_id, run_id)
    if node_id not in run.graph.nodes:
        raise NotFound(f"This run has no node '{node_id}'.")
    return run, run.nodes.get(node_id)


def history(workflow_id: int, most: int, before: str) -> list[tuple[str, Execution]]:
    workflow = birun.get_workflow(workflow_id)
    return store.history(workflow.pk, most, before)


def subscribe(workflow_id: int, run_id: str) -> Subscription:
    words = {str(status): word for status, word in WORDS.items()}
    return Subscription(get(workflow_id, run_id).id, None, words)


# ---------------------------------------------------------------- decide


def decide(caller: Caller, run: Run, node_id: str, request: ApprovalRequest) -> NodeRun:
    """Raises NotFound, BadRequest when nobody is asked for it now, Forbidden for too low a role."""
    actor, role = caller.actor, caller.role
    node = run.graph.nodes.get(node_id)
    if node is None or node.type != "approval":
        raise NotFound(f"This run has no approval '{node_id}'.")
    needed = Role(node.config.get("approver", Role.USER))
    if _RANKS.index(role) < _RANKS.index(needed):
        raise Forbidden(f"'{node_id}' is for somebody with the role '{needed}' to decide; yours is '{role}'.")
    at = run.nodes.get(node_id)
    if at is None or at.state is not NodeStatus.WAITING or run.execution.state.final:
        raise BadRequest(f"'{node_id}' does not wait for a decision: it is {at.status if at else 'pending'}.")
    words = f"{'Approved' if request.approved else 'Denied'} by {actor.username}."
    fields = {"decided_by": actor.username, "comment": request.comment}
    change = kinds.decided(run.graph, node, request.approved, words, **fields)
    told = {"node": node_id, "approved": request.approved, "comment": request.comment}
    decision = audit.entry(actor, "workflow.decide", run.execution.pk, after=told)
    if not store.move(run, node, replace(change, writes=(decision,))):
        raise Conflict("Something else changed this run at this moment. Look at it and try again.")
    waking.wake(run.id)
    return run.nodes[node_id]


# ---------------------------------------------------------------- stop


def stop(actor: Actor, run: Run) -> Status:
    """Kills what runs. Written down and told to the machine first, which does what this does not come to."""
    if run.execution.state.final:
        raise BadRequest("This run has already finished.")
    asked = audit.entry(actor, f"{WORK}.stop", run.execution.pk)
    table.write([Update(_signal(run), [Signal.stop.set(actor.username)], table.present()), asked])
    waking.wake(run.id)
    engine.advance(run.id, RULES)
    return Status.CANCELLED


def _signal(run: Run) -> Signal:
    return Signal(execution_key(run.id), model.SIGNAL)


def stop_if_run(actor: Actor, execution_id: str) -> Status | None:
    """The same by the id that an execution goes by. None: that is no run of a workflow."""
    run = store.load(execution_id.lower()) if ids.is_uuid(execution_id) else None
    return None if run is None else stop(actor, run)


# ---------------------------------------------------------------- resume


def resume(actor: Actor, run: Run, request: ResumeRequest) -> Execution:
    """A new run of the same graph in which what succeeded counts as done. Once a run: whoever wants more
    resumes the new one."""
    execution = run.execution
    if not execution.state.final:
        raise BadRequest("This run has not finished. Stop it first, or wait for its end.")
    again = plan.again(run.graph, run.standings())
    if not again:
        raise BadRequest("There is nothing to resume: every node of this run succeeded.")
    new_id = ids.new_uuid()
    task, pk = TaskRequest(actor, WORK, _resumed(run), new_id), execution_key(new_id)
    only = request.only_failed_hosts
    kept = [_kept(pk, run, run.nodes[name], name in again, only) for name in run.nodes]
    owner = birun.workflow_key(execution.subject["workflow_id"])
    wanted = RunRequest(task, owner, run.sources, run.links, [one for one in kept if one is not None])
    taken = Signal.resumed_as.does_not_exist() & table.present()
    first = Update(_signal(run), [Signal.resumed_as.set(new_id)], taken)
    try:
        return start(store.create(wanted, [first]))
    except ConditionFailed as error:
        raise BadRequest("This run was resumed already: look at its 'resumed_as' and resume that.") from error


def _resumed(run: Run) -> Json:
    known = run.execution.subject
    subject = {name: known[name] for name in ("workflow_id", "workflow_name", "trigger") if name in known}
    return subject | {"resumed_from": run.id}


def _kept(pk: str, run: Run, at: NodeRun, again: bool, only_failed_hosts: bool) -> NodeRun | None:
    """The record in the new run: as it was; or, of a script that runs again, what its hosts gave so far."""
    stored = {name: value for name, value in at.attribute_values.items() if name not in ("pk", "kind")}
    if not again:
        return NodeRun(pk, **stored | {"version": 1, "kept_from": at.kept_from or run.id})
    if not (only_failed_hosts and at.execution_id):
        return None
    earlier = [*at.earlier, at.execution_id]
    return NodeRun(
        pk,
        at.sk,
        node_id=at.node_id,
        type=at.type,
        status=NodeStatus.PENDING.value,
        earlier=earlier,
        kept_from=run.id,
    )
