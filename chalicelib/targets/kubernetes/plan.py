"""What applying a spec would do, as data, and the guard that refuses what must not be done."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.targets.kubernetes import failures, fences, manifests, names
from chalicelib.targets.kubernetes.objects import Manifest, Thing, thing
from chalicelib.targets.kubernetes.replies import Capabilities
from chalicelib.targets.kubernetes.requests import AppRef, AppSpec


@dataclass(frozen=True)
class Plan:
    """``apply`` in this order, then ``remove`` what the spec no longer has, where it is ours.

    ``hand_over``: a number of replicas to be left to the autoscaler before it is left out.
    """

    apply: tuple[Manifest, ...]
    remove: tuple[Thing, ...]
    hand_over: int | None = None


@dataclass(frozen=True)
class Standing:
    """What is there now, of what the plan depends on."""

    namespace: Manifest | None = None
    deployment: Manifest | None = None
    quota: Manifest | None = None


def make(spec: AppSpec, cluster: Capabilities, standing: Standing) -> Plan:
    """Raises PermanentTargetError for what is refused, TransientTargetError for what has to wait."""
    guard(AppRef.of(spec), standing)
    replicas, hand_over = _replicas(spec, standing.deployment)
    wanted = [
        fences.namespace(spec),
        fences.quota(spec, standing.quota),
        fences.limits(spec),
        *fences.walls(spec),
        manifests.account(spec),
        manifests.environment(spec),
        manifests.registry(spec),
        manifests.deployment(spec, cluster, replicas=replicas),
        manifests.service(spec),
        manifests.ingress(spec),
        manifests.autoscaler(spec, cluster),
    ]
    present = tuple(one for one in wanted if one is not None)
    kinds = {(one["kind"], one["metadata"]["name"]) for one in present}
    gone = tuple(one for one in optional(spec) if (one.kind, one.name) not in kinds)
    return Plan(present, gone if standing.namespace else (), hand_over)


def optional(spec: AppSpec) -> tuple[Thing, ...]:
    """Everything that one spec of an app may have and the next not."""
    return (
        thing("HorizontalPodAutoscaler", spec.app_name, spec.namespace),
        thing("Ingress", spec.app_name, spec.namespace),
        thing("Secret", names.REGISTRY, spec.namespace),
        thing("NetworkPolicy", fences.CERTIFICATES, spec.namespace),
    )


# ---------------------------------------------------------------- replicas


def _replicas(spec: AppSpec, deployment: Manifest | None) -> tuple[int | None, int | None]:
    """The number to apply (None: leave it out), and the number to hand over to the autoscaler first.

    Leaving out a number that is ours would make it 1; handed over to another manager first, it stays.
    """
    bounds = spec.autoscaling
    if bounds is None or spec.replicas == 0:
        return spec.replicas, None
    if deployment is None:
        return bounds.minimum, None
    now = deployment["spec"].get("replicas", 1)
    within = min(max(now, bounds.minimum), bounds.maximum)
    return None, within if within != now or _is_ours(deployment) else None


def _is_ours(deployment: Manifest) -> bool:
    """Whether our last apply set the number of replicas."""
    return any(
        entry.get("manager") == names.MANAGER
        and entry.get("operation") == "Apply"
        and "f:replicas" in entry.get("fieldsV1", {}).get("f:spec", {})
        for entry in deployment["metadata"].get("managedFields", ())
    )


# ---------------------------------------------------------------- the guard


def guard(app: AppRef, standing: Standing) -> None:
    """The namespace is the app's own, is not on its way out, and what runs can become what is wanted."""
    if standing.namespace is not None:
        guard_namespace(app, standing.namespace)
        if standing.namespace["metadata"].get("deletionTimestamp"):
            raise failures.transient(
                f"The namespace {app.namespace} is still being deleted. Try again when it is gone."
            )
    if standing.deployment is not None:
        _guard_deployment(app, standing.deployment)


def belongs(app: AppRef, one: Manifest) -> bool:
    """Whether it carries our mark and the app's."""
    found = one["metadata"].get("labels") or {}
    return (
        found.get(names.MANAGED_BY) == names.MANAGER and found.get(names.DEPLOYMENT_ID) == app.deployment_id
    )


def guard_namespace(app: AppRef, namespace: Manifest) -> None:
    if not belongs(app, namespace):
        raise failures.permanent(
            f"The namespace {app.namespace} is there already and is not this app's, so nothing in it was "
            "touched. Choose another app name, or delete the namespace."
        )


def _guard_deployment(app: AppRef, deployment: Manifest) -> None:
    if not belongs(app, deployment):
        raise failures.permanent(
            f"A Deployment {app.app_name} that is not ours is in the namespace {app.namespace}. Nothing was "
            "touched."
        )
    selector = deployment["spec"]["selector"]
    if selector != {"matchLabels": {names.INSTANCE: app.app_name}}:
        raise failures.permanent(
            f"The Deployment {app.app_name} selects its pods by other labels than we do, which cannot be "
            "changed while it stands: it would have to be deleted first, with everything that runs."
        )
