"""Carrying a change out on the cluster: apply, watch, settle. Nothing here waits: each part says what comes
next and after how long, and may be repeated."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from chalicelib.aws import table
from chalicelib.aws.table import ConditionFailed
from chalicelib.core import reach
from chalicelib.core.clusters import registry
from chalicelib.core.clusters.model import Cluster
from chalicelib.core.executions import tasks
from chalicelib.kernel import clock
from chalicelib.kernel.errors import PermanentTargetError, TransientTargetError, Unavailable
from chalicelib.surfaces.engine.model.deployments import Deployment
from chalicelib.surfaces.engine.model.states import Action
from chalicelib.surfaces.engine.service import specs, turns
from chalicelib.surfaces.engine.service.turns import Turn
from chalicelib.targets.kubernetes.replies import Applied, NamespaceState, Reason, RolloutStatus
from chalicelib.targets.kubernetes.requests import ApplyRequest, AppRequest

PATIENCE = timedelta(minutes=15)
"""How long a cluster may be away, a namespace take to go, and pods stay as they are, before the execution
gives up. Kubernetes' own deadline counts for a new version alone, not for a start or another size."""

TAKEN_FOR_GOOD = {
    Reason.image_pull: timedelta(minutes=2),
    Reason.configuration: timedelta(minutes=2),
    Reason.refused: timedelta(minutes=2),
    Reason.quota: timedelta(minutes=2),
    Reason.no_room: timedelta(minutes=5),
}
"""How long one and the same trouble may last that could still pass by itself (a registry away, nodes on their
way). The rest has until Kubernetes' own deadline."""

NO_CLUSTER = "The cluster '{}' is not registered any more."
AWAY = "The cluster could not be reached for {} minutes: {}"
STUCK = "The namespace {} is still there after {} minutes: {}"
STALLED = "Nothing has moved for {} minutes: {}"
INTERRUPTED = "Ended by a newer change."
GIVES_WAY = "{} A newer change takes its place."

AWAY_STEP = "waiting for the cluster"
_SLOWEST_LOOK = 10
_LOG_LINES = 10


@dataclass(frozen=True)
class Next:
    """Which step comes next (apply, watch, finish, done) after ``wait`` seconds. ``loop`` goes with it: what
    the state machine remembers from step to step."""

    step: str
    wait: int = 0
    loop: dict[str, Any] = field(default_factory=dict)


DONE = Next("done")


def _finish(outcome: str, reason: str = "") -> Next:
    return Next("finish", loop={"outcome": outcome, "reason": reason})


def _failed(turn: Turn, reason: str) -> Next:
    """Back to what worked where there is such a thing, else the end."""
    if turns.roll_back(turn, reason):
        return Next("apply")
    return _finish("failed", reason)


def apply(turn: Turn, loop: dict[str, Any]) -> Next:
    if turn.deployment.interrupted and turn.action is not Action.DELETE:
        return _finish("superseded", INTERRUPTED)
    cluster = registry.find(turn.deployment.cluster)
    if cluster is None:
        # Nobody can look after what was on it: for a deletion that is the end.
        gone = turn.action is Action.DELETE
        return _finish("gone") if gone else _finish("failed", NO_CLUSTER.format(turn.deployment.cluster))
    try:
        return _delete(turn, cluster) if turn.action is Action.DELETE else _apply(turn, cluster)
    except (TransientTargetError, Unavailable) as error:
        return _wait_for_cluster(turn, "apply", loop, error.message)
    except PermanentTargetError as error:
        return _failed(turn, error.message)


def _apply(turn: Turn, cluster: Cluster) -> Next:
    spec = specs.app_spec(turn.deployment, cluster, turn.target)
    request = ApplyRequest(access=specs.access(cluster), spec=spec)
    applied = reach.run(cluster.reach, "kubernetes.apply", request, Applied)
    told = {"type": "applied", "namespace": applied.namespace, "created": applied.created}
    tasks.note(turn.execution.id, turn.attempt, step="rolling out", progress=40, message=told)
    return Next("watch", 1)


def _delete(turn: Turn, cluster: Cluster) -> Next:
    state = reach.run(cluster.reach, "kubernetes.delete", _about(turn, cluster), NamespaceState)
    if state.state == "foreign":
        return _finish("gone", state.message or "")
    tasks.note(turn.execution.id, turn.attempt, step="removing the namespace", progress=40)
    return Next("watch", 1, {"begun": clock.iso_now()})


def _about(turn: Turn, cluster: Cluster) -> AppRequest:
    return AppRequest(access=specs.access(cluster), app=specs.reference(turn.deployment))


def watch(turn: Turn, loop: dict[str, Any]) -> Next:
    if turn.deployment.interrupted and turn.action is not Action.DELETE:
        return _finish("superseded", INTERRUPTED)
    cluster = registry.find(turn.deployment.cluster)
    if cluster is None:
        return Next("apply")
    try:
        if turn.action is Action.DELETE:
            return _watch_going(turn, cluster, loop)
        return _watch_coming(turn, cluster, loop)
    except (TransientTargetError, Unavailable) as error:
        return _wait_for_cluster(turn, "watch", loop, error.message)
    except PermanentTargetError as error:
        return _failed(turn, error.message)


def _watch_coming(turn: Turn, cluster: Cluster, loop: dict[str, Any]) -> Next:
    status = reach.run(cluster.reach, "kubernetes.rollout_status", _about(turn, cluster), RolloutStatus)
    keep(turn.deployment, status)
    if status.outcome == "complete":
        return _finish("succeeded")
    reason = _in_words(status)
    if status.outcome == "failed":
        return _failed(turn, reason)
    if status.reason is not None and turn.outdated:
        return _finish("failed", GIVES_WAY.format(reason))
    kept = _tell_progress(turn, status, _moved(status, _in_trouble(status, loop)))
    if status.reason is not None and _since(kept, "trouble_since") > TAKEN_FOR_GOOD.get(
        status.reason, PATIENCE
    ):
        return _failed(turn, reason)
    if _since(kept, "moved_at") > PATIENCE:
        return _failed(turn, STALLED.format(_minutes(PATIENCE), reason))
    return _look_again("watch", kept)


def _in_trouble(status: RolloutStatus, loop: dict[str, Any]) -> dict[str, Any]:
    """``loop`` with the trouble of now, and since when it is that one."""
    if status.reason == loop.get("trouble"):
        return loop
    since = {"trouble_since": clock.iso_now()} if status.reason else {}
    kept = {name: value for name, value in loop.items() if name != "trouble_since"}
    return kept | {"trouble": status.reason} | since


def _moved(status: RolloutStatus, loop: dict[str, Any]) -> dict[str, Any]:
    """``loop`` with when the pods last got on. The time that a cluster was away is no fault of theirs."""
    pods = [status.desired, status.updated, status.ready, status.available]
    if pods == loop.get("pods") and "away_since" not in loop:
        return loop
    return loop | {"pods": pods, "moved_at": clock.iso_now()}


def _watch_going(turn: Turn, cluster: Cluster, loop: dict[str, Any]) -> Next:
    state = reach.run(cluster.reach, "kubernetes.namespace_state", _about(turn, cluster), NamespaceState)
    if state.state in {"gone", "foreign"}:
        return _finish("gone")
    if state.state == "active":
        return Next("apply", 2)
    if _since(loop, "begun") > PATIENCE:
        return _finish(
            "failed", STUCK.format(turn.deployment.namespace, _minutes(PATIENCE), state.message or "")
        )
    tasks.note(turn.execution.id, turn.attempt, step="removing the namespace", progress=70)
    return _look_again("watch", loop)


def _look_again(step: str, loop: dict[str, Any]) -> Next:
    """Sooner at first: most rollouts take seconds, some minutes."""
    looks = int(loop.get("looks", 0)) + 1
    kept = {name: value for name, value in loop.items() if name != "away_since"}
    return Next(step, min(1 + looks // 2, _SLOWEST_LOOK), kept | {"looks": looks})


def _wait_for_cluster(turn: Turn, step: str, loop: dict[str, Any], why: str) -> Next:
    """It may be away for a while: the change goes on when it is back."""
    away = loop | {"away_since": loop.get("away_since") or clock.iso_now()}
    if _since(away, "away_since") > PATIENCE:
        return _finish("failed", AWAY.format(_minutes(PATIENCE), why))
    told = {"type": "waiting", "reason": why} if "away_since" not in loop else None
    tasks.note(turn.execution.id, turn.attempt, step=AWAY_STEP, message=told)
    looks = int(loop.get("away_looks", 0)) + 1
    return Next(step, min(1 + looks, _SLOWEST_LOOK), away | {"away_looks": looks})


def _since(loop: dict[str, Any], name: str) -> timedelta:
    return clock.now() - clock.parse(loop[name]) if name in loop else timedelta()


def _minutes(length: timedelta) -> int:
    return int(length.total_seconds() // 60)


def _in_words(status: RolloutStatus) -> str:
    """Kubernetes' reason, with the last lines of what crashed."""
    if not status.log:
        return status.message
    return "\n".join([f"{status.message} Its last lines:", *status.log[-_LOG_LINES:]])


def _tell_progress(turn: Turn, status: RolloutStatus, loop: dict[str, Any]) -> dict[str, Any]:
    """Viewers are told when something has changed."""
    seen = [status.updated, status.ready, status.available, status.desired, status.message]
    progress = 40 + (55 * status.available // status.desired if status.desired else 0)
    changed = seen != loop.get("seen")
    told = {
        "type": "progress",
        "message": status.message,
        "available": status.available,
        "desired": status.desired,
    }
    if changed or int(loop.get("looks", 0)) % 8 == 0:
        tasks.note(
            turn.execution.id,
            turn.attempt,
            step="rolling out",
            progress=min(progress, 95),
            message=told if changed else None,
        )
    return loop | {"seen": seen}


def keep(deployment: Deployment, status: RolloutStatus) -> None:
    """What was seen, for whoever asks meanwhile. No part of the change: nothing is fenced by it."""
    seen = {
        "desired": status.desired,
        "ready": status.ready,
        "available": status.available,
        "message": status.message,
        "reason": status.reason,
    }
    actions = [Deployment.observed.set(seen), Deployment.observed_at.set(clock.iso_now())]
    try:
        table.change(Deployment(deployment.pk, deployment.sk), actions, table.present())
    except ConditionFailed:
        return


def settle(turn: Turn, loop: dict[str, Any]) -> None:
    """The execution ends as ``loop`` says."""
    outcome, reason = loop["outcome"], loop.get("reason", "")
    if outcome == "gone":
        turns.remove(turn, reason)
    elif outcome == "succeeded":
        turns.succeed(turn)
    elif outcome == "superseded":
        turns.supersede(turn, reason)
    else:
        turns.fail(turn, reason)
