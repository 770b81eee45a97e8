"""Beyond the document: the history of a deployment and the ways through it."""

from __future__ import annotations

from chalicelib.rest.surface import Call
from chalicelib.surfaces.engine.presenters import deployments as present
from chalicelib.surfaces.engine.routes.base import DEPLOY, Json, operation
from chalicelib.surfaces.engine.routes.deployments import ONE
from chalicelib.surfaces.engine.schemas import deployments as schemas
from chalicelib.surfaces.engine.service import history, scaling, versions


@operation("GET", f"{ONE}/rollouts", params=lambda: schemas.DeploymentPath)
def list_rollouts(call: Call) -> Json:
    found, revisions = history.revisions(call.caller, call.path.deploymentId)
    return {"rollouts": [present.revision(one, found) for one in revisions]}


@operation(
    "GET", f"{ONE}/executions", params=lambda: schemas.DeploymentPath, query=lambda: schemas.HistoryQuery
)
def list_deployment_executions(call: Call) -> Json:
    """What was asked for, the newest first, and how it went."""
    limit, cursor = call.query.limit, call.query.cursor or None
    asked = history.executions(call.caller, call.path.deploymentId, limit, cursor)
    more = len(asked) == limit
    return {
        "executions": [present.execution(change, execution) for change, execution in asked],
        "cursor": asked[-1][0].sk if more else None,
    }


@operation(
    "POST",
    f"{ONE}/undo",
    permission=DEPLOY,
    params=lambda: schemas.DeploymentPath,
    body=lambda: schemas.UndoBody,
)
def undo_rollout(call: Call) -> Json:
    found, execution_id = versions.undo(call.caller, call.path.deploymentId, call.body.revision)
    return present.begun(found, execution_id, "Going back to an earlier revision")


@operation("POST", f"{ONE}/restart", permission=DEPLOY, params=lambda: schemas.DeploymentPath)
def restart_deployment(call: Call) -> Json:
    found, execution_id = versions.restart(call.caller, call.path.deploymentId)
    return present.begun(found, execution_id, "Deployment restart in progress")


@operation(
    "PUT",
    f"{ONE}/autoscaling",
    permission=DEPLOY,
    params=lambda: schemas.DeploymentPath,
    body=lambda: schemas.AutoscaleBody,
)
def set_autoscaling(call: Call) -> Json:
    found, execution_id = scaling.autoscale(call.caller, call.path.deploymentId, call.body.bounds)
    said = "Autoscaling is on" if found.autoscaling else "Autoscaling is off"
    return present.begun(found, execution_id, said) | {"autoscaling": found.autoscaling}
