"""Answering a certificate authority from the cluster: presented, looked at, taken away. All repeatable."""

from __future__ import annotations

from chalicelib.targets.kubernetes import failures, plan, solver_manifests
from chalicelib.targets.kubernetes.api import ApiServer, connect
from chalicelib.targets.kubernetes.apply import find_ours
from chalicelib.targets.kubernetes.objects import path_of, thing
from chalicelib.targets.kubernetes.replies import Reason
from chalicelib.targets.kubernetes.requests import AppRef, AppRequest
from chalicelib.targets.kubernetes.rollout import rollout_status
from chalicelib.targets.kubernetes.solver_replies import Removed, SolverState
from chalicelib.targets.kubernetes.solver_requests import SolverRef, SolverRequest


def present_solver(request: SolverRequest) -> SolverState:
    """``kubernetes.present_solver``: another token for the same host takes the place of the one before.

    Raises PermanentTargetError when the namespace is not the app's, or is gone.
    """
    server = connect(request.access)
    guard(server, request.app)
    for manifest in solver_manifests.manifests(request):
        server.apply(manifest)
    return solver_state(SolverRef(access=request.access, app=request.app, host=request.host))


def solver_state(request: SolverRef) -> SolverState:
    """``kubernetes.solver_state``: by the readiness of the solver, which takes the proof being served."""
    solver = solver_manifests.app_of(request.app, request.host)
    found = rollout_status(AppRequest(access=request.access, app=solver))
    if found.outcome == "complete":
        return SolverState(serving=True, message=f"The proof for {request.host} is served in the cluster.")
    # The quota is full while the app is rolled out, and has room again when it is.
    hopeless = found.outcome == "failed" and found.reason is not Reason.quota
    words = f"The proof for {request.host} is not served in the cluster yet: {found.message}"
    return SolverState(serving=False, hopeless=hopeless, message=words)


def remove_solver(request: SolverRef) -> Removed:
    """``kubernetes.remove_solver``: what is gone already is gone."""
    server = connect(request.access)
    removed = []
    for one in solver_manifests.things(request.app, request.host):
        found = find_ours(server, request.app, one)
        if found is not None and server.delete(one, uid=found["metadata"]["uid"]):
            removed.append(str(one))
    return Removed(removed=tuple(removed))


def guard(server: ApiServer, app: AppRef) -> None:
    """The namespace is there and is the app's. Raises PermanentTargetError, or TransientTargetError while it
    is being deleted."""
    one = thing("Namespace", app.namespace)
    namespace = server.find(path_of(one), f"look at {one}")
    if namespace is None:
        raise failures.permanent(f"The namespace {app.namespace} is gone, with the app in it.", 404)
    plan.guard(app, plan.Standing(namespace))
