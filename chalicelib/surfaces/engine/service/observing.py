"""What a deployment is doing now, as its cluster tells it, and what was measured before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import BaseModel

from chalicelib.core import reach
from chalicelib.core.alerts import records
from chalicelib.core.alerts.model import Alert
from chalicelib.core.alerts.records import Filters
from chalicelib.core.clusters import registry
from chalicelib.core.clusters.model import Cluster
from chalicelib.kernel import clock
from chalicelib.kernel.errors import BadRequest, TargetError, Unavailable
from chalicelib.rest.auth import Caller
from chalicelib.surfaces.engine.model import samples
from chalicelib.surfaces.engine.model.deployments import Deployment
from chalicelib.surfaces.engine.schemas.deployments import DeploymentUpdate
from chalicelib.surfaces.engine.schemas.monitoring import AlertsQuery, LogsQuery, MetricsQuery
from chalicelib.surfaces.engine.service import specs, telling, versions
from chalicelib.surfaces.engine.service.changing import own
from chalicelib.targets.kubernetes.replies import AppMetrics, AppStatus, DryRun, Logs
from chalicelib.targets.kubernetes.requests import ApplyRequest, AppRequest, LogsRequest

R = TypeVar("R", bound=BaseModel)

NOT_YET = "Nothing of this deployment is on the cluster yet."
USUAL_STRETCH = timedelta(hours=1)


@dataclass(frozen=True)
class Answer:
    """``found`` None: it could not be asked, and ``message`` says why."""

    deployment: Deployment
    found: Any = None
    message: str | None = None


def _ask(deployment: Deployment, operation: str, reply: type[R], make: Callable[[Cluster], BaseModel]) -> R:
    cluster = registry.get(deployment.cluster)
    return reach.run(cluster.reach, operation, make(cluster), reply)


def _about(deployment: Deployment) -> Callable[[Cluster], AppRequest]:
    return lambda cluster: AppRequest(access=specs.access(cluster), app=specs.reference(deployment))


def status(caller: Caller, deployment_id: str) -> Answer:
    """A cluster that cannot be reached is told as such: the deployment itself is known."""
    deployment = own(caller, deployment_id)
    if deployment.observed_at is None:
        return Answer(deployment, message=NOT_YET)
    try:
        return Answer(deployment, _ask(deployment, "kubernetes.status", AppStatus, _about(deployment)))
    except (TargetError, Unavailable) as error:
        return Answer(deployment, message=error.message)


def logs(caller: Caller, deployment_id: str, query: LogsQuery) -> tuple[Deployment, Logs]:
    """The last lines of all pods together, those of crashed containers among them."""
    deployment = own(caller, deployment_id)
    if deployment.observed_at is None:
        return deployment, Logs(lines=())

    def make(cluster: Cluster) -> LogsRequest:
        return LogsRequest(
            access=specs.access(cluster),
            app=specs.reference(deployment),
            tail=query.tail,
            since_seconds=query.since,
        )

    return deployment, _ask(deployment, "kubernetes.logs", Logs, make)


def metrics(caller: Caller, deployment_id: str, query: MetricsQuery) -> tuple[Answer, list[list[Any]]]:
    """What the pods use now, and the points that were kept for the stretch of time asked for."""
    deployment = own(caller, deployment_id)
    kept = _kept(deployment, query)
    if deployment.observed_at is None:
        return Answer(deployment, message=NOT_YET), kept
    try:
        found = _ask(deployment, "kubernetes.metrics", AppMetrics, _about(deployment))
    except (TargetError, Unavailable) as error:
        return Answer(deployment, message=error.message), kept
    return Answer(deployment, found, found.message), kept


def _kept(deployment: Deployment, query: MetricsQuery) -> list[list[Any]]:
    end, oldest = query.end or clock.now(), clock.now() - samples.KEPT
    if query.start and query.start > end:
        raise BadRequest("'from' must not be after 'to'.")
    if end < oldest:
        return []
    return samples.between(deployment.id, max(query.start or end - USUAL_STRETCH, oldest), end)


def alerts(caller: Caller, query: AlertsQuery) -> list[Alert]:
    """The caller's own, newest first."""
    filters = Filters(telling.SURFACE, standing=query.status, owner_id=str(caller.user_id))
    return records.listed(filters, query.limit, query.cursor or None)


def difference(caller: Caller, deployment_id: str, request: DeploymentUpdate) -> DryRun:
    """What an update would change on the cluster, by the API server's own word. Nothing is changed."""
    deployment = own(caller, deployment_id)
    target = versions.as_updated(deployment, request)

    def make(cluster: Cluster) -> ApplyRequest:
        return ApplyRequest(
            access=specs.access(cluster), spec=specs.app_spec(deployment, cluster, target, request.env_vars)
        )

    return _ask(deployment, "kubernetes.dry_run", DryRun, make)
