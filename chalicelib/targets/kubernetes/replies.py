"""What a cluster answers. Times are RFC 3339 texts in UTC as the API server gives them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from chalicelib.targets.kubernetes.requests import Frozen


class Capabilities(Frozen):
    """What the cluster has. ``metrics``: it serves metrics.k8s.io; ``autoscaling``: the newest we speak."""

    version: str
    minor: int
    metrics: bool
    autoscaling: Literal["autoscaling/v2", "autoscaling/v1"]
    cert_manager: bool
    ingress_classes: tuple[str, ...]
    default_ingress_class: str | None


class FieldChange(Frozen):
    """``path`` like ``spec.template.spec.containers[app].image``. What is secret is shown as ``***``."""

    path: str
    before: Any = None
    after: Any = None


class ObjectChange(Frozen):
    kind: str
    name: str
    action: Literal["create", "update", "delete", "none"]
    fields: tuple[FieldChange, ...] = ()


class Applied(Frozen):
    """``generation`` is the Deployment's: unchanged when nothing that runs was changed.

    ``removed`` names what the spec no longer has and the cluster had: ``Ingress shop``.
    """

    namespace: str
    generation: int
    created: bool
    removed: tuple[str, ...] = ()


class DryRun(Frozen):
    """What applying would change, by the API server's own word. Nothing was changed."""

    changes: tuple[ObjectChange, ...]

    @property
    def changes_anything(self) -> bool:
        return any(one.action != "none" for one in self.changes)


class Reason(StrEnum):
    """Why a rollout does not get on."""

    image_pull = "image_pull"
    crash_loop = "crash_loop"
    out_of_memory = "out_of_memory"
    no_room = "no_room"
    quota = "quota"
    probe_failing = "probe_failing"
    configuration = "configuration"
    refused = "refused"
    deadline = "deadline"
    missing = "missing"


class RolloutStatus(Frozen):
    """``complete``: every replica asked for runs the newest revision and is available, and no other does.

    ``failed``: the deadline has passed, or what is in the way will not go by waiting. While ``progressing``
    a ``reason`` is what is in the way just now. ``message`` is for a person, ``log`` the last lines of a
    container that crashed.
    """

    outcome: Literal["progressing", "complete", "failed"]
    reason: Reason | None = None
    message: str
    log: tuple[str, ...] = ()
    desired: int = 0
    updated: int = 0
    ready: int = 0
    available: int = 0
    revision: str | None = None
    image: str | None = None


class Scaled(Frozen):
    """``before`` is what was asked for until now."""

    replicas: int
    before: int


class PodStatus(Frozen):
    """``state`` is what kubectl would show: Running, Pending, CrashLoopBackOff, ImagePullBackOff…"""

    name: str
    state: str
    ready: bool
    restarts: int
    image: str
    node: str | None = None
    started_at: str | None = None
    message: str | None = None


class AppStatus(Frozen):
    """``started_at``: since when the app has been up without a gap that we can tell of: the start of the
    oldest ready container; None when none is ready. ``checked_at``: the last time that a probe changed what
    the cluster knows of readiness. ``exists`` False: there is no Deployment.
    """

    exists: bool
    desired: int = 0
    replicas: int = 0
    ready: int = 0
    available: int = 0
    updated: int = 0
    restarts: int = 0
    started_at: str | None = None
    checked_at: str | None = None
    revision: str | None = None
    image: str | None = None
    pods: tuple[PodStatus, ...] = ()


class Revision(Frozen):
    """``number`` is the cluster's own count, ``revision`` the AppSpec's that made it."""

    number: int
    revision: str | None
    image: str
    created_at: str
    replicas: int
    current: bool


class RolloutHistory(Frozen):
    """Newest first; the cluster keeps ten beside the current one."""

    revisions: tuple[Revision, ...]


class NamespaceState(Frozen):
    """``foreign``: it is there, but not this app's. ``message`` says what still holds it up."""

    state: Literal["active", "terminating", "gone", "foreign"]
    message: str | None = None


class Finding(Frozen):
    """One thing that is not as it was applied. ``words``: "The Service web is gone." """

    kind: str
    name: str
    problem: Literal["missing", "changed", "unexpected"]
    words: str
    fields: tuple[FieldChange, ...] = ()


class Observation(Frozen):
    """``healed`` by applying the spec again, unless the namespace is not ours."""

    findings: tuple[Finding, ...]

    @property
    def as_wished(self) -> bool:
        return not self.findings


@dataclass(frozen=True, slots=True)
class LogLine:
    """``level`` is guessed from the text. ``source`` ``previous``: from the container that ran before.

    No model: of these there are tens of thousands a second, and a model costs ten times as much to make.
    """

    timestamp: str
    pod: str
    message: str
    level: Literal["error", "warn", "info", "debug"]
    source: Literal["app", "previous"] = "app"


class Logs(Frozen):
    """Oldest first. ``cut``: there was more than is shown."""

    lines: tuple[LogLine, ...]
    cut: bool = False


class PodMetrics(Frozen):
    """As measured at ``timestamp`` over ``window_seconds``. Bytes sent and received since the pod's start."""

    pod: str
    timestamp: str
    window_seconds: float
    cpu_millicores: float
    memory_bytes: int
    received_bytes: int | None = None
    sent_bytes: int | None = None


class AppMetrics(Frozen):
    """``available`` False: the cluster gives no figures, and ``message`` says why. Limits are one pod's."""

    available: bool
    message: str | None = None
    pods: tuple[PodMetrics, ...] = ()
    cpu_limit_millicores: int | None = None
    memory_limit_bytes: int | None = None
