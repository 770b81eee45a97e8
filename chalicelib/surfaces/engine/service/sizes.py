"""What a deployment asks for, as its owner's quota counts it: by what is defined, stopped or not."""

from __future__ import annotations

from typing import Any

from chalicelib.core.quotas.model import Amounts
from chalicelib.surfaces.engine.model.deployments import Deployment
from chalicelib.targets.kubernetes import quantities


def amounts(spec: dict[str, Any], replicas: int, apps: int = 0) -> Amounts:
    resources = spec["resources"]
    return Amounts(
        apps=apps,
        replicas=replicas,
        cpu=quantities.millicores(resources["cpu"]) * replicas,
        memory=quantities.in_bytes(resources["memory"]) * replicas,
    )


def of(deployment: Deployment, apps: int = 0) -> Amounts:
    return amounts(deployment.spec, deployment.most_replicas, apps)


def most(replicas: int, autoscaling: dict[str, Any] | None) -> int:
    return max(replicas, int((autoscaling or {}).get("maximum", 0)))
