"""What an app's pods use, by the cluster's metrics API; bytes on the network by the nodes' own count."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from chalicelib.kernel.errors import TargetError
from chalicelib.targets.kubernetes import failures, pods, quantities
from chalicelib.targets.kubernetes.api import ApiServer, connect
from chalicelib.targets.kubernetes.objects import Manifest
from chalicelib.targets.kubernetes.replies import AppMetrics, PodMetrics
from chalicelib.targets.kubernetes.requests import AppRef, AppRequest

MOST_NODES = 10
"""Nodes that are asked for their count of bytes: each answers for all of its pods."""

_NO_API = "The cluster has no metrics API (metrics.k8s.io). Install metrics-server on it to see figures."
_NOT_YET = "The cluster's metrics API does not answer just now."
_NOT_ALLOWED = "The kubeconfig's account may not read metrics.k8s.io."

_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}

Traffic = dict[str, tuple[int, int]]
"""Pod's name to bytes received and sent."""


def metrics(request: AppRequest) -> AppMetrics:
    """``kubernetes.metrics``. A pod too young to have been measured is left out."""
    server, app = connect(request.access), request.app
    path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{app.namespace}/pods"
    try:
        items = server.get(path, f"read the metrics of {app.namespace}", labelSelector=app.selector)["items"]
    except TargetError as error:
        return AppMetrics(available=False, message=_unavailable(error))
    found = pods.pods_of(server, app)
    traffic = _traffic(server, app, {pod["spec"].get("nodeName") for pod in found} - {None})
    return AppMetrics(
        available=True, pods=tuple(_of_pod(one, traffic) for one in items), **_limits(found[-1:])
    )


def _unavailable(error: TargetError) -> str:
    """Why there are no figures. Raises what is a matter of the whole cluster, not of its metrics."""
    status = failures.status_of(error)
    words = {404: _NO_API, 403: _NOT_ALLOWED, 500: _NOT_YET, 502: _NOT_YET, 503: _NOT_YET, 504: _NOT_YET}
    if status not in words:
        raise error
    return words[status]


def _of_pod(item: Manifest, traffic: Traffic) -> PodMetrics:
    name = item["metadata"]["name"]
    usage = [one["usage"] for one in item["containers"]]
    received, sent = traffic.get(name, (None, None))
    return PodMetrics(
        pod=name,
        timestamp=item["timestamp"],
        window_seconds=_duration(item.get("window", "0s")),
        cpu_millicores=float(sum(quantities.parse(one["cpu"]) for one in usage) * 1000),
        memory_bytes=sum(quantities.in_bytes(one["memory"]) for one in usage),
        received_bytes=received,
        sent_bytes=sent,
    )


def _duration(text: str) -> float:
    """Seconds in what Go writes for a duration: ``1m30.5s``."""
    return sum(
        float(number) * _SECONDS[unit] for number, unit in re.findall(r"([\d.]+)(h|ms|us|µs|ns|m|s)", text)
    )


def _limits(newest: list[Manifest]) -> dict[str, Any]:
    for pod in newest:
        limits = pod["spec"]["containers"][0].get("resources", {}).get("limits", {})
        if "cpu" in limits and "memory" in limits:
            return {
                "cpu_limit_millicores": quantities.millicores(limits["cpu"]),
                "memory_limit_bytes": quantities.in_bytes(limits["memory"]),
            }
    return {}


# ---------------------------------------------------------------- bytes on the network


def _traffic(server: ApiServer, app: AppRef, nodes: Iterable[str]) -> Traffic:
    """Of as many nodes as answer; many accounts may not ask them, and that is no fault."""
    found: Traffic = {}
    for node in sorted(nodes)[:MOST_NODES]:
        try:
            summary = server.get(f"/api/v1/nodes/{node}/proxy/stats/summary", f"ask {node} for its figures")
        except TargetError:
            break  # the next would say no as well, or take as long not to answer
        found |= _traffic_in(summary, app)
    return found


def _traffic_in(summary: Manifest, app: AppRef) -> Traffic:
    return {
        one["podRef"]["name"]: (one["network"]["rxBytes"], one["network"]["txBytes"])
        for one in summary.get("pods", ())
        if one["podRef"]["namespace"] == app.namespace
        and {"rxBytes", "txBytes"} <= one.get("network", {}).keys()
    }
