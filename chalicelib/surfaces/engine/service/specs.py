"""What is wanted of a deployment, in the words of the driver."""

from __future__ import annotations

import json
from typing import Any

from chalicelib.core import vault
from chalicelib.core.clusters import registry
from chalicelib.core.clusters.model import Cluster
from chalicelib.kernel.errors import BadRequest, Invalid
from chalicelib.kernel.secrets import MASK, Secret
from chalicelib.surfaces.engine.model import deployments
from chalicelib.surfaces.engine.model.deployments import Deployment, Environment, RegistryLogin
from chalicelib.surfaces.engine.presenters import masks
from chalicelib.surfaces.engine.service import certificates
from chalicelib.targets.kubernetes import images
from chalicelib.targets.kubernetes.requests import (
    AppRef,
    AppSpec,
    Autoscaling,
    ClusterAccess,
    HealthCheck,
    Host,
    RegistryAuth,
)

CPU, MEMORY = "100m", "128Mi"


def check_image(reference: str) -> None:
    """Raises Invalid for what is no reference to an image."""
    try:
        images.parse(reference)
    except ValueError as error:
        raise Invalid("Invalid image", f"image: {error}") from error


def seal_environment(deployment_id: str, values: dict[str, str]) -> str:
    return _seal(deployment_id, "environment", values)


def seal_login(deployment_id: str, username: str, password: Secret) -> str:
    return _seal(deployment_id, "registry", {"username": username, "password": password.reveal()})


def _seal(deployment_id: str, field: str, values: dict[str, str]) -> str:
    return vault.seal(Secret(json.dumps(values)), deployments.context(deployment_id, field))


def open_environment(deployment_id: str, stored: Environment | None) -> dict[str, Secret]:
    return _secrets(_opened(deployment_id, "environment", stored))


def _secrets(values: dict[str, str]) -> dict[str, Secret]:
    return {name: Secret(value) for name, value in values.items()}


def _opened(deployment_id: str, field: str, stored: Environment | RegistryLogin | None) -> dict[str, str]:
    if stored is None:
        return {}
    opened = vault.unseal(stored.sealed, deployments.context(deployment_id, field))
    found: dict[str, str] = json.loads(opened.reveal())
    return found


def environment(deployment: Deployment, revision: int) -> dict[str, Secret]:
    return open_environment(deployment.id, deployments.sealed_environment(deployment.id, revision))


def as_sent(deployment: Deployment, revision: int, env: dict[str, str]) -> dict[str, Secret]:
    """``env`` in place of the variables of ``revision``. A value that is shown as a mask, and sent back as it
    is shown, stays. Raises BadRequest for a mask that hides nothing."""
    if MASK not in env.values():
        return _secrets(env)
    stored = environment(deployment, revision)
    return {name: _as_sent(name, value, stored.get(name)) for name, value in env.items()}


def _as_sent(name: str, value: str, stored: Secret | None) -> Secret:
    if value != MASK:
        return Secret(value)
    if stored is None:
        raise BadRequest(
            f"'{name}' is '{MASK}', which stands for a value that is kept, and there is none of that name. "
            "Send its value.",
            f"env_vars: '{name}' has no value yet",
        )
    return stored if masks.shown(name, stored.reveal()) == MASK else Secret(value)


def access(cluster: Cluster) -> ClusterAccess:
    login = registry.login(cluster)
    return ClusterAccess(kubeconfig=login.kubeconfig, context=login.context)


def reference(deployment: Deployment) -> AppRef:
    return AppRef(deployment_id=deployment.id, app_name=deployment.app_name, namespace=deployment.namespace)


def app_spec(
    deployment: Deployment, cluster: Cluster, target: dict[str, Any], env: dict[str, str] | None = None
) -> AppSpec:
    """``target``: revision, its spec, replicas, stopped, autoscaling. ``env``: variables as they were sent
    upon that revision's; None: these as they are."""
    spec, revision = target["spec"], int(target["revision"])
    bounds = None if target["stopped"] else target["autoscaling"]
    return AppSpec(
        deployment_id=deployment.id,
        app_name=deployment.app_name,
        namespace=deployment.namespace,
        owner_id=deployment.owner_uuid,
        revision=str(revision),
        image=spec["image"],
        port=spec["port"],
        env=environment(deployment, revision) if env is None else as_sent(deployment, revision, env),
        replicas=0 if target["stopped"] else int(target["replicas"]),
        cpu=spec["resources"]["cpu"],
        memory=spec["resources"]["memory"],
        health_check=HealthCheck(**spec["health_check"]) if spec["health_check"] else None,
        registry_auth=_registry_auth(deployment),
        hosts=_hosts(deployment, cluster),
        ingress_class=cluster.ingress_class,
        cluster_issuer=cluster.issuer,
        autoscaling=Autoscaling(**bounds) if bounds else None,
        solvers=len(deployment.domains or ()) if certificates.are_ours(cluster) else 0,
        restarted_at=spec.get("restarted_at"),
    )


def _registry_auth(deployment: Deployment) -> RegistryAuth | None:
    if not deployment.private_registry:
        return None
    stored = deployments.registry_login(deployment.id)
    opened = _opened(deployment.id, "registry", stored)
    return RegistryAuth(username=opened["username"], password=Secret(opened["password"])) if opened else None


def _hosts(deployment: Deployment, cluster: Cluster) -> tuple[Host, ...]:
    """Its own name, served by the controller's default certificate for the suffix unless an issuer makes
    certificates; domains of its owner have one each: of that issuer, or ours when it is there."""
    names = [deployment.host, *sorted(deployment.domains or [])]
    certified = set(names) if cluster.issuer else certificates.installed_on(deployment)
    return tuple(
        Host(host=name, tls_secret=certificates.tls_secret(name) if name in certified else None)
        for name in names
    )
