"""A solver: the few objects that answer a certificate authority for one host. Pure.

It stands in the app's namespace beside the app: its pods carry another instance label, so that the app's
Service and whoever counts the app's pods do not see them, and a policy lets the authority's question in where
nothing else is let in.
"""

from __future__ import annotations

import hashlib
from typing import Any

from chalicelib.targets.kubernetes import names
from chalicelib.targets.kubernetes.objects import Manifest, Thing, thing
from chalicelib.targets.kubernetes.requests import AppRef
from chalicelib.targets.kubernetes.solver_requests import SolverRequest

PATH = "/.well-known/acme-challenge/"
PORT = 8089
KINDS = ("Ingress", "Service", "Deployment", "NetworkPolicy", "ConfigMap")
"""In the order in which they are removed."""

CPU, MEMORY = "10m", "16Mi"
_NOBODY = 65534
_ROOT = "/srv"
_PROOF_DIGEST = "quarterdeck.dev/proof-digest"
_DEADLINE_SECONDS = 120


def name_for(host: str) -> str:
    """One solver a host."""
    return f"solver-{hashlib.sha256(host.encode()).hexdigest()[:16]}"


def app_of(app: AppRef, host: str) -> AppRef:
    """The solver as an app of the namespace, for whoever looks how it gets on."""
    return AppRef(deployment_id=app.deployment_id, app_name=name_for(host), namespace=app.namespace)


def things(app: AppRef, host: str) -> tuple[Thing, ...]:
    return tuple(thing(kind, name_for(host), app.namespace) for kind in KINDS)


def manifests(request: SolverRequest) -> tuple[Manifest, ...]:
    """In the order in which they are applied."""
    return (
        _described(request, "v1", "ConfigMap", data={request.token: request.content}),
        _policy(request),
        _deployment(request),
        _described(
            request,
            "v1",
            "Service",
            spec={
                "type": "ClusterIP",
                "selector": _selector(request),
                "ports": [{"name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"}],
            },
        ),
        _ingress(request),
    )


def labels(app: AppRef, name: str) -> dict[str, str]:
    """``name``: of what is beside the app."""
    return {
        names.MANAGED_BY: names.MANAGER,
        names.NAME: name,
        names.INSTANCE: name,
        names.DEPLOYMENT_ID: app.deployment_id,
    }


def _selector(request: SolverRequest) -> dict[str, str]:
    return {names.INSTANCE: name_for(request.host)}


def _described(request: SolverRequest, version: str, kind: str, **parts: Any) -> Manifest:
    name = name_for(request.host)
    annotations = {"quarterdeck.dev/host": request.host} | parts.pop("annotations", {})
    metadata: Manifest = {
        "name": name,
        "namespace": request.app.namespace,
        "labels": labels(request.app, name),
        "annotations": annotations,
    }
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **parts}


def _policy(request: SolverRequest) -> Manifest:
    """In by one port, out by none."""
    rule: Manifest = {"ports": [{"protocol": "TCP", "port": PORT}]}
    if request.ingress_namespace:
        one = {"kubernetes.io/metadata.name": request.ingress_namespace}
        rule["from"] = [{"namespaceSelector": {"matchLabels": one}}]
    spec = {
        "podSelector": {"matchLabels": _selector(request)},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [rule],
    }
    return _described(request, "networking.k8s.io/v1", "NetworkPolicy", spec=spec)


def _deployment(request: SolverRequest) -> Manifest:
    digest = hashlib.sha256(f"{request.token}\n{request.content}".encode()).hexdigest()[:16]
    metadata = {
        "labels": labels(request.app, name_for(request.host)),
        # Another proof is another pod: files of a running one follow only after a while.
        "annotations": {_PROOF_DIGEST: digest},
    }
    return _described(
        request,
        "apps/v1",
        "Deployment",
        spec={
            "replicas": 1,
            "selector": {"matchLabels": _selector(request)},
            # No more room than one takes; between two proofs nobody asks.
            "strategy": {"type": "Recreate"},
            "progressDeadlineSeconds": _DEADLINE_SECONDS,
            "revisionHistoryLimit": 0,
            "template": {"metadata": metadata, "spec": _pod(request)},
        },
    )


def _pod(request: SolverRequest) -> Manifest:
    amounts = {"cpu": CPU, "memory": MEMORY}
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _NOBODY,
            "runAsGroup": _NOBODY,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumes": [{"name": "proof", "configMap": {"name": name_for(request.host)}}],
        "containers": [
            {
                "name": names.CONTAINER,
                "image": request.image,
                "imagePullPolicy": "IfNotPresent",
                "command": ["busybox", "httpd", "-f", "-p", str(PORT), "-h", _ROOT],
                "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
                "resources": {"requests": amounts, "limits": dict(amounts)},
                # Ready means that the very proof was seen.
                "readinessProbe": {
                    "httpGet": {"path": f"{PATH}{request.token}", "port": "http"},
                    "periodSeconds": 1,
                    "timeoutSeconds": 5,
                },
                "volumeMounts": [
                    {"name": "proof", "mountPath": f"{_ROOT}{PATH}".rstrip("/"), "readOnly": True}
                ],
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
            }
        ],
    }


def _ingress(request: SolverRequest) -> Manifest:
    """One path of one host; beside it the app's own Ingress serves all others."""
    backend = {"service": {"name": name_for(request.host), "port": {"number": 80}}}
    path = {"path": f"{PATH}{request.token}", "pathType": "Exact", "backend": backend}
    spec: Manifest = {"rules": [{"host": request.host, "http": {"paths": [path]}}]}
    if request.ingress_class:
        spec["ingressClassName"] = request.ingress_class
    # The authority asks without TLS, and the certificate may be just what is missing.
    plain = {"nginx.ingress.kubernetes.io/ssl-redirect": "false"}
    return _described(request, "networking.k8s.io/v1", "Ingress", annotations=plain, spec=spec)
