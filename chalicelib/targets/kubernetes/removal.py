"""Taking an app off a cluster: its namespace goes, and all that is in it."""

from __future__ import annotations

from chalicelib.targets.kubernetes import pods
from chalicelib.targets.kubernetes.api import connect
from chalicelib.targets.kubernetes.objects import Manifest, path_of, thing
from chalicelib.targets.kubernetes.plan import belongs
from chalicelib.targets.kubernetes.replies import NamespaceState
from chalicelib.targets.kubernetes.requests import AppRef, AppRequest

_BLOCKERS = (
    "NamespaceDeletionDiscoveryFailure",
    "NamespaceDeletionContentFailure",
    "NamespaceContentRemaining",
)


def delete(request: AppRequest) -> NamespaceState:
    """``kubernetes.delete``: begins it; what is gone already is gone, and what is foreign is left alone. It
    takes the cluster up to minutes."""
    server, app = connect(request.access), request.app
    one = thing("Namespace", app.namespace)
    found = server.find(path_of(one), f"look at {one}")
    if found is None or not belongs(app, found):
        return _state(app, found)
    if "deletionTimestamp" not in found["metadata"]:
        server.delete(one, uid=found["metadata"]["uid"])
    return namespace_state(request)


def namespace_state(request: AppRequest) -> NamespaceState:
    """``kubernetes.namespace_state``."""
    server, app = connect(request.access), request.app
    one = thing("Namespace", app.namespace)
    return _state(app, server.find(path_of(one), f"look at {one}"))


def _state(app: AppRef, namespace: Manifest | None) -> NamespaceState:
    if namespace is None:
        return NamespaceState(state="gone")
    if not belongs(app, namespace):
        words = f"The namespace {app.namespace} is there, but it is not this app's."
        return NamespaceState(state="foreign", message=words)
    if "deletionTimestamp" not in namespace["metadata"]:
        return NamespaceState(state="active")
    blockers = [pods.condition_of(namespace, kind) for kind in _BLOCKERS]
    told = "; ".join(one["message"] for one in blockers if one.get("status") == "True")
    return NamespaceState(state="terminating", message=told or None)
