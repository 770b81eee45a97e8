"""Certificates of custom domains, on clusters that name no issuer of their own: one a domain, asked for once
its name has come to the cluster, given back when it has gone."""

from __future__ import annotations

import hashlib
from contextlib import suppress

from chalicelib.core.audit import SYSTEM
from chalicelib.core.certificates import records
from chalicelib.core.certificates.cluster import ClusterPlace
from chalicelib.core.certificates.model import Certificate
from chalicelib.core.certificates.records import Wanted as Asked
from chalicelib.core.clusters import registry
from chalicelib.core.clusters.model import Cluster
from chalicelib.core.executions.model import Execution
from chalicelib.core.executions.status import Status
from chalicelib.kernel.errors import NotFound
from chalicelib.kernel.settings import settings
from chalicelib.surfaces.engine.model import deployments
from chalicelib.surfaces.engine.model.deployments import Deployment
from chalicelib.surfaces.engine.model.states import Action
from chalicelib.surfaces.engine.service import changing
from chalicelib.surfaces.engine.service.changing import Wanted

SCOPE = "engine"
OFF = "off"
"""In place of an authority's directory: nobody makes certificates."""


def tls_secret(name: str) -> str:
    """The Secret that holds the certificate of that name."""
    return f"tls-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def are_ours(cluster: Cluster) -> bool:
    """Whether we make them; an issuer that the operator named makes them otherwise."""
    return not cluster.issuer and settings().acme_directory != OFF


def of(deployment: Deployment) -> dict[str, Certificate]:
    """Those of its domains, by name: what there is."""
    ids = {name: _id(deployment, name) for name in deployment.domains or ()}
    found = records.find_many(list(ids.values())) if ids else {}
    return {name: found[one] for name, one in ids.items() if one in found}


def installed_on(deployment: Deployment) -> set[str]:
    """The domains whose Secret is there for the Ingress to name: without it their visitors would be sent to a
    certificate that is none."""
    return {name for name, one in of(deployment).items() if one.installed}


def follow(execution: Execution) -> None:
    """After a change has ended: certificates for the domains that there are, none for those that are gone."""
    deployment_id = execution.subject["deployment_id"]
    found = deployments.find(deployment_id)
    wanted = _wanted(found) if found is not None and not found.deleting else []
    known = records.find_many([one.id for one in wanted])
    for one in wanted:
        if one.id not in known or known[one.id].place != one.place:
            records.ensure(SYSTEM, one)
    if _settled(execution, found):
        kept = {one.id for one in wanted}
        for certificate in records.of_subject(deployments.key(deployment_id)):
            if certificate.id not in kept:
                records.remove(SYSTEM, certificate)


def _settled(execution: Execution, found: Deployment | None) -> bool:
    """Whether the Ingress is as wanted: it may name more until a change still to come has succeeded."""
    if found is None:
        return True
    return found.turn is None and (found.deleting or execution.state is Status.SUCCEEDED)


def _wanted(found: Deployment) -> list[Asked]:
    cluster = registry.find(found.cluster) if found.domains else None
    if cluster is None or not are_ours(cluster):
        return []
    return [_asked(found, name) for name in sorted(found.domains)]


def _asked(found: Deployment, name: str) -> Asked:
    place = ClusterPlace(
        cluster=found.cluster,
        deployment_id=found.id,
        app_name=found.app_name,
        namespace=found.namespace,
        secret=tls_secret(name),
    )
    return Asked(SCOPE, deployments.key(found.id), int(found.owner_id), (name,), place.dump())


def _id(found: Deployment, name: str) -> str:
    return records.certificate_id(deployments.key(found.id), (name,))


def installed(certificate: Certificate) -> None:
    """For the first time: from now on the Ingress names it."""

    def decide(found: Deployment) -> Wanted | None:
        served = set(certificate.names) & set(found.domains or ())
        return Wanted(Action.DOMAINS) if served else None

    with suppress(NotFound):
        changing.change(SYSTEM, certificate.subject.removeprefix(deployments.key("")), decide)
