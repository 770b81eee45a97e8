"""Who listens to what is told of his deployments, on every connection that he has; a trial of it."""

from __future__ import annotations

from typing import Any

from chalicelib.core.events import greetings, listeners
from chalicelib.core.events.connections import Subscription
from chalicelib.kernel import ids
from chalicelib.kernel.errors import Forbidden
from chalicelib.kernel.settings import settings
from chalicelib.surfaces.engine.schemas.notifications import TestNotificationQuery
from chalicelib.surfaces.engine.service import telling

STATUS_CHANGED = "deployment_status_changed"


def subscription(user_id: int) -> Subscription:
    return Subscription(telling.topic(user_id))


def connected_users() -> int:
    return listeners.connected(telling.SURFACE)


def say_healthy(connection_id: str) -> None:
    """That the connection could be written down, and this is sent, is what was asked."""
    greetings.greet(connection_id, {"status": "healthy"})


_TRIALS: dict[str, dict[str, Any]] = {
    "deployment_created": {"app_name": "test"},
    "deployment_success": {"status": "running", "url": None},
    "deployment_failed": {"status": "failed", "url": None, "error_message": "This is a test."},
}


def send_trial(user_id: int, query: TestNotificationQuery) -> None:
    """To the caller alone. Raises Forbidden in production."""
    if settings().environment.startswith("prod"):
        raise Forbidden("Trial notifications are switched off in production.")
    asked = query.notification_type
    kind = "deployment_created" if asked == "deployment_created" else STATUS_CHANGED
    data = {**_TRIALS[asked or "deployment_success"], "test": True}
    telling.tell(user_id, kind, query.deployment_id or ids.new_uuid(), data, ids.new_uuid())
