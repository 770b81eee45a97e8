"""How far a rollout is, by kubectl's own rule, and why it does not get on."""

from __future__ import annotations

from typing import Any

from chalicelib.targets.kubernetes import diagnosis, logs, names, pods
from chalicelib.targets.kubernetes.api import ApiServer, connect
from chalicelib.targets.kubernetes.apply import find_deployment
from chalicelib.targets.kubernetes.diagnosis import Diagnosis
from chalicelib.targets.kubernetes.objects import Manifest
from chalicelib.targets.kubernetes.replies import Reason, RolloutStatus
from chalicelib.targets.kubernetes.requests import AppRef, AppRequest

LOG_LINES = 20


def rollout_status(request: AppRequest) -> RolloutStatus:
    """``kubernetes.rollout_status``. One call when all is well; a few more to find out why it is not."""
    server, app = connect(request.access), request.app
    deployment = find_deployment(server, app)
    if deployment is None:
        words = f"The Deployment {app.app_name} is not there (any more)."
        return RolloutStatus(outcome="failed", reason=Reason.missing, message=words)
    counts = _counts(deployment)
    if _is_complete(deployment):
        words = (
            "Stopped."
            if counts["desired"] == 0
            else f"{counts['available']} of {counts['desired']} available."
        )
        return RolloutStatus(outcome="complete", message=words, **counts)
    return _incomplete(server, app, deployment, counts)


def _counts(deployment: Manifest) -> dict[str, Any]:
    status = deployment.get("status", {})
    return {
        "desired": deployment["spec"].get("replicas", 1),
        "updated": status.get("updatedReplicas", 0),
        "ready": status.get("readyReplicas", 0),
        "available": status.get("availableReplicas", 0),
        "revision": (deployment["metadata"].get("annotations") or {}).get(names.REVISION),
        "image": deployment["spec"]["template"]["spec"]["containers"][0]["image"],
    }


def _is_observed(deployment: Manifest) -> bool:
    generation: int = deployment["metadata"]["generation"]
    observed: int = deployment.get("status", {}).get("observedGeneration", 0)
    return observed >= generation


def _is_complete(deployment: Manifest) -> bool:
    """Seen by the controller; all of the newest, none of before, and all of them available."""
    status, desired = deployment.get("status", {}), deployment["spec"].get("replicas", 1)
    updated = status.get("updatedReplicas", 0)
    return (
        _is_observed(deployment)
        and updated == desired
        and status.get("replicas", 0) == updated
        and status.get("availableReplicas", 0) == updated
    )


def _incomplete(
    server: ApiServer, app: AppRef, deployment: Manifest, counts: dict[str, Any]
) -> RolloutStatus:
    if not _is_observed(deployment):
        return RolloutStatus(outcome="progressing", message="The cluster has not looked at it yet.", **counts)
    ill = _diagnose(server, app)
    late = pods.condition_of(deployment, "Progressing").get("reason") == "ProgressDeadlineExceeded"
    if ill is None:
        return RolloutStatus(
            outcome="failed" if late else "progressing",
            reason=Reason.deadline if late else None,
            message=_waiting_words(counts, late=late),
            **counts,
        )
    log = _last_words(server, app, ill.crashed_pod) if ill.crashed_pod else ()
    return RolloutStatus(
        outcome="failed" if late or ill.hopeless else "progressing",
        reason=ill.reason,
        message=ill.message,
        log=log,
        **counts,
    )


def _waiting_words(counts: dict[str, Any], *, late: bool) -> str:
    words = f"{counts['updated']} of {counts['desired']} updated, {counts['available']} available."
    return f"It did not get ready in time: {words}" if late else words


def _diagnose(server: ApiServer, app: AppRef) -> Diagnosis | None:
    """Of the newest revision alone: what ails older ones is no matter of this rollout."""
    replica_sets = pods.replica_sets_of(server, app)
    if not replica_sets:
        return None
    newest = replica_sets[0]
    mine = [pod for pod in pods.belong_to(pods.pods_of(server, app), newest) if not pods.is_ending(pod)]
    if all(pods.is_ready(pod) for pod in mine):
        return diagnosis.of_replica_set(newest)
    return diagnosis.of_pods(mine, pods.events_of(server, app)) or diagnosis.of_replica_set(newest)


def _last_words(server: ApiServer, app: AppRef, pod: str) -> tuple[str, ...]:
    """The last lines of the container that crashed; none if the node has thrown them away."""
    told = logs.read(server, app, pod, "previous", LOG_LINES) or logs.read(server, app, pod, "app", LOG_LINES)
    return tuple(line.message for line in told)
