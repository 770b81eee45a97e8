"""What a user is told while he watches, and how the sockets are."""

from __future__ import annotations

from collections.abc import Callable

from chalicelib.core.events.connections import Subscription
from chalicelib.core.limits import Bucket
from chalicelib.rest.auth import Caller
from chalicelib.rest.surface import Call, Reply
from chalicelib.surfaces.engine.presenters import notifications as present
from chalicelib.surfaces.engine.routes.base import Json, operation
from chalicelib.surfaces.engine.schemas import notifications as schemas
from chalicelib.surfaces.engine.service import notifications as service

TRIALS = Bucket("engine-trials", 20)


@operation("GET", "/v1/notifications/test", query=lambda: schemas.TestNotificationQuery, bucket=TRIALS)
def send_test_notification(call: Call) -> Json:
    service.send_trial(call.caller.user_id, call.query)
    return present.sent(call.caller.uuid)


@operation("GET", "/v1/notifications/stats")
def get_notification_stats(_: Call) -> Json:
    return present.stats(service.connected_users())


@operation("GET", "/v1/ws/health", permission=None)
def check_sockets(_: Call) -> Reply:
    """The documented address without a handshake."""
    return Reply(present.SOCKETS_ARE_WELL, media="text/plain; charset=utf-8")


def _own(caller: Caller) -> Subscription:
    return service.subscription(caller.user_id)


def _health(connection_id: str) -> None:
    service.say_healthy(connection_id)


CHANNELS = {r"/engine/v1/ws/notifications": _own}
PORCHES: dict[str, Callable[[str], None]] = {"/engine/v1/ws/health": _health}
