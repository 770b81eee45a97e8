"""A registered cluster; what logs in to it lies sealed on an item of its own."""

from __future__ import annotations

from pynamodb.attributes import UnicodeAttribute

from chalicelib.aws.attributes import JSONAttribute
from chalicelib.aws.table import Record

DEFAULT = "default"
LISTED = "CLUSTERS"


class Cluster(Record, discriminator="cluster"):
    """``reach``: where operations on it run, ``direct`` or ``relay:<id>``.

    ``namespace_prefix`` begins the name of every namespace that we make there, ``domain_suffix`` ends the
    host name of every application. ``capabilities`` are as last seen, None before the first look.
    """

    name = UnicodeAttribute()
    context = UnicodeAttribute(null=True)
    namespace_prefix = UnicodeAttribute()
    domain_suffix = UnicodeAttribute()
    ingress_class = UnicodeAttribute(null=True)
    issuer = UnicodeAttribute(null=True)
    reach = UnicodeAttribute()
    capabilities: JSONAttribute = JSONAttribute(null=True)
    seen_at = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute()
    updated_at = UnicodeAttribute()


class ClusterSecret(Record, discriminator="cluster-secret"):
    """The kubeconfig, sealed."""

    kubeconfig = UnicodeAttribute()


def subject(name: str) -> str:
    """What a cluster is called in the audit and in core.usage, and where it lies."""
    return f"CLUSTER#{name}"


def context(name: str) -> dict[str, str]:
    """The encryption context of its kubeconfig."""
    return {"record": subject(name), "field": "kubeconfig"}
