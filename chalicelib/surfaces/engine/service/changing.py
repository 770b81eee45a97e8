"""One change of a deployment: written together with the execution that carries it out, then started.

A deployment has one turn. A change that comes while another is carried out waits; a second one that comes
then takes the waiting one's place, since what it wants contains what that one wanted. Domains alone join the
one that waits: in its place they would neither go back nor interrupt. What is wanted moves at once, so that a
reader sees what was asked for; the cluster moves when the turn comes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from chalicelib.aws import table, workflows
from chalicelib.aws.table import ConditionFailed, Put, Update, Write
from chalicelib.core import audit
from chalicelib.core.audit import Actor
from chalicelib.core.executions import ledger, tasks
from chalicelib.core.executions.model import Execution
from chalicelib.core.executions.status import Status
from chalicelib.core.executions.tasks import TaskRequest
from chalicelib.core.quotas import keeping
from chalicelib.core.quotas.model import Amounts
from chalicelib.kernel import clock
from chalicelib.kernel.errors import Conflict, NotFound
from chalicelib.kernel.settings import settings
from chalicelib.rest.auth import Caller
from chalicelib.surfaces.engine.model import deployments, lists
from chalicelib.surfaces.engine.model.deployments import WORK, Change, Deployment, Revision
from chalicelib.surfaces.engine.model.states import Action, State, during
from chalicelib.surfaces.engine.service import telling

_TRIES = 10

SUPERSEDED = "Superseded by a newer change before it began."
MISSING = "Deployment not found"


@dataclass(frozen=True)
class Wanted:
    """``fields``: what of the deployment is to be otherwise; ``more``: what that adds to the owner's quota;
    ``writes``: what else is written in the same transaction, made for the execution's id."""

    action: Action
    fields: dict[str, Any] = field(default_factory=dict)
    more: Amounts = field(default_factory=Amounts)
    writes: Callable[[str], list[Write]] = lambda _: []


Decide = Callable[[Deployment], Wanted | None]


def own(caller: Caller, deployment_id: str) -> Deployment:
    """Raises NotFound for what there is not, what is being deleted, and what belongs to somebody else."""
    found = deployments.find(deployment_id)
    if found is None or found.deleting or int(found.owner_id) != caller.user_id:
        raise NotFound(MISSING)
    return found


def subject(deployment: Deployment, action: Action) -> dict[str, Any]:
    """What the execution brings the cluster to, whatever is wanted by the time its turn comes."""
    return {
        "deployment_id": deployment.id,
        "app_name": deployment.app_name,
        "owner_id": int(deployment.owner_id),
        "action": action.value,
        "revision": int(deployment.revision),
        "replicas": int(deployment.replicas),
        "stopped": bool(deployment.stopped),
        "autoscaling": deployment.autoscaling,
    }


def change_record(deployment: Deployment, action: Action, execution: Execution) -> Change:
    return Change(
        deployments.key(deployment.id),
        f"CHANGE#{execution.created_at}#{execution.id}",
        execution_id=execution.id,
        action=action.value,
        revision=int(deployment.revision),
        replicas=int(deployment.replicas),
        asked_by=execution.asked_by_name,
        created_at=execution.created_at,
    )


def start(execution_id: str, attempt: int = 1) -> None:
    """Under its own name, so a repeat starts nothing. When this is not reached the sweep does it."""
    payload = {"execution_id": execution_id, "attempt": attempt, "loop": {}}
    workflows.start(settings().container_rollout_arn, f"{execution_id}-{attempt}", payload)


def change(actor: Actor, deployment_id: str, decide: Decide) -> tuple[Deployment, str | None]:
    """Asks ``decide`` what is wanted of the deployment as it is now, and has it carried out.

    Gives the deployment as it is afterwards, and the id of the execution: None when ``decide`` wants
    nothing. Raises NotFound, Conflict when others are always quicker, and what ``decide`` raises.
    """
    for _ in range(_TRIES):
        found = deployments.find(deployment_id)
        if found is None or found.deleting:
            raise NotFound(MISSING)
        wanted = decide(found)
        if wanted is None:
            return found, None
        before, audited = found.status, deployments.shown(found)
        try:
            execution = _persist(actor, found, wanted, audited)
        except ConditionFailed:
            continue
        if execution is None:  # what waited has just ended or begun
            continue
        if found.turn == execution.id:
            start(execution.id)
        if found.status is not before and not found.deleting:
            telling.changed(found, f"{execution.id}:asked")
        return found, execution.id
    raise Conflict("This deployment is being changed by others at the same time. Try again.")


def again(found: Deployment, action: Action) -> None:
    """A further execution of what was asked for before and given up. Nothing when somebody is at it."""
    request = TaskRequest(audit.SYSTEM, WORK, subject(found, action))
    execution = tasks.prepare(request)
    fence = (Deployment.version == found.version) & Deployment.turn.does_not_exist()
    fields = {"turn": execution.id, "turn_action": action.value, "version": int(found.version) + 1}
    update = Update(Deployment(found.pk, found.sk), set_fields(found, fields), fence)
    try:
        table.write([update, *tasks.creating(execution, request)])
    except ConditionFailed:
        return
    start(execution.id)


def _persist(actor: Actor, found: Deployment, wanted: Wanted, before: dict[str, Any]) -> Execution | None:
    """Writes all of it or nothing. ``found`` becomes what is stored."""
    if found.waiting is not None and wanted.action.joins:
        return _join(actor, found, wanted, before)
    fence = Deployment.version == found.version
    replaced, passed_over = found.waiting, _passed_over(found, wanted)
    new_state = _state(found, wanted)
    moves = [] if found.deleting else _moves(found, wanted, new_state)
    actions = set_fields(found, _fields(found, wanted, new_state))
    request = TaskRequest(actor, WORK, subject(found, wanted.action))
    execution = tasks.prepare(request)
    actions += set_fields(found, _turn(found, wanted.action, execution.id))
    writes: list[Write] = [
        Update(Deployment(found.pk, found.sk), actions, fence),
        *tasks.creating(execution, request),
        Put(change_record(found, wanted.action, execution), table.absent()),
        *moves,
        *passed_over,
        *_along(actor, found, wanted, before, execution.id),
    ]
    if replaced is None:
        table.write(writes)
        return execution
    if not tasks.end(replaced, None, Status.CANCELLED, SUPERSEDED, writes):
        return None
    return execution


def _passed_over(found: Deployment, wanted: Wanted) -> list[Write]:
    """The revision that waited for its turn, when another one takes its place."""
    number = int(found.revision)
    if found.waiting is None or "revision" not in wanted.fields or number == found.working_revision:
        return []
    under_way = ledger.find(found.turn)
    if under_way is None or int(under_way.subject["revision"]) == number:
        return []
    return [outcome(found, number, "superseded")]


def outcome(found: Deployment, number: int, word: str, message: str | None = None) -> Update:
    """The write that keeps how a revision did."""
    record = Revision(deployments.key(found.id), deployments.revision_sk(number))
    return Update(record, table.setting(Revision, {"outcome": word, "message": message}), table.present())


def _join(actor: Actor, found: Deployment, wanted: Wanted, before: dict[str, Any]) -> Execution | None:
    """What is wanted comes with the change that waits, whose execution this gives."""
    waiting = ledger.find(found.waiting)
    if waiting is None:
        return None
    fence = Deployment.version == found.version
    actions = set_fields(found, _fields(found, wanted, found.status))
    update = Update(Deployment(found.pk, found.sk), actions, fence)
    table.write([update, *_along(actor, found, wanted, before, waiting.id)])
    return waiting


def _along(
    actor: Actor, found: Deployment, wanted: Wanted, before: dict[str, Any], execution_id: str
) -> list[Write]:
    """What is written together with the deployment's new fields, whichever execution carries them out."""
    after = deployments.shown(found)
    held = keeping.taking(int(found.owner_id), wanted.more)
    return [
        audit.entry(actor, f"deployment.{wanted.action}", found.pk, before=before, after=after),
        *wanted.writes(execution_id),
        *([held] if held else []),
    ]


def _state(found: Deployment, wanted: Wanted) -> State:
    stopped = bool(wanted.fields.get("stopped", found.stopped))
    serving = found.working_revision is not None and found.status in {
        State.RUNNING,
        State.UPDATING,
        State.FAILED,
    }
    return during(wanted.action, found.status, stopped=stopped, serving=serving)


def _moves(found: Deployment, wanted: Wanted, new_state: State) -> list[Write]:
    if wanted.action is Action.DELETE:
        return lists.taking(found)
    return lists.moving(found, new_state)


def _fields(found: Deployment, wanted: Wanted, new_state: State) -> dict[str, Any]:
    return {
        **wanted.fields,
        "state": new_state.value,
        "error_message": None,
        "generation": int(found.generation) + 1,
        "version": int(found.version) + 1,
        "updated_at": clock.iso_now(),
    }


def _turn(found: Deployment, action: Action, execution_id: str) -> dict[str, Any]:
    if found.turn is None:
        return {"turn": execution_id, "turn_action": action.value}
    return {"waiting": execution_id, "waiting_action": action.value}


def set_fields(record: Deployment, fields: dict[str, Any]) -> list[Any]:
    """Sets ``fields`` on the record in memory, and gives the actions that set them in the table."""
    for name, value in fields.items():
        setattr(record, name, value)
    return table.setting(Deployment, fields)
