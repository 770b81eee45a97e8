"""Kubernetes objects as plain data, and their addresses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

Manifest = dict[str, Any]

# kind -> API version (the autoscaler's depends on the cluster), name in addresses
KINDS = {
    "Namespace": ("v1", "namespaces"),
    "ResourceQuota": ("v1", "resourcequotas"),
    "LimitRange": ("v1", "limitranges"),
    "ServiceAccount": ("v1", "serviceaccounts"),
    "Secret": ("v1", "secrets"),
    "ConfigMap": ("v1", "configmaps"),
    "Service": ("v1", "services"),
    "Pod": ("v1", "pods"),
    "Event": ("v1", "events"),
    "Deployment": ("apps/v1", "deployments"),
    "ReplicaSet": ("apps/v1", "replicasets"),
    "NetworkPolicy": ("networking.k8s.io/v1", "networkpolicies"),
    "Ingress": ("networking.k8s.io/v1", "ingresses"),
    "HorizontalPodAutoscaler": ("autoscaling/v1", "horizontalpodautoscalers"),
}


@dataclass(frozen=True)
class Thing:
    """What an object is known by. ``namespace`` is empty for a Namespace."""

    api_version: str
    kind: str
    name: str
    namespace: str = ""

    def __str__(self) -> str:
        """For a person: ``Deployment shop``."""
        return f"{self.kind} {self.name}"


def thing(kind: str, name: str, namespace: str = "") -> Thing:
    return Thing(KINDS[kind][0], kind, name, namespace)


def thing_of(manifest: Manifest) -> Thing:
    metadata = manifest["metadata"]
    name = metadata.get("name") or metadata.get("generateName", "")
    return Thing(manifest["apiVersion"], manifest["kind"], name, metadata.get("namespace", ""))


def path_of(one: Thing) -> str:
    return f"{collection_of(one)}/{quote(one.name, safe='')}"


def collection_of(one: Thing) -> str:
    """The address of all of its kind, in its namespace."""
    root = f"/apis/{one.api_version}" if "/" in one.api_version else f"/api/{one.api_version}"
    inside = f"/namespaces/{quote(one.namespace, safe='')}" if one.namespace else ""
    return f"{root}{inside}/{KINDS[one.kind][1]}"
