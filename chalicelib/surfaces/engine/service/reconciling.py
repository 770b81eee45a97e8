"""The minute's look at the clusters: is everything as it was applied, and what does it use? It takes what is
due in bounded batches; what there was no time for is first in the next minute."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any

from chalicelib.aws import table
from chalicelib.aws.table import ConditionFailed
from chalicelib.core import audit, reach
from chalicelib.core.clusters import registry
from chalicelib.core.clusters.model import Cluster
from chalicelib.core.quotas import keeping
from chalicelib.kernel import clock
from chalicelib.kernel.errors import NotFound, TargetError, Unavailable
from chalicelib.kernel.logs import log
from chalicelib.surfaces.engine.model import deployments, samples
from chalicelib.surfaces.engine.model.deployments import Deployment
from chalicelib.surfaces.engine.model.states import Action, DriftPolicy, State
from chalicelib.surfaces.engine.service import changing, rollouts, sizes, specs, telling, turns
from chalicelib.surfaces.engine.service.changing import Wanted
from chalicelib.targets.kubernetes.replies import (
    AppMetrics,
    AppStatus,
    Capabilities,
    Observation,
    RolloutStatus,
)
from chalicelib.targets.kubernetes.requests import ApplyRequest, AppRequest, ClusterRequest

EVERY = timedelta(minutes=1)
DELETION_AGAIN = timedelta(minutes=10)
CAPABILITIES_EVERY = timedelta(minutes=10)
TURN_SECONDS = 35.0
_TOGETHER = 100
_AT_ONCE = 8


def look_around() -> None:
    """What is due, until the time is up."""
    until = time.monotonic() + TURN_SECONDS
    clusters = {one.name: one for one in registry.every()}
    for cluster in clusters.values():
        _look_at_cluster(cluster)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        while time.monotonic() < until:
            due = _due()
            list(pool.map(lambda found: _turn(found, clusters, until), due))
            if len(due) < _TOGETHER:
                return


def _due() -> list[Deployment]:
    found = Deployment.due.query(deployments.DUE, Deployment.due_at <= clock.iso_now(), limit=_TOGETHER)
    return [record for record in found if isinstance(record, Deployment)]


def _turn(found: Deployment, clusters: dict[str, Cluster], until: float) -> None:
    """One that fails keeps no other waiting."""
    if time.monotonic() > until or not _claim(found):
        return
    try:
        _look_at(found, clusters.get(found.cluster))
    except (TargetError, Unavailable) as error:
        log().info("deployment not seen", deployment=found.id, reason=error.message)
    except Exception:  # noqa: BLE001 - logged; it is due again in a minute
        log().exception("deployment not looked at", deployment=found.id)


def _claim(found: Deployment) -> bool:
    """One tick looks at it, however many overlap."""
    later = clock.iso(clock.now() + (DELETION_AGAIN if found.deleting else EVERY))
    try:
        table.change(found, [Deployment.due_at.set(later)], Deployment.due_at == found.due_at)
    except ConditionFailed:
        return False
    return True


def _look_at_cluster(cluster: Cluster) -> None:
    if cluster.seen_at and clock.now() - clock.parse(cluster.seen_at) < CAPABILITIES_EVERY:
        return
    try:
        request = ClusterRequest(access=specs.access(cluster))
        seen = reach.run(cluster.reach, "kubernetes.capabilities", request, Capabilities)
    except (TargetError, Unavailable, NotFound) as error:
        log().info("cluster not seen", cluster=cluster.name, reason=error.message)
        return
    registry.record_capabilities(cluster, seen.model_dump(mode="json"))


def _look_at(found: Deployment, cluster: Cluster | None) -> None:
    if found.turn is not None:
        return
    if found.deleting:
        # An earlier try gave up: what is left on the cluster must go, or the name is never free.
        changing.again(found, Action.DELETE)
        return
    if cluster is None or not found.status.settled or found.working_revision is None:
        return
    if found.status is not State.STOPPED:
        _sample(found, cluster)
    if found.status is State.FAILED and _mend(found, cluster):
        return
    _look_for_drift(found, cluster)


def _sample(found: Deployment, cluster: Cluster) -> None:
    request = AppRequest(access=specs.access(cluster), app=specs.reference(found))
    status = reach.run(cluster.reach, "kubernetes.status", request, AppStatus)
    used = reach.run(cluster.reach, "kubernetes.metrics", request, AppMetrics)
    samples.keep(found.id, _figures(status, used))


def _figures(status: AppStatus, used: AppMetrics) -> dict[str, Any]:
    figures: dict[str, Any] = {"replicas": status.ready, "restarts": status.restarts}
    if not used.available or not used.pods:
        return figures
    figures["cpu"] = round(sum(pod.cpu_millicores for pod in used.pods) / 1000, 6)
    figures["memory"] = sum(pod.memory_bytes for pod in used.pods)
    for name, attribute in (("network_in", "received_bytes"), ("network_out", "sent_bytes")):
        counted = [getattr(pod, attribute) for pod in used.pods]
        figures[name] = sum(counted) if all(one is not None for one in counted) else None
    return figures


def _mend(found: Deployment, cluster: Cluster) -> bool:
    """What was given up while the cluster was away, or by a fault of ours, may serve all the same. Whether
    something is done about it."""
    request = AppRequest(access=specs.access(cluster), app=specs.reference(found))
    seen = reach.run(cluster.reach, "kubernetes.rollout_status", request, RolloutStatus)
    rollouts.keep(found, seen)
    with suppress(NotFound):
        return changing.change(audit.SYSTEM, found.id, lambda now: _mended(now, seen))[1] is not None
    return False


def _mended(found: Deployment, seen: RolloutStatus) -> Wanted | None:
    """As wanted where the cluster has come to it; else back, once, to what worked."""
    if found.turn is not None or found.status is not State.FAILED:
        return None
    reached = seen.outcome == "complete" and seen.revision == str(int(found.revision)) and seen.available > 0
    if found.stopped or reached:
        return Wanted(Action.REPAIR)
    still_coming = seen.outcome == "progressing" and seen.reason is None
    return None if still_coming else _going_back(found, seen)


def _going_back(found: Deployment, seen: RolloutStatus) -> Wanted | None:
    """A rollback of its own. None when what worked is wanted already."""
    fields = turns.restored(found, changing.subject(found, Action.REPAIR))
    if fields is None or all(getattr(found, name) == value for name, value in fields.items()):
        return None
    size = sizes.amounts(fields["spec"], sizes.most(fields["replicas"], fields["autoscaling"]))
    moved = keeping.moving(int(found.owner_id), size - sizes.of(found))
    failure = {"failure": found.error_message or seen.message}
    return Wanted(Action.REPAIR, fields | failure, writes=lambda _: list(moved))


def _look_for_drift(found: Deployment, cluster: Cluster) -> None:
    wanted = changing.subject(found, Action.REPAIR) | {"spec": found.spec}
    request = ApplyRequest(access=specs.access(cluster), spec=specs.app_spec(found, cluster, wanted))
    seen = reach.run(cluster.reach, "kubernetes.observe", request, Observation)
    drift = [finding.model_dump(mode="json") for finding in seen.findings] or None
    if drift != found.drift:
        _keep(found, drift)
    if drift and found.drift_policy == DriftPolicy.REPAIR:
        with suppress(NotFound):
            changing.change(audit.SYSTEM, found.id, _repair)


def _keep(found: Deployment, drift: list[dict[str, Any]] | None) -> None:
    """Only for the deployment as it was compared: a change since then has made it pointless."""
    action = Deployment.drift.set(drift) if drift else Deployment.drift.remove()
    try:
        table.change(found, [action], Deployment.version == found.version)
    except ConditionFailed:
        return
    telling.drifted(found, drift)


def _repair(found: Deployment) -> Wanted | None:
    idle = found.turn is None and found.drift_policy == DriftPolicy.REPAIR
    return Wanted(Action.REPAIR) if idle else None
