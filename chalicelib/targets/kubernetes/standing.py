"""What stands on the cluster now, and what stood before: status, history, replicas."""

from __future__ import annotations

from chalicelib.targets.kubernetes import failures, names, pods
from chalicelib.targets.kubernetes.api import connect
from chalicelib.targets.kubernetes.apply import find_deployment
from chalicelib.targets.kubernetes.objects import Manifest, Thing, path_of, thing
from chalicelib.targets.kubernetes.replies import AppStatus, Revision, RolloutHistory, Scaled
from chalicelib.targets.kubernetes.requests import AppRef, AppRequest, ScaleRequest


def status(request: AppRequest) -> AppStatus:
    """``kubernetes.status``."""
    server, app = connect(request.access), request.app
    deployment = find_deployment(server, app)
    if deployment is None:
        return AppStatus(exists=False)
    found = pods.pods_of(server, app)
    told, counts = [pods.status_of(one) for one in found], deployment.get("status", {})
    return AppStatus(
        exists=True,
        desired=deployment["spec"].get("replicas", 1),
        replicas=counts.get("replicas", 0),
        ready=counts.get("readyReplicas", 0),
        available=counts.get("availableReplicas", 0),
        updated=counts.get("updatedReplicas", 0),
        restarts=sum(one.restarts for one in told if one.state != "Terminating"),
        started_at=min((one.started_at for one in told if one.ready and one.started_at), default=None),
        checked_at=_checked_at(found),
        revision=_revision(deployment),
        image=deployment["spec"]["template"]["spec"]["containers"][0]["image"],
        pods=tuple(told),
    )


def _checked_at(found: list[Manifest]) -> str | None:
    moments = [pods.condition_of(one, "ContainersReady").get("lastTransitionTime") for one in found]
    return max(filter(None, moments), default=None)


def _revision(one: Manifest) -> str | None:
    return (one["metadata"].get("annotations") or {}).get(names.REVISION)


def history(request: AppRequest) -> RolloutHistory:
    """``kubernetes.history``. Undoing is applying the spec of an earlier revision again."""
    replica_sets = pods.replica_sets_of(connect(request.access), request.app)
    return RolloutHistory(
        revisions=tuple(_as_revision(one, current=rank == 0) for rank, one in enumerate(replica_sets))
    )


def _as_revision(replica_set: Manifest, *, current: bool) -> Revision:
    return Revision(
        number=pods.number_of(replica_set),
        revision=_revision(replica_set),
        image=replica_set["spec"]["template"]["spec"]["containers"][0]["image"],
        created_at=replica_set["metadata"]["creationTimestamp"],
        replicas=replica_set.get("status", {}).get("replicas", 0),
        current=current,
    )


def scale(request: ScaleRequest) -> Scaled:
    """``kubernetes.scale``: the number alone. Raises PermanentTargetError without such a Deployment."""
    server, app = connect(request.access), request.app
    path = f"{path_of(_deployment(app))}/scale"
    doing = f"scale {_deployment(app)}"
    now = server.find(path, doing)
    if now is None:
        raise failures.permanent(f"The {_deployment(app)} is not there, so it cannot be scaled.", 404)
    before = now["spec"].get("replicas", 0)
    if before != request.replicas:
        server.merge(path, doing, {"spec": {"replicas": request.replicas}})
    return Scaled(replicas=request.replicas, before=before)


def _deployment(app: AppRef) -> Thing:
    return thing("Deployment", app.app_name, app.namespace)
