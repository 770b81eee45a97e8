"""Make a cluster have what a spec says: by server-side apply, in an order in which each can stand."""

from __future__ import annotations

from chalicelib.targets.kubernetes import names, plan
from chalicelib.targets.kubernetes.api import ApiServer, connect
from chalicelib.targets.kubernetes.cluster import known
from chalicelib.targets.kubernetes.objects import Manifest, Thing, path_of, thing
from chalicelib.targets.kubernetes.plan import Standing
from chalicelib.targets.kubernetes.replies import Applied
from chalicelib.targets.kubernetes.requests import ApplyRequest, AppRef, AppSpec

HANDED_OVER = f"{names.MANAGER}-autoscaling"
"""Field manager that holds the number of replicas until an autoscaler changes it."""


def apply(request: ApplyRequest) -> Applied:
    """``kubernetes.apply``: repeatable at any point. A repeat of what stands changes no generation."""
    server, spec = connect(request.access), request.spec
    standing = look(server, AppRef.of(spec))
    made = plan.make(spec, known(server), standing)
    if made.hand_over is not None:
        server.apply(_replicas_alone(spec, made.hand_over), manager=HANDED_OVER)
    results = [server.apply(manifest) for manifest in made.apply]
    removed = [str(one) for one in made.remove if _remove(server, AppRef.of(spec), one)]
    deployment = next(one for one in results if one["kind"] == "Deployment")
    return Applied(
        namespace=spec.namespace,
        generation=deployment["metadata"]["generation"],
        created=standing.deployment is None,
        removed=tuple(removed),
    )


def look(server: ApiServer, app: AppRef) -> Standing:
    namespace = server.find(path_of(thing("Namespace", app.namespace)), f"look at {app.namespace}")
    if namespace is None:
        return Standing()
    quota = thing("ResourceQuota", names.QUOTA, app.namespace)
    return Standing(namespace, find_deployment(server, app), server.find(path_of(quota), f"look at {quota}"))


def find_deployment(server: ApiServer, app: AppRef) -> Manifest | None:
    one = thing("Deployment", app.app_name, app.namespace)
    return server.find(path_of(one), f"look at {one}")


def find_ours(server: ApiServer, app: AppRef, one: Thing) -> Manifest | None:
    """Only if it carries our mark: what somebody else put there by that name is not ours to remove."""
    found = server.find(path_of(one), f"look at {one}")
    return found if found is not None and plan.belongs(app, found) else None


def _remove(server: ApiServer, app: AppRef, one: Thing) -> bool:
    found = find_ours(server, app, one)
    return found is not None and server.delete(one, uid=found["metadata"]["uid"])


def _replicas_alone(spec: AppSpec, replicas: int) -> Manifest:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": spec.app_name, "namespace": spec.namespace},
        "spec": {"replicas": replicas},
    }
