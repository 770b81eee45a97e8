"""State, logs and figures of a deployment as the documented JSON."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from chalicelib.core.alerts.model import Alert
from chalicelib.kernel import clock
from chalicelib.surfaces.engine.model import samples
from chalicelib.surfaces.engine.model.deployments import Deployment
from chalicelib.surfaces.engine.service.observing import Answer
from chalicelib.targets.kubernetes.replies import AppMetrics, AppStatus, DryRun, LogLine, Logs

Json = dict[str, Any]

_COUNTERS = ("network_in", "network_out")
_USED = {"cpu", "memory", *_COUNTERS}


def status(answer: Answer) -> Json:
    deployment, found = answer.deployment, answer.found or AppStatus(exists=False)
    desired = found.desired if found.exists and deployment.autoscaling else deployment.wanted_replicas
    return {
        "status": deployment.state,
        "health": _health(deployment, answer.found, desired),
        "replicas": {"desired": desired, "ready": found.ready, "available": found.available},
        "last_health_check": found.checked_at,
        "uptime": _uptime(found.started_at),
        "restart_count": found.restarts,
        "url": deployment.url,
        "message": answer.message or deployment.error_message,
        "drift": deployment.drift,
        "pods": [pod.model_dump(mode="json") for pod in found.pods],
    }


def _health(deployment: Deployment, found: AppStatus | None, desired: int) -> str:
    """A change under way may leave some of the replicas on their way; one that serves is enough then."""
    if found is None or desired == 0 or (found.checked_at is None and found.ready == 0):
        return "unknown"
    enough = desired if deployment.status.settled else 1
    return "healthy" if found.ready >= enough else "unhealthy"


def _uptime(since: str | None) -> str:
    """``1d2h3m4s``."""
    if since is None:
        return "0s"
    seconds = max(0, int((clock.now() - clock.parse(since)).total_seconds()))
    days, seconds = divmod(seconds, 86400)
    hours, seconds = divmod(seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    parts = ((days, "d"), (hours, "h"), (minutes, "m"))
    return "".join(f"{amount}{unit}" for amount, unit in parts if amount) + f"{seconds}s"


def log_entry(line: LogLine) -> Json:
    return {
        "timestamp": line.timestamp,
        "level": line.level,
        "message": line.message,
        "source": line.source,
        "pod": line.pod,
    }


def logs(deployment: Deployment, found: Logs, *, follow: bool) -> Json:
    """``follow``: a request here ends with what there is; ``stream`` is where the rest is told."""
    shown: Json = {"logs": [log_entry(line) for line in found.lines], "cut": found.cut}
    if follow:
        shown["stream"] = f"/engine/v1/deployments/{deployment.id}/logs/stream"
    return shown


def metrics(answer: Answer, kept: list[list[Any]], resolution: int) -> Json:
    """``metrics``: series by name, oldest first. ``available`` false: ``message`` says why none are of what
    the pods use; replicas and restarts are known without the cluster's metrics."""
    found: AppMetrics | None = answer.found
    series = _series(kept, resolution)
    return {
        "metrics": series,
        "available": bool(found and found.available) or not _USED.isdisjoint(series),
        "message": answer.message,
        "pods": [pod.model_dump(mode="json") for pod in found.pods] if found else [],
        "cpu_limit_millicores": found.cpu_limit_millicores if found else None,
        "memory_limit_bytes": found.memory_limit_bytes if found else None,
    }


def _series(kept: list[list[Any]], resolution: int) -> Json:
    made: Json = {}
    for position, name in enumerate(samples.FIELDS, start=1):
        points = [(point[0], point[position]) for point in kept if point[position] is not None]
        points = _rates(points) if name in _COUNTERS else points
        if points:
            made[name] = [
                {"timestamp": _moment(at), "value": value} for at, value in _averaged(points, resolution)
            ]
    return made


def _rates(points: list[tuple[int, float]]) -> list[tuple[int, float]]:
    """Bytes a second between two points. A counter that went back began anew."""
    return [
        (later[0], (later[1] - earlier[1]) / (later[0] - earlier[0]))
        for earlier, later in pairwise(points)
        if later[0] > earlier[0] and later[1] >= earlier[1]
    ]


def _averaged(points: list[tuple[int, float]], resolution: int) -> list[tuple[int, float]]:
    if resolution <= 1:
        return points
    slots: dict[int, list[float]] = {}
    for at, value in points:
        slots.setdefault(at // resolution * resolution, []).append(value)
    return [(at, math.fsum(values) / len(values)) for at, values in slots.items()]


def _moment(seconds: int) -> str:
    return clock.iso(datetime.fromtimestamp(seconds, UTC))


def alert(found: Alert) -> Json:
    return {
        "id": found.id,
        "kind": found.alert_kind,
        "severity": found.severity,
        "status": found.standing,
        "app_name": found.subject_name,
        "deployment_id": (found.details or {}).get("deployment_id"),
        "message": found.message,
        "raised_at": found.raised_at,
        "cleared_at": found.cleared_at,
        "cleared_because": found.cleared_because,
    }


def difference(found: DryRun) -> Json:
    return {
        "changes_anything": found.changes_anything,
        "changes": [change.model_dump(mode="json") for change in found.changes],
    }
