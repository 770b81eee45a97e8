"""Custom domains. The document has them as not implemented; here they are."""

from __future__ import annotations

from chalicelib.rest.surface import Call, Reply
from chalicelib.surfaces.engine.presenters import domains as present
from chalicelib.surfaces.engine.routes.base import DEPLOY, Json, operation
from chalicelib.surfaces.engine.routes.deployments import ONE
from chalicelib.surfaces.engine.schemas import deployments as deployment_schemas
from chalicelib.surfaces.engine.schemas import domains as schemas
from chalicelib.surfaces.engine.service import certificates
from chalicelib.surfaces.engine.service import domains as service


@operation(
    "POST",
    f"{ONE}/domains",
    permission=DEPLOY,
    params=lambda: deployment_schemas.DeploymentPath,
    body=lambda: schemas.AddDomainRequest,
)
def add_domain(call: Call) -> Reply:
    deployment, found = service.add(call.caller, call.path.deploymentId, call.body.domain)
    return Reply(present.added(found, deployment), 201)


@operation("GET", f"{ONE}/domains", params=lambda: deployment_schemas.DeploymentPath)
def list_domains(call: Call) -> Json:
    deployment, found = service.listed(call.caller, call.path.deploymentId)
    made = certificates.of(deployment)
    return {"domains": [present.domain(one, deployment, made.get(one.name)) for one in found]}


@operation("DELETE", f"{ONE}/domains/{{domainId}}", permission=DEPLOY, params=lambda: schemas.DomainPath)
def remove_domain(call: Call) -> Json:
    return present.removed(service.remove(call.caller, call.path.deploymentId, call.path.domainId))


@operation("POST", f"{ONE}/domains/{{domainId}}/verify", permission=DEPLOY, params=lambda: schemas.DomainPath)
def verify_domain(call: Call) -> Json:
    """Beyond the document: looks for the proof now."""
    deployment, found = service.verify(call.caller, call.path.deploymentId, call.path.domainId)
    return present.domain(found, deployment, certificates.of(deployment).get(found.name))
