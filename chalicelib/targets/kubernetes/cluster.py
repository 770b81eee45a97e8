"""What a cluster can do, asked once in a while and kept with its connections."""

from __future__ import annotations

import re
import time

from chalicelib.kernel.errors import PermanentTargetError
from chalicelib.targets.kubernetes import failures
from chalicelib.targets.kubernetes.api import ApiServer, connect
from chalicelib.targets.kubernetes.replies import Capabilities
from chalicelib.targets.kubernetes.requests import ClusterRequest

KEPT_SECONDS = 600
_ASKING = "learn what the cluster can do"
_IS_DEFAULT = "ingressclass.kubernetes.io/is-default-class"


def capabilities(request: ClusterRequest) -> Capabilities:
    """``kubernetes.capabilities``: asked anew each time."""
    return _ask(connect(request.access))


def known(server: ApiServer) -> Capabilities:
    """As asked at most ten minutes ago."""
    if server.known is None or server.known[0] < time.monotonic():
        server.known = (time.monotonic() + KEPT_SECONDS, _ask(server))
    return server.known[1]


def _ask(server: ApiServer) -> Capabilities:
    version = server.get("/version", _ASKING)
    if "gitVersion" not in version:
        raise failures.not_kubernetes(server.endpoint.server)
    groups = {
        group["name"]: [one["version"] for one in group["versions"]]
        for group in server.get("/apis", _ASKING).get("groups", ())
    }
    classes, default = _ingress_classes(server)
    return Capabilities(
        version=version["gitVersion"],
        minor=int(re.sub(r"\D.*", "", str(version.get("minor", ""))) or 0),
        metrics="metrics.k8s.io" in groups,
        autoscaling="autoscaling/v2" if "v2" in groups.get("autoscaling", ()) else "autoscaling/v1",
        cert_manager="cert-manager.io" in groups,
        ingress_classes=classes,
        default_ingress_class=default,
    )


def _ingress_classes(server: ApiServer) -> tuple[tuple[str, ...], str | None]:
    """None to be seen where the account may not look: they belong to the whole cluster."""
    try:
        found = server.get("/apis/networking.k8s.io/v1/ingressclasses", _ASKING)["items"]
    except PermanentTargetError as error:
        if failures.status_of(error) in (403, 404):
            return (), None
        raise
    names = [one["metadata"]["name"] for one in found]
    defaults = [
        one["metadata"]["name"]
        for one in found
        if (one["metadata"].get("annotations") or {}).get(_IS_DEFAULT) == "true"
    ]
    return tuple(sorted(names)), defaults[0] if defaults else None
