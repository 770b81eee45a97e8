"""Deployments: making, reading, changing, deleting."""

from __future__ import annotations

from chalicelib.rest.surface import Call, Reply
from chalicelib.surfaces.engine.presenters import common
from chalicelib.surfaces.engine.presenters import deployments as present
from chalicelib.surfaces.engine.routes.base import DEPLOY, Json, operation
from chalicelib.surfaces.engine.schemas import deployments as schemas
from chalicelib.surfaces.engine.service import changing, scaling, versions
from chalicelib.surfaces.engine.service import deployments as service

ONE = "/v1/deployments/{deploymentId}"
GONE_WITHIN = 20.0
"""Seconds that a deletion is waited for: the gateway ends a request at 29."""


@operation("POST", "/v1/deployments", permission=DEPLOY, body=lambda: schemas.DeploymentCreate)
def create_deployment(call: Call) -> Reply:
    return Reply(present.created(service.create(call.caller, call.body)), 201)


@operation("GET", "/v1/deployments", query=lambda: schemas.DeploymentsQuery)
def list_deployments(call: Call) -> Json:
    return common.page(service.page(call.caller, call.query), "deployments", present.summary)


@operation("GET", ONE, params=lambda: schemas.DeploymentPath)
def get_deployment(call: Call) -> Json:
    found = changing.own(call.caller, call.path.deploymentId)
    return present.details(found, service.environment(found))


@operation(
    "PUT",
    ONE,
    permission=DEPLOY,
    params=lambda: schemas.DeploymentPath,
    body=lambda: schemas.DeploymentUpdate,
)
def update_deployment(call: Call) -> Json:
    return present.updated(versions.update(call.caller, call.path.deploymentId, call.body))


@operation("DELETE", ONE, permission=DEPLOY, params=lambda: schemas.DeploymentPath)
def delete_deployment(call: Call) -> Json:
    found, execution_id = service.delete(call.caller, call.path.deploymentId)
    return present.deleted(found, gone=service.gone_within(execution_id, GONE_WITHIN))


@operation(
    "PATCH",
    f"{ONE}/scale",
    permission=DEPLOY,
    params=lambda: schemas.DeploymentPath,
    body=lambda: schemas.ScaleBody,
)
def scale_deployment(call: Call) -> Json:
    found = scaling.scale(call.caller, call.path.deploymentId, call.body.replicas)
    return present.scaled(found, call.body.replicas)


@operation("POST", f"{ONE}/stop", permission=DEPLOY, params=lambda: schemas.DeploymentPath)
def stop_deployment(call: Call) -> Json:
    return present.stopped(scaling.stop(call.caller, call.path.deploymentId))


@operation("POST", f"{ONE}/start", permission=DEPLOY, params=lambda: schemas.DeploymentPath)
def start_deployment(call: Call) -> Json:
    return present.started(scaling.start(call.caller, call.path.deploymentId))


@operation(
    "PUT",
    f"{ONE}/drift",
    permission=DEPLOY,
    params=lambda: schemas.DeploymentPath,
    body=lambda: schemas.DriftBody,
)
def set_drift_policy(call: Call) -> Json:
    """Beyond the document: whether what somebody changed on the cluster by hand is reported or repaired."""
    found = service.set_drift_policy(call.caller, call.path.deploymentId, call.body.policy)
    return {"id": found.id, "drift_policy": found.drift_policy, "drift": found.drift}
