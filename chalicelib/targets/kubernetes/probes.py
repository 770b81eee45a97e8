"""How the cluster tells whether the app is well."""

from __future__ import annotations

from chalicelib.targets.kubernetes.objects import Manifest
from chalicelib.targets.kubernetes.requests import AppSpec


def readiness(spec: AppSpec) -> Manifest:
    """By the health check; without one, an app is ready once it listens on its port.

    A pod that counted as ready as soon as it started would be sent requests that nobody answers, and an
    update would take the last one that does.
    """
    check = spec.health_check
    if check is None:
        return {
            "tcpSocket": {"port": "http"},
            "periodSeconds": 2,
            "timeoutSeconds": 2,
            "failureThreshold": 3,
            "successThreshold": 1,
        }
    return _asks(spec)


def liveness(spec: AppSpec) -> Manifest | None:
    """Only by a health check that was asked for: a wrong guess here would kill what works."""
    return _asks(spec) if spec.health_check else None


def _asks(spec: AppSpec) -> Manifest:
    check = spec.health_check
    assert check is not None
    return {
        "httpGet": {"path": check.path, "port": "http", "scheme": "HTTP"},
        "initialDelaySeconds": check.initial_delay_seconds,
        "periodSeconds": check.period_seconds,
        "timeoutSeconds": check.timeout_seconds,
        "failureThreshold": check.failure_threshold,
        "successThreshold": 1,
    }
