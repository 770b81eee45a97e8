"""The objects of an app, from its spec alone. Pure: golden files hold what these make."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from chalicelib.targets.kubernetes import images, names
from chalicelib.targets.kubernetes.objects import Manifest
from chalicelib.targets.kubernetes.probes import liveness, readiness
from chalicelib.targets.kubernetes.replies import Capabilities
from chalicelib.targets.kubernetes.requests import AppSpec

SLEEP_ACTION_SINCE = 30
"""Minor version that can wait before a stop without a program in the image."""
_DRAIN_SECONDS = 5
_KEPT_REVISIONS = 10


def labels(spec: AppSpec) -> dict[str, str]:
    return {
        names.MANAGED_BY: names.MANAGER,
        names.NAME: spec.app_name,
        names.INSTANCE: spec.app_name,
        names.DEPLOYMENT_ID: spec.deployment_id,
    }


def described(
    spec: AppSpec,
    version: str,
    kind: str,
    name: str,
    /,
    annotations: Mapping[str, str] | None = None,
    **parts: Any,
) -> Manifest:
    """An object in the app's namespace."""
    metadata: Manifest = {"name": name, "namespace": spec.namespace, "labels": labels(spec)}
    if annotations:
        metadata["annotations"] = dict(annotations)
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **parts}


def account(spec: AppSpec) -> Manifest:
    """An identity of the app's own, which is given no token."""
    return described(spec, "v1", "ServiceAccount", names.ACCOUNT, automountServiceAccountToken=False)


# ---------------------------------------------------------------- secrets


def environment(spec: AppSpec) -> Manifest:
    values = {name: _encoded(value.reveal()) for name, value in sorted(spec.env.items())}
    return described(spec, "v1", "Secret", names.ENVIRONMENT, type="Opaque", data=values)


def environment_digest(spec: AppSpec) -> str:
    """Changes when a variable does, so that pods are replaced. Bound to the app: equal values do not show."""
    values = {name: value.reveal() for name, value in spec.env.items()}
    text = json.dumps([spec.deployment_id, values], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def registry(spec: AppSpec) -> Manifest | None:
    """The log-in to the registry that the image names, as container engines keep it."""
    auth = spec.registry_auth
    if auth is None:
        return None
    server = images.parse(spec.image).registry
    # What Docker Hub is called in everybody's configuration.
    address = "https://index.docker.io/v1/" if server == images.DEFAULT_REGISTRY else server
    password = auth.password.reveal()
    login = {
        "username": auth.username,
        "password": password,
        "auth": _encoded(f"{auth.username}:{password}"),
    }
    data = {".dockerconfigjson": _encoded(json.dumps({"auths": {address: login}}))}
    return described(spec, "v1", "Secret", names.REGISTRY, type="kubernetes.io/dockerconfigjson", data=data)


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


# ---------------------------------------------------------------- what runs


def deployment(spec: AppSpec, cluster: Capabilities, *, replicas: int | None) -> Manifest:
    """``replicas`` None leaves the number to whoever owns it, which is the autoscaler."""
    wanted: Manifest = {} if replicas is None else {"replicas": replicas}
    return described(
        spec,
        "apps/v1",
        "Deployment",
        spec.app_name,
        annotations={names.REVISION: spec.revision},
        spec={
            **wanted,
            "selector": {"matchLabels": {names.INSTANCE: spec.app_name}},
            # Never fewer than asked for: the new one is ready before an old one goes.
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "progressDeadlineSeconds": spec.progress_deadline_seconds,
            "revisionHistoryLimit": _KEPT_REVISIONS,
            "template": {"metadata": _template_metadata(spec), "spec": _pod(spec, cluster)},
        },
    )


def _template_metadata(spec: AppSpec) -> Manifest:
    annotations = {names.ENVIRONMENT_DIGEST: environment_digest(spec)}
    if spec.restarted_at:
        annotations[names.RESTARTED_AT] = spec.restarted_at
    return {"labels": labels(spec), "annotations": annotations}


def _pod(spec: AppSpec, cluster: Capabilities) -> Manifest:
    pull = {"imagePullSecrets": [{"name": names.REGISTRY}]} if spec.registry_auth else {}
    return {
        "serviceAccountName": names.ACCOUNT,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": spec.termination_grace_seconds,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        **pull,
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": {names.INSTANCE: spec.app_name}},
            }
        ],
        "containers": [_container(spec, cluster)],
    }


def _container(spec: AppSpec, cluster: Capabilities) -> Manifest:
    amounts = {"cpu": spec.cpu, "memory": spec.memory}
    container: Manifest = {
        "name": names.CONTAINER,
        "image": spec.image,
        "ports": [{"name": "http", "containerPort": spec.port, "protocol": "TCP"}],
        "envFrom": [{"secretRef": {"name": names.ENVIRONMENT}}],
        "resources": {"requests": amounts, "limits": dict(amounts)},
        "readinessProbe": readiness(spec),
        "lifecycle": {"preStop": _drain(spec, cluster)},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["AUDIT_WRITE", "MKNOD", "NET_RAW"]},
        },
    }
    if spec.command:
        container["command"] = list(spec.command)
    if spec.args:
        container["args"] = list(spec.args)
    if alive := liveness(spec):
        container["livenessProbe"] = alive
    return container


def _drain(spec: AppSpec, cluster: Capabilities) -> Manifest:
    """Time for those who route requests to learn that this pod goes. Without ``sleep`` in the image there is
    none on clusters before 1.30; nothing else comes of that."""
    seconds = min(_DRAIN_SECONDS, spec.termination_grace_seconds // 2)
    if cluster.minor >= SLEEP_ACTION_SINCE and seconds > 0:
        return {"sleep": {"seconds": seconds}}
    return {"exec": {"command": ["sleep", str(seconds)]}}


def autoscaler(spec: AppSpec, cluster: Capabilities) -> Manifest | None:
    """None as well for a stopped app: an autoscaler does not know nought."""
    bounds = spec.autoscaling
    if bounds is None or spec.replicas == 0:
        return None
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": spec.app_name}
    wanted: Manifest = {
        "scaleTargetRef": target,
        "minReplicas": bounds.minimum,
        "maxReplicas": bounds.maximum,
    }
    if cluster.autoscaling == "autoscaling/v1":
        wanted["targetCPUUtilizationPercentage"] = bounds.cpu_percent
    else:
        usage = {"type": "Utilization", "averageUtilization": bounds.cpu_percent}
        wanted["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": usage}}]
    return described(spec, cluster.autoscaling, "HorizontalPodAutoscaler", spec.app_name, spec=wanted)


# ---------------------------------------------------------------- how it is reached


def service(spec: AppSpec) -> Manifest:
    return described(
        spec,
        "v1",
        "Service",
        names.SERVICE,
        spec={
            "type": "ClusterIP",
            "selector": {names.INSTANCE: spec.app_name},
            "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}],
        },
    )


def ingress(spec: AppSpec) -> Manifest | None:
    if not spec.hosts:
        return None
    wanted: Manifest = {
        "rules": [_rule(one.host) for one in spec.hosts],
        "tls": _tls(spec),
    }
    if spec.ingress_class:
        wanted["ingressClassName"] = spec.ingress_class
    issuer = {"cert-manager.io/cluster-issuer": spec.cluster_issuer} if spec.cluster_issuer else {}
    return described(spec, "networking.k8s.io/v1", "Ingress", spec.app_name, annotations=issuer, spec=wanted)


def _rule(host: str) -> Manifest:
    backend = {"service": {"name": names.SERVICE, "port": {"number": 80}}}
    return {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}


def _tls(spec: AppSpec) -> list[Manifest]:
    """One entry a certificate; names without one of their own share the controller's."""
    by_secret: dict[str | None, list[str]] = {}
    for one in spec.hosts:
        by_secret.setdefault(one.tls_secret, []).append(one.host)
    return [
        {"hosts": hosts} | ({"secretName": secret} if secret else {}) for secret, hosts in by_secret.items()
    ]
