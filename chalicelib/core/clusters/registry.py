"""Clusters as an operator registers them and as deployments find them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chalicelib.aws import table
from chalicelib.aws.table import ConditionFailed, Delete, Put, Update, Write
from chalicelib.core import audit, usage, vault
from chalicelib.core.audit import Actor
from chalicelib.core.clusters import model
from chalicelib.core.clusters.model import Cluster, ClusterSecret, subject
from chalicelib.kernel import clock
from chalicelib.kernel.errors import BadRequest, Conflict, NotFound, Unavailable
from chalicelib.kernel.secrets import Secret

FIELDS = ("context", "namespace_prefix", "domain_suffix", "ingress_class", "issuer", "reach")

NONE_YET = (
    "No cluster is registered, so nothing can be deployed. An operator registers one: set KUBECONFIG_PATH "
    "for './quarterdeck up', or run './quarterdeck cluster add'."
)


@dataclass(frozen=True)
class Login:
    """What opens a cluster. In clear here: it exists in memory, or sealed in an order."""

    kubeconfig: Secret
    context: str | None


def find(name: str) -> Cluster | None:
    return table.find(Cluster, subject(name), "CLUSTER")


def record(name: str) -> Cluster:
    """Its key, for the check that it is there in somebody's transaction."""
    return Cluster(subject(name), "CLUSTER")


def get(name: str) -> Cluster:
    cluster = find(name)
    if cluster is None:
        raise NotFound(f"There is no cluster '{name}'.")
    return cluster


def every() -> list[Cluster]:
    """By name."""
    return list(Cluster.gsi1.query(model.LISTED))


def choose(name: str | None) -> Cluster:
    """The one named, else ``default``, else the only one there is.

    Raises BadRequest for a name that there is not, Unavailable while there is no cluster at all.
    """
    found = find(name or model.DEFAULT)
    if found is not None:
        return found
    known = every()
    if not known:
        raise Unavailable(NONE_YET)
    if name is None and len(known) == 1:
        return known[0]
    names = ", ".join(one.name for one in known)
    wrong = (
        f"There is no cluster '{name}'." if name else "Several clusters are registered and none is 'default'."
    )
    raise BadRequest(f"{wrong} Name one of these in 'cluster': {names}.")


def login(cluster: Cluster) -> Login:
    secret = table.find(ClusterSecret, cluster.pk, "SECRET")
    if secret is None:
        raise NotFound(f"There is no cluster '{cluster.name}'.")
    return Login(vault.unseal(secret.kubeconfig, model.context(cluster.name)), cluster.context)


def _shown(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: fields.get(name) for name in FIELDS}


def ensure(actor: Actor, name: str, fields: dict[str, Any], kubeconfig: Secret) -> Cluster:
    """Registers the cluster, or brings the one of that name to these. ``fields``: all of FIELDS."""
    sealed = vault.seal(kubeconfig, model.context(name))
    known = find(name)
    if known is not None:
        return _change(actor, known, fields, sealed)
    now = clock.iso_now()
    cluster = Cluster(
        subject(name),
        "CLUSTER",
        gsi1pk=model.LISTED,
        gsi1sk=name,
        name=name,
        created_at=now,
        updated_at=now,
        **fields,
    )
    try:
        table.write(
            [
                Put(cluster, table.absent()),
                Put(ClusterSecret(cluster.pk, "SECRET", kubeconfig=sealed)),
                audit.entry(
                    actor, "cluster.create", cluster.pk, after=_shown(fields) | {"kubeconfig": "set"}
                ),
            ]
        )
    except ConditionFailed as error:
        raise Conflict(f"The cluster '{name}' was registered at this moment by somebody else.") from error
    return cluster


def _change(actor: Actor, cluster: Cluster, fields: dict[str, Any], sealed: str) -> Cluster:
    before = {name: getattr(cluster, name) for name in FIELDS}
    actions = table.setting(Cluster, {name: fields[name] for name in FIELDS})
    actions.append(Cluster.updated_at.set(clock.iso_now()))
    after = _shown(fields) | {"kubeconfig": "set"}
    writes: list[Write] = [
        Update(cluster, actions, table.present()),
        Put(ClusterSecret(cluster.pk, "SECRET", kubeconfig=sealed)),
        audit.entry(actor, "cluster.update", cluster.pk, before=before, after=after),
    ]
    try:
        table.write(writes)
    except ConditionFailed as error:
        raise NotFound(f"The cluster '{cluster.name}' was removed at this moment.") from error
    return get(cluster.name)


def remove(actor: Actor, name: str) -> None:
    """Raises BadRequest naming the deployments that are on it."""
    cluster = get(name)
    usage.refuse(cluster.pk, f"The cluster '{name}'")
    before = {field: getattr(cluster, field) for field in FIELDS}
    try:
        table.write(
            [
                Delete(cluster, table.present()),
                Delete(ClusterSecret(cluster.pk, "SECRET")),
                usage.unused(cluster.pk),
                audit.entry(actor, "cluster.delete", cluster.pk, before=before),
            ]
        )
    except ConditionFailed as error:
        raise Conflict(f"The cluster '{name}' came into use at this moment.") from error


def record_capabilities(cluster: Cluster, capabilities: dict[str, Any]) -> None:
    """What the cluster was seen to have."""
    actions = [Cluster.capabilities.set(capabilities), Cluster.seen_at.set(clock.iso_now())]
    try:
        table.update(cluster, actions, table.present())
    except ConditionFailed:
        return
