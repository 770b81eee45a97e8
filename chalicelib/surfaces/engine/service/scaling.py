"""How many replicas run, if any: scale, stop, start, and an autoscaler's bounds."""

from __future__ import annotations

from typing import Any

from chalicelib.rest.auth import Caller
from chalicelib.surfaces.engine.model.deployments import Deployment
from chalicelib.surfaces.engine.model.states import Action, State
from chalicelib.surfaces.engine.service import changing, sizes
from chalicelib.surfaces.engine.service.changing import Wanted, own


def scale(caller: Caller, deployment_id: str, replicas: int) -> Deployment:
    """To none is to stop, keeping the number to start again with; a stopped one starts."""
    own(caller, deployment_id)

    def decide(found: Deployment) -> Wanted | None:
        if replicas == 0:
            return _stopped(found)
        same = replicas == found.replicas and not found.stopped
        if same and found.status is not State.FAILED:
            return None
        wanted = sizes.amounts(found.spec, sizes.most(replicas, found.autoscaling))
        return Wanted(Action.SCALE, {"replicas": replicas, "stopped": False}, wanted - sizes.of(found))

    return changing.change(caller.actor, deployment_id, decide)[0]


def stop(caller: Caller, deployment_id: str) -> Deployment:
    own(caller, deployment_id)
    return changing.change(caller.actor, deployment_id, _stopped)[0]


def _stopped(found: Deployment) -> Wanted | None:
    if found.stopped and found.status is State.STOPPED:
        return None
    return Wanted(Action.STOP, {"stopped": True})


def start(caller: Caller, deployment_id: str) -> Deployment:
    """A stopped one, or once more one that failed. What runs or comes up is left alone."""
    own(caller, deployment_id)

    def decide(found: Deployment) -> Wanted | None:
        if not found.stopped and found.status is not State.FAILED:
            return None
        return Wanted(Action.START, {"stopped": False})

    return changing.change(caller.actor, deployment_id, decide)[0]


def autoscale(
    caller: Caller, deployment_id: str, bounds: dict[str, Any] | None
) -> tuple[Deployment, str | None]:
    own(caller, deployment_id)

    def decide(found: Deployment) -> Wanted | None:
        if bounds == found.autoscaling:
            return None
        wanted = sizes.amounts(found.spec, sizes.most(int(found.replicas), bounds))
        return Wanted(Action.AUTOSCALE, {"autoscaling": bounds}, wanted - sizes.of(found))

    return changing.change(caller.actor, deployment_id, decide)
