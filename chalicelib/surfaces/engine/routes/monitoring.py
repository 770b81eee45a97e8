"""State, logs, figures, and what an update would change."""

from __future__ import annotations

from chalicelib.core.alerts import records
from chalicelib.rest.surface import Call
from chalicelib.surfaces.engine.presenters import monitoring as present
from chalicelib.surfaces.engine.routes.base import DEPLOY, Json, operation
from chalicelib.surfaces.engine.routes.deployments import ONE
from chalicelib.surfaces.engine.schemas import deployments as deployment_schemas
from chalicelib.surfaces.engine.schemas import monitoring as schemas
from chalicelib.surfaces.engine.service import observing as service


@operation("GET", f"{ONE}/status", params=lambda: deployment_schemas.DeploymentPath)
def get_deployment_status(call: Call) -> Json:
    return present.status(service.status(call.caller, call.path.deploymentId))


@operation(
    "GET", f"{ONE}/logs", params=lambda: deployment_schemas.DeploymentPath, query=lambda: schemas.LogsQuery
)
def get_deployment_logs(call: Call) -> Json:
    """The gateway holds no answer open: with ``follow`` the stream that goes on is named."""
    deployment, found = service.logs(call.caller, call.path.deploymentId, call.query)
    return present.logs(deployment, found, follow=call.query.follow)


@operation(
    "GET",
    f"{ONE}/metrics",
    params=lambda: deployment_schemas.DeploymentPath,
    query=lambda: schemas.MetricsQuery,
)
def get_deployment_metrics(call: Call) -> Json:
    answer, kept = service.metrics(call.caller, call.path.deploymentId, call.query)
    return present.metrics(answer, kept, call.query.resolution)


@operation("GET", "/v1/alerts", query=lambda: schemas.AlertsQuery)
def list_alerts(call: Call) -> Json:
    """Beyond the document: what is or was the matter with the caller's deployments, the newest first."""
    found = service.alerts(call.caller, call.query)
    more = len(found) == call.query.limit
    return {
        "alerts": [present.alert(one) for one in found],
        "cursor": records.place(found[-1]) if more else None,
    }


@operation(
    "POST",
    f"{ONE}/diff",
    permission=DEPLOY,
    params=lambda: deployment_schemas.DeploymentPath,
    body=lambda: deployment_schemas.DeploymentUpdate,
)
def diff_deployment(call: Call) -> Json:
    """Beyond the document: what PUT with the same body would change on the cluster."""
    return present.difference(service.difference(call.caller, call.path.deploymentId, call.body))
