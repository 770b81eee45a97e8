"""The operator's commands about clusters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.core.audit import SYSTEM
from chalicelib.core.clusters import model, registry
from chalicelib.core.clusters.model import Cluster
from chalicelib.kernel.secrets import Secret

_LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
_HOST = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$"

ClusterName = Annotated[str, Field(min_length=1, max_length=40, pattern=_LABEL)]


class EnsureCluster(BaseModel):
    """Registers a cluster, or brings the registered one to this. ``kubeconfig`` is the file's text with every
    certificate inside it; ``namespace_prefix`` begins the names of the namespaces made there."""

    model_config = ConfigDict(extra="forbid")

    command: Literal["ensure_cluster"]
    name: ClusterName = model.DEFAULT
    kubeconfig: Secret
    context: str | None = None
    namespace_prefix: Annotated[str, Field(min_length=1, max_length=30, pattern=_LABEL)] = "app"
    domain_suffix: Annotated[str, Field(max_length=180, pattern=_HOST)] = "vinhomes.co.uk"
    ingress_class: Annotated[str, Field(max_length=253)] | None = None
    issuer: Annotated[str, Field(max_length=253)] | None = None
    reach: Annotated[str, Field(pattern=r"^(direct|relay:[A-Za-z0-9_-]{1,64})$")] = "direct"


class RemoveCluster(BaseModel):
    """Refused while something is deployed there."""

    model_config = ConfigDict(extra="forbid")

    command: Literal["remove_cluster"]
    name: str


class ListClusters(BaseModel):
    model_config = ConfigDict(extra="forbid")

    command: Literal["list_clusters"]


def shown(cluster: Cluster) -> dict[str, Any]:
    fields = {name: getattr(cluster, name) for name in ("name", *registry.FIELDS, "capabilities", "seen_at")}
    return fields | {"kubeconfig": "set"}


def ensure_cluster(command: EnsureCluster) -> dict[str, Any]:
    fields = {name: getattr(command, name) for name in registry.FIELDS}
    return {"cluster": shown(registry.ensure(SYSTEM, command.name, fields, command.kubeconfig))}


def remove_cluster(command: RemoveCluster) -> dict[str, Any]:
    registry.remove(SYSTEM, command.name)
    return {"removed": command.name}


def list_clusters(_: ListClusters) -> dict[str, Any]:
    return {"clusters": [shown(cluster) for cluster in registry.every()]}


COMMANDS: dict[type[BaseModel], Callable[[Any], dict[str, Any]]] = {
    EnsureCluster: ensure_cluster,
    RemoveCluster: remove_cluster,
    ListClusters: list_clusters,
}
