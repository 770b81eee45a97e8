"""An app's pods as the cluster tells of them."""

from __future__ import annotations

from collections.abc import Iterable

from chalicelib.targets.kubernetes import names
from chalicelib.targets.kubernetes.api import ApiServer
from chalicelib.targets.kubernetes.objects import Manifest, collection_of, thing
from chalicelib.targets.kubernetes.replies import PodStatus
from chalicelib.targets.kubernetes.requests import AppRef


def pods_of(server: ApiServer, app: AppRef) -> list[Manifest]:
    """Oldest first; also those that are ending."""
    found = _list(server, app, "Pod", app.selector)
    return sorted(found, key=lambda one: (one["metadata"]["creationTimestamp"], one["metadata"]["name"]))


def replica_sets_of(server: ApiServer, app: AppRef) -> list[Manifest]:
    """Newest revision first."""
    return sorted(_list(server, app, "ReplicaSet", app.selector), key=number_of, reverse=True)


def events_of(server: ApiServer, app: AppRef) -> list[Manifest]:
    """Of the whole namespace, latest first; the cluster keeps them for an hour."""
    found = _list(server, app, "Event", None)
    return sorted(found, key=lambda one: one.get("lastTimestamp") or one.get("eventTime") or "", reverse=True)


def _list(server: ApiServer, app: AppRef, kind: str, selector: str | None) -> list[Manifest]:
    path = collection_of(thing(kind, "", app.namespace))
    found = server.get(path, f"list {kind}s in {app.namespace}", labelSelector=selector, limit=500)
    items: list[Manifest] = found["items"]
    return items


def number_of(replica_set: Manifest) -> int:
    """The cluster's own count of the revision."""
    return int((replica_set["metadata"].get("annotations") or {}).get(names.REPLICASET_REVISION, 0))


def belong_to(pods: Iterable[Manifest], replica_set: Manifest) -> list[Manifest]:
    uid = replica_set["metadata"]["uid"]
    return [
        pod
        for pod in pods
        if any(owner["uid"] == uid for owner in pod["metadata"].get("ownerReferences", ()))
    ]


# ---------------------------------------------------------------- one pod


def container_of(pod: Manifest) -> Manifest:
    """The status of the app's container; empty while there is none."""
    for one in pod["status"].get("containerStatuses", ()):
        if one["name"] == names.CONTAINER:
            found: Manifest = one
            return found
    return {}


def condition_of(one: Manifest, kind: str) -> Manifest:
    """Empty where there is no such condition."""
    for condition in one.get("status", {}).get("conditions") or ():
        if condition["type"] == kind:
            found: Manifest = condition
            return found
    return {}


def is_ending(pod: Manifest) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def is_ready(pod: Manifest) -> bool:
    return condition_of(pod, "Ready").get("status") == "True" and not is_ending(pod)


def waiting(pod: Manifest) -> Manifest:
    """Why the container waits: ``reason`` and ``message``. Empty if it does not."""
    found: Manifest = container_of(pod).get("state", {}).get("waiting") or {}
    return found


def last_end(pod: Manifest) -> Manifest:
    """How the container ended, now or the last time: ``exitCode``, ``reason``. Empty if it never did."""
    container = container_of(pod)
    found: Manifest = (
        container.get("state", {}).get("terminated") or container.get("lastState", {}).get("terminated") or {}
    )
    return found


def status_of(pod: Manifest) -> PodStatus:
    container = container_of(pod)
    running = container.get("state", {}).get("running") or {}
    return PodStatus(
        name=pod["metadata"]["name"],
        state=_state(pod),
        ready=is_ready(pod),
        restarts=container.get("restartCount", 0),
        image=pod["spec"]["containers"][0]["image"],
        node=pod["spec"].get("nodeName"),
        started_at=running.get("startedAt"),
        message=waiting(pod).get("message") or condition_of(pod, "PodScheduled").get("message"),
    )


def _state(pod: Manifest) -> str:
    if is_ending(pod):
        return "Terminating"
    ended = container_of(pod).get("state", {}).get("terminated") or {}
    return str(waiting(pod).get("reason") or ended.get("reason") or pod["status"].get("phase", "Unknown"))
