"""Why pods do not get ready, in words a person understands. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.targets.kubernetes import names, pods
from chalicelib.targets.kubernetes.objects import Manifest
from chalicelib.targets.kubernetes.replies import Reason

CRASHES_TAKEN = 3
"""Restarts of a new revision's container before we stop hoping."""

_PULLING = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "RegistryUnavailable"}
_NO_SUCH_IMAGE = re.compile(
    r"not found|manifest unknown|unknown manifest|does not exist|name unknown|invalid reference",
    re.IGNORECASE,
)
_NOT_LET_IN = re.compile(r"denied|unauthorized|authentication|forbidden|no basic auth", re.IGNORECASE)
_CANNOT_START = {"CreateContainerError", "RunContainerError", "StartError", "ContainerCannotRun"}
_WRAPPING = re.compile(
    r"^(Failed to pull image \"[^\"]*\": |rpc error: code = \w+ desc = |"
    r"Error response from daemon: |Error: )+"
)


@dataclass(frozen=True)
class Diagnosis:
    """``hopeless``: waiting will not mend it. ``crashed_pod``: whose previous log tells more."""

    reason: Reason
    message: str
    hopeless: bool = False
    crashed_pod: str | None = None


def of_pods(found: Sequence[Manifest], events: Sequence[Manifest]) -> Diagnosis | None:
    """The worst of what is wrong with these pods; None when nothing is, but that they are not ready yet."""
    ills = [ill for pod in found if not pods.is_ready(pod) and (ill := _of_pod(pod, events))]
    return min(ills, key=lambda ill: (not ill.hopeless, list(Reason).index(ill.reason)), default=None)


def _of_pod(pod: Manifest, events: Sequence[Manifest]) -> Diagnosis | None:
    reason = pods.waiting(pod).get("reason", "")
    if reason in _PULLING:
        return _image(pod, events)
    if reason == "CreateContainerConfigError":
        words = pods.waiting(pod).get("message", "it does not say what")
        return Diagnosis(Reason.configuration, f"The container's configuration is wrong: {words}.")
    end = pods.last_end(pod)
    if reason in _CANNOT_START or end.get("reason") in _CANNOT_START:
        return _cannot_start(pod)
    if end and not _event(pod, events, "Killing", containing="failed liveness probe"):
        return _ended(pod, end)
    if pods.condition_of(pod, "PodScheduled").get("status") == "False":
        return _unscheduled(pod)
    return _unready(pod, events)


# ---------------------------------------------------------------- before it runs


def _image(pod: Manifest, events: Sequence[Manifest]) -> Diagnosis:
    image = pods.status_of(pod).image
    told = _event(pod, events, "Failed", containing="pull image") or pods.waiting(pod).get("message", "")
    words = _WRAPPING.sub("", told).strip().rstrip(".")
    message = f"The image {image} cannot be pulled: {words}."
    # A registry that hides what is private says "denied … does not exist" for both.
    if _NOT_LET_IN.search(words):
        return Diagnosis(
            Reason.image_pull, f"{message} Check its name and the registry's log-in.", hopeless=True
        )
    known_for_good = pods.waiting(pod).get("reason") == "InvalidImageName" or _NO_SUCH_IMAGE.search(words)
    return Diagnosis(Reason.image_pull, message, hopeless=bool(known_for_good))


def _cannot_start(pod: Manifest) -> Diagnosis:
    told = pods.last_end(pod).get("message") or pods.waiting(pod).get("message") or "it does not say why"
    words = _WRAPPING.sub("", told).strip().rstrip(".")
    # Some of these are races of the node's, which it tries again.
    hopeless = "not found" in words or "no such file" in words or "permission denied" in words
    return Diagnosis(Reason.configuration, f"The container cannot be started: {words}.", hopeless=hopeless)


def _unscheduled(pod: Manifest) -> Diagnosis:
    told = pods.condition_of(pod, "PodScheduled").get("message", "").strip().rstrip(".")
    request = pod["spec"]["containers"][0]["resources"]["requests"]
    return Diagnosis(
        Reason.no_room,
        f"There is no room on the cluster for a pod with {request['cpu']} of processor and "
        f"{request['memory']} of memory: {told}.",
    )


# ---------------------------------------------------------------- while it runs


def _ended(pod: Manifest, end: Manifest) -> Diagnosis:
    restarts = pods.container_of(pod).get("restartCount", 0)
    name = pod["metadata"]["name"]
    hopeless = restarts >= CRASHES_TAKEN
    if end.get("reason") == "OOMKilled":
        limit = pod["spec"]["containers"][0]["resources"]["limits"]["memory"]
        words = f"The app needs more memory than the {limit} it has, and was killed for it."
        return Diagnosis(Reason.out_of_memory, words, hopeless, name)
    starts = f"{restarts + 1} times" if restarts else "once"
    words = f"The app keeps ending: it was started {starts}, and ended with exit code {end.get('exitCode')}."
    return Diagnosis(Reason.crash_loop, words, hopeless, name)


def _unready(pod: Manifest, events: Sequence[Manifest]) -> Diagnosis | None:
    """Said by a probe not to be well; None while no probe has said anything."""
    # An answer tells more than the refusals while the app was not listening yet.
    told = _event(pod, events, "Unhealthy", containing="statuscode") or _event(pod, events, "Unhealthy")
    if not told:
        return None
    port = _container(pod)["ports"][0]["containerPort"]
    if "httpGet" not in _container(pod).get("readinessProbe", {}):
        words = f"The app does not listen on port {port}: {_probe_words(told)}."
    else:
        path = _container(pod)["readinessProbe"]["httpGet"]["path"]
        words = f"The app fails its health check at {path} on port {port}: {_probe_words(told)}."
    return Diagnosis(Reason.probe_failing, words)


def _probe_words(told: str) -> str:
    return re.sub(r"^(Readiness|Liveness|Startup) probe failed: ", "", told).strip().rstrip(".")


def _container(pod: Manifest) -> Manifest:
    found: Manifest = next(one for one in pod["spec"]["containers"] if one["name"] == names.CONTAINER)
    return found


def _event(pod: Manifest, events: Sequence[Manifest], reason: str, containing: str = "") -> str:
    """The latest message of that kind about the pod, or an empty text."""
    for one in events:
        if one["involvedObject"].get("uid") == pod["metadata"]["uid"] and one["reason"] == reason:
            message: str = one.get("message") or ""
            if containing in message:
                return message
    return ""


# ---------------------------------------------------------------- before there is a pod


def of_replica_set(replica_set: Manifest) -> Diagnosis | None:
    """Why the cluster made no pods; None when it did."""
    failure = pods.condition_of(replica_set, "ReplicaFailure")
    if failure.get("status") != "True":
        return None
    words = str(failure.get("message", "")).strip().rstrip(".")
    if "status unknown for quota" in words:  # not counted yet, moments after it was made
        return None
    if "exceeded quota" in words:
        return Diagnosis(Reason.quota, f"The quota of the app's namespace has no room for a pod: {words}.")
    return Diagnosis(Reason.refused, f"The cluster refuses to make the app's pods: {words}.")
