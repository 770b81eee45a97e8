"""A deployment's turn: what is under way, how it ends, and who comes next. Every write is fenced twice: by
the execution's attempt and by the deployment's version."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chalicelib.aws import table
from chalicelib.aws.table import ConditionFailed, Delete, Update, Write
from chalicelib.core.executions import ledger, tasks
from chalicelib.core.executions.model import Execution
from chalicelib.core.executions.status import Status
from chalicelib.core.quotas import keeping
from chalicelib.kernel import clock
from chalicelib.surfaces.engine.model import deployments, domains, lists, samples
from chalicelib.surfaces.engine.model.deployments import Deployment
from chalicelib.surfaces.engine.model.domains import Domain, DomainState
from chalicelib.surfaces.engine.model.states import Action, State, during
from chalicelib.surfaces.engine.service import changing, sizes, telling
from chalicelib.surfaces.engine.service.changing import set_fields

_TRIES = 10
ROLLED_BACK = "{} Rolled back to revision {}."


@dataclass(frozen=True)
class Turn:
    """An execution that may change the cluster now, and its deployment as it stands."""

    execution: Execution
    deployment: Deployment

    @property
    def attempt(self) -> int:
        return int(self.execution.attempt)

    @property
    def action(self) -> Action:
        return Action(self.execution.subject["action"])

    @property
    def aim(self) -> dict[str, Any]:
        """What was asked for, or what is rolled back to."""
        asked: dict[str, Any] = self.execution.subject
        return asked | self.deployment.working if self.deployment.failure else asked

    @property
    def target(self) -> dict[str, Any]:
        """What the cluster is to be brought to, with the spec of its revision."""
        aim = self.aim
        revision = deployments.find_revision(self.deployment.id, int(aim["revision"]))
        return aim | {"spec": revision.spec if revision else self.deployment.spec}

    @property
    def tries_revision(self) -> bool:
        """Whether its revision has still to prove itself, whichever change made it."""
        return bool(int(self.execution.subject["revision"]) != self.deployment.working_revision)

    @property
    def outdated(self) -> bool:
        """Whether what waits is to change the very thing that this one does: it may mend what is wrong with
        this one, and to go back first would be of no use. What comes beside it, as a domain, may not."""
        found, aim = self.deployment, self.aim
        if found.waiting is None:
            return False
        if found.interrupted or int(found.revision) != int(aim["revision"]):
            return True
        resized = (found.replicas, found.autoscaling) != (aim["replicas"], aim["autoscaling"])
        return resized and not self.tries_revision

    @property
    def can_roll_back(self) -> bool:
        """Not while it is rolled back already, and not when what waits takes its place anyway."""
        found = self.deployment
        worked = found.working_revision is not None and not found.stopped
        returns = self.action.rolls_back or self.tries_revision
        return returns and worked and not found.failure and not self.outdated


def find(execution_id: str, attempt: int) -> Turn | None:
    """None: the execution has ended, is in another attempt, or it is not its turn."""
    execution = ledger.find(execution_id)
    if execution is None or execution.state.final or int(execution.attempt) != attempt:
        return None
    deployment = deployments.find(execution.subject["deployment_id"])
    if deployment is None or deployment.turn != execution.id:
        return None
    return Turn(execution, deployment)


def _settled(turn: Turn, settle: Callable[[Turn], bool]) -> bool:
    """``settle`` on the deployment as it is, again when somebody changed it meanwhile."""
    for _ in range(_TRIES):
        try:
            return settle(turn)
        except ConditionFailed:
            found = find(turn.execution.id, turn.attempt)
            if found is None:
                return False
            turn = found
    raise TimeoutError(f"deployment {turn.deployment.id} changes faster than it can be written")


def begin(turn: Turn) -> bool:
    """To running; the operator's webhook is told once. False when it has ended or is in another attempt."""
    identity = turn.execution.id, turn.attempt
    if turn.execution.step is not None:  # set in the very write that tells
        return tasks.begin(*identity) is not None
    told = telling.webhook(turn.deployment, "started", None) if turn.action.told else []
    return tasks.note(*identity, step="applying", progress=10, begins=True, writes=told)


# -- rolling back ---------------------------------------------------------------------------------------


def roll_back(turn: Turn, reason: str) -> bool:
    """What is wanted becomes what worked. False when that is not to be done (any more)."""
    return _settled(turn, lambda found: _roll_back(found, reason))


def _roll_back(turn: Turn, reason: str) -> bool:
    found = turn.deployment
    if not turn.can_roll_back:
        return False
    fields = restored(found, turn.execution.subject)
    if fields is None:
        return False
    before, fence = sizes.of(found), Deployment.version == found.version
    actions = set_fields(found, fields | {"failure": reason, "version": int(found.version) + 1})
    number = int(found.revision)
    writes: list[Write] = [
        Update(Deployment(found.pk, found.sk), actions, fence),
        *_outcome(turn, "failed", reason),
        *_rebased(found),
        *keeping.moving(int(found.owner_id), sizes.of(found) - before),
    ]
    told = {"type": "rollback", "revision": number, "reason": reason}
    return tasks.note(
        turn.execution.id,
        turn.attempt,
        step=f"rolling back to revision {number}",
        message=told,
        writes=writes,
    )


def restored(found: Deployment, asked: dict[str, Any]) -> dict[str, Any] | None:
    """What last worked in place of what was ``asked``; a size wanted since then stays. None: that revision
    is not kept any more."""
    working = found.working
    revision = deployments.find_revision(found.id, working["revision"])
    if revision is None:
        return None
    size = {
        name: working[name] for name in ("replicas", "autoscaling") if getattr(found, name) == asked[name]
    }
    return {"revision": working["revision"], "spec": revision.spec, **size}


def _rebased(found: Deployment) -> list[Write]:
    """What waits was asked for upon what has failed: it is carried out upon what is restored."""
    waiting = ledger.find(found.waiting) if found.waiting else None
    if waiting is None:
        return []
    subject = changing.subject(found, Action(found.waiting_action))
    return [Update(Execution(waiting.pk, waiting.sk), [Execution.subject.set(subject)], table.present())]


def _outcome(turn: Turn, outcome: str, message: str | None = None) -> list[Write]:
    """The write that keeps how the revision of this turn did, where it had to prove itself."""
    if not turn.tries_revision:
        return []
    return [changing.outcome(turn.deployment, int(turn.execution.subject["revision"]), outcome, message)]


# -- the end --------------------------------------------------------------------------------------------


def succeed(turn: Turn) -> bool:
    """The cluster is as asked, or as it was before a change that failed."""
    return _settled(turn, _rolled_back if turn.deployment.failure else _succeeded)


def fail(turn: Turn, reason: str) -> bool:
    return _settled(turn, lambda found: _failed(found, reason))


def supersede(turn: Turn, reason: str) -> bool:
    """A newer change makes this one pointless."""
    return _settled(turn, lambda found: _superseded(found, reason))


def _superseded(turn: Turn, reason: str) -> bool:
    """What was being rolled back has failed before: its outcome stays."""
    outcome = [] if turn.deployment.failure else _outcome(turn, "superseded")
    return _end(turn, Status.CANCELLED, reason, {}, outcome)


def _succeeded(turn: Turn) -> bool:
    asked, found = turn.execution.subject, turn.deployment
    state = State.STOPPED if asked["stopped"] else State.RUNNING
    fields: dict[str, Any] = {"state": _state_after(found, state).value, "drift": None}
    if not asked["stopped"]:
        fields |= {
            "working_revision": int(asked["revision"]),
            "working_replicas": int(asked["replicas"]),
            "working_autoscaling": asked["autoscaling"],
        }
        if turn.tries_revision or found.deployed_at is None:
            fields["deployed_at"] = clock.iso_now()
    outcome = [] if asked["stopped"] else _outcome(turn, "working")
    return _end(turn, Status.SUCCEEDED, None, fields, [*_routed(found), *outcome])


def _routed(found: Deployment, failure: str | None = None) -> list[Write]:
    """Domains that were proved have come to the cluster by now, or could not: these come with the next
    change that succeeds, whatever it is about."""
    known = domains.of(found.id) if found.domains else []
    reached = DomainState.FAILED if failure else DomainState.ACTIVE
    actions = table.setting(Domain, {"state": reached.value, "reason": failure})
    return [
        Update(Domain(one.pk, one.sk), actions, Domain.state == one.state)
        for one in known
        if one.verified_at is not None and one.status is not DomainState.ACTIVE
    ]


def _rolled_back(turn: Turn) -> bool:
    found = turn.deployment
    reason = ROLLED_BACK.format(found.failure, found.working["revision"])
    fields = {"state": _state_after(found, State.RUNNING).value}
    if found.waiting is None:
        fields["error_message"] = reason
    return _end(turn, Status.FAILED, reason, fields, _routed(found))


def _failed(turn: Turn, reason: str) -> bool:
    found = turn.deployment
    if found.failure:
        reason = f"{found.failure} Rolling back failed as well: {reason}"
    fields: dict[str, Any] = {}
    if found.waiting is None:
        fields = {"error_message": reason, "state": _state_left(turn).value}
    outcome = [] if found.failure else _outcome(turn, "failed", reason)
    if turn.action is Action.DOMAINS:
        outcome += _routed(found, reason)
    return _end(turn, Status.FAILED, reason, fields, outcome)


def _state_left(turn: Turn) -> State:
    """What serves goes on serving when the change that failed was none of its version."""
    found = turn.deployment
    if found.failure or turn.tries_revision or not turn.action.harmless:
        return State.FAILED
    if found.status.settled:
        return found.status
    return State.RUNNING if found.serves else State.FAILED


def _state_after(found: Deployment, state: State) -> State:
    """The state that is reached, or that in which the next change is carried out."""
    if found.waiting is None or found.deleting:
        return state
    return during(
        Action(found.waiting_action), state, stopped=bool(found.stopped), serving=state is State.RUNNING
    )


def _end(turn: Turn, status: Status, reason: str | None, fields: dict[str, Any], writes: list[Write]) -> bool:
    """However it ends, a rollback ends with it: the next turn is to do what it was asked to."""
    found = turn.deployment
    state = State(fields.get("state", found.state))
    moves = [] if found.deleting else lists.moving(found, state)
    passed_on = {
        "turn": found.waiting,
        "turn_action": found.waiting_action,
        "waiting": None,
        "waiting_action": None,
        "failure": None,
        "version": int(found.version) + 1,
    }
    fence = Deployment.version == found.version
    update = Update(Deployment(found.pk, found.sk), set_fields(found, fields | passed_on), fence)
    told = _told(turn, status)
    return tasks.end(turn.execution.id, turn.attempt, status, reason, [update, *moves, *told, *writes])


def _told(turn: Turn, status: Status) -> list[Write]:
    """To the operator's webhook: how what was announced as started has ended."""
    if not turn.action.told or status is Status.CANCELLED:
        return []
    completed = status is Status.SUCCEEDED
    url = turn.deployment.url if completed else None
    return telling.webhook(turn.deployment, "completed" if completed else "failed", url)


def remove(turn: Turn, left: str = "") -> bool:
    """Nothing of it is on the cluster any more: its record goes, and its name is free. ``left``: why the
    namespace was not deleted, which the execution was to do."""
    found = turn.deployment
    table.delete_many(domains.guard(one.name) for one in domains.of(found.id) if one.holds_its_name)
    table.delete_many(deployments.everything(found.id))
    samples.forget(found.id)
    writes: list[Write] = [Delete(found), Delete(deployments.name_guard(found.app_name))]
    status = Status.FAILED if left else Status.SUCCEEDED
    return tasks.end(turn.execution.id, turn.attempt, status, left or None, writes)


def next_turn(deployment_id: str) -> None:
    """Starts whose turn it is now. What is started already is not started again."""
    found = deployments.find(deployment_id)
    execution = ledger.find(found.turn) if found and found.turn else None
    if execution is not None and execution.state is Status.QUEUED:
        changing.start(execution.id, int(execution.attempt))


def waits(execution: Execution) -> bool:
    """Whether its turn is still to come."""
    found = deployments.find(execution.subject["deployment_id"])
    return found is not None and execution.id in (found.waiting, found.turn)
