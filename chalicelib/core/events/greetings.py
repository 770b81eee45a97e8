"""One message to who has just connected, and good-bye: nobody need be known for it, nothing is held open."""

from __future__ import annotations

from typing import Any

from chalicelib.core.events import connections, topics
from chalicelib.core.events.connections import Subscription
from chalicelib.core.executions import feed
from chalicelib.kernel import clock

_KEPT_SECONDS = 3600
NOBODY = 0


def greet(connection_id: str, payload: dict[str, Any]) -> None:
    """Written down before the connection is: the fan-out that sees the one finds the other."""
    source = topics.name(f"greeting:{connection_id}")
    entry = feed.note(source, 1, payload)
    entry.ttl = clock.epoch() + _KEPT_SECONDS
    feed.write([entry])
    connections.open_connection(connection_id, Subscription(source, brief=True), {feed.CONTROL: 0}, NOBODY)
