"""The operations on a cluster, by name: ``OPERATIONS[name](request) -> reply``, wherever they run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalicelib.targets.kubernetes.apply import apply
from chalicelib.targets.kubernetes.cluster import capabilities
from chalicelib.targets.kubernetes.drift import observe
from chalicelib.targets.kubernetes.dryrun import dry_run
from chalicelib.targets.kubernetes.removal import delete, namespace_state
from chalicelib.targets.kubernetes.requests import (
    ApplyRequest,
    AppRequest,
    ClusterRequest,
    Frozen,
    ScaleRequest,
)
from chalicelib.targets.kubernetes.rollout import rollout_status
from chalicelib.targets.kubernetes.standing import history, scale, status

OPERATIONS: dict[str, Callable[[Any], Frozen]] = {
    "kubernetes.capabilities": capabilities,
    "kubernetes.apply": apply,
    "kubernetes.dry_run": dry_run,
    "kubernetes.observe": observe,
    "kubernetes.rollout_status": rollout_status,
    "kubernetes.status": status,
    "kubernetes.history": history,
    "kubernetes.scale": scale,
    "kubernetes.delete": delete,
    "kubernetes.namespace_state": namespace_state,
}

REQUESTS: dict[str, type[Frozen]] = {
    "kubernetes.capabilities": ClusterRequest,
    "kubernetes.apply": ApplyRequest,
    "kubernetes.dry_run": ApplyRequest,
    "kubernetes.observe": ApplyRequest,
    "kubernetes.rollout_status": AppRequest,
    "kubernetes.status": AppRequest,
    "kubernetes.history": AppRequest,
    "kubernetes.scale": ScaleRequest,
    "kubernetes.delete": AppRequest,
    "kubernetes.namespace_state": AppRequest,
}
"""What each is asked with, to read a request that came as JSON."""
