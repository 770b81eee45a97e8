"""The operations on a cluster, by name: ``OPERATIONS[name](request) -> reply``, wherever they run.

Not among them, for they last: :func:`follow.follow` and :func:`shell.open_shell`, which a relay holds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalicelib.targets.kubernetes.apply import apply
from chalicelib.targets.kubernetes.cluster import capabilities
from chalicelib.targets.kubernetes.drift import observe
from chalicelib.targets.kubernetes.dryrun import dry_run
from chalicelib.targets.kubernetes.logs import logs
from chalicelib.targets.kubernetes.metrics import metrics
from chalicelib.targets.kubernetes.removal import delete, namespace_state
from chalicelib.targets.kubernetes.requests import (
    ApplyRequest,
    AppRequest,
    ClusterRequest,
    Frozen,
    LogsRequest,
    ScaleRequest,
)
from chalicelib.targets.kubernetes.rollout import rollout_status
from chalicelib.targets.kubernetes.solver_requests import (
    CertificateRef,
    SolverRef,
    SolverRequest,
    StoreCertificate,
)
from chalicelib.targets.kubernetes.solving import present_solver, remove_solver, solver_state
from chalicelib.targets.kubernetes.standing import history, scale, status
from chalicelib.targets.kubernetes.tls import remove_certificate, store_certificate, stored_certificate

OPERATIONS: dict[str, Callable[[Any], Frozen]] = {
    "kubernetes.capabilities": capabilities,
    "kubernetes.apply": apply,
    "kubernetes.dry_run": dry_run,
    "kubernetes.observe": observe,
    "kubernetes.rollout_status": rollout_status,
    "kubernetes.status": status,
    "kubernetes.history": history,
    "kubernetes.scale": scale,
    "kubernetes.logs": logs,
    "kubernetes.metrics": metrics,
    "kubernetes.delete": delete,
    "kubernetes.namespace_state": namespace_state,
    "kubernetes.present_solver": present_solver,
    "kubernetes.solver_state": solver_state,
    "kubernetes.remove_solver": remove_solver,
    "kubernetes.store_certificate": store_certificate,
    "kubernetes.stored_certificate": stored_certificate,
    "kubernetes.remove_certificate": remove_certificate,
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
    "kubernetes.logs": LogsRequest,
    "kubernetes.metrics": AppRequest,
    "kubernetes.delete": AppRequest,
    "kubernetes.namespace_state": AppRequest,
    "kubernetes.present_solver": SolverRequest,
    "kubernetes.solver_state": SolverRef,
    "kubernetes.remove_solver": SolverRef,
    "kubernetes.store_certificate": StoreCertificate,
    "kubernetes.stored_certificate": CertificateRef,
    "kubernetes.remove_certificate": CertificateRef,
}
"""What each is asked with, to read a request that came as JSON."""
