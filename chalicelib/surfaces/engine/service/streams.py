"""What goes on for as long as somebody listens: the log of a deployment, a shell in one of its containers."""

from __future__ import annotations

from chalicelib.core.clusters import registry
from chalicelib.core.terminals.model import Place
from chalicelib.kernel.errors import Conflict
from chalicelib.rest.auth import Caller
from chalicelib.surfaces.engine.model.deployments import Deployment
from chalicelib.surfaces.engine.schemas.streams import LogStreamQuery, ShellQuery
from chalicelib.surfaces.engine.service import specs
from chalicelib.surfaces.engine.service.changing import own

KIND = "deployment"
NOT_YET = "Nothing of this deployment is on the cluster yet."


def _on_cluster(caller: Caller, deployment_id: str) -> Deployment:
    deployment = own(caller, deployment_id)
    if deployment.observed_at is None:
        raise Conflict(NOT_YET)
    return deployment


def listen(caller: Caller, deployment_id: str, connection_id: str, wanted: LogStreamQuery) -> None:
    """Every line of every pod, to that connection; also those of pods that are not there yet."""
    from chalicelib.core.logstreams import orders, streams  # what is told to a relay: not for the API
    from chalicelib.targets.kubernetes.requests import FollowRequest

    deployment, marks = own(caller, deployment_id), orders.read_cursor(wanted.cursor)
    request = FollowRequest(
        access=specs.access(registry.get(deployment.cluster)),
        app=specs.reference(deployment),
        tail=wanted.tail,
        marks=marks,
    )
    streams.open_stream(caller.actor, request, connection_id)


def enter(caller: Caller, deployment_id: str, connection_id: str, wanted: ShellQuery) -> None:
    """A shell on a terminal, or the one that is resumed."""
    from chalicelib.core.terminals import asking
    from chalicelib.core.terminals.asking import Screen
    from chalicelib.core.terminals.orders import InContainer
    from chalicelib.targets.kubernetes.requests import ShellRequest

    deployment = _on_cluster(caller, deployment_id)
    place = Place(KIND, deployment.id, deployment.app_name)
    if wanted.resume is not None:
        asking.go_on(caller.actor, place.key, wanted.resume, connection_id, wanted.seen)
        return
    access = specs.access(registry.get(deployment.cluster))
    request = ShellRequest(access=access, app=specs.reference(deployment), pod=wanted.pod)
    screen = Screen(wanted.cols, wanted.rows)
    asking.open_at(caller.actor, place, InContainer(request=request), connection_id, screen)
