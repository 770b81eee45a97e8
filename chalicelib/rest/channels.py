"""WebSocket connections: who may open which channel, and where the viewer was."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from chalicelib.core.events import connections, pump
from chalicelib.core.events.connections import Subscription
from chalicelib.core.limits import Bucket
from chalicelib.kernel.errors import BadRequest, NotFound, QuarterdeckError
from chalicelib.kernel.logs import log
from chalicelib.rest import auth

Json = dict[str, Any]
Opener = Callable[..., Subscription]

CONNECTING = Bucket("sockets", 60)


class Channels:
    """``openers``: pattern of a channel's path to what finds its subscription."""

    def __init__(self, openers: dict[str, Opener]) -> None:
        self._openers = [(re.compile(pattern), opener) for pattern, opener in openers.items()]

    def connect(self, event: Json) -> Json:
        """Admits or refuses the handshake: 200, or the error's status."""
        query = event.get("queryStringParameters") or {}
        status = 200
        try:
            self._open(event, query)
        except QuarterdeckError as error:
            status = error.status
        # Never the query: it may hold a token.
        log().info("socket", path=query.get("channel"), status=status)
        return {"statusCode": status}

    def _open(self, event: Json, query: dict[str, str]) -> None:
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        context = event["requestContext"]
        address = auth.client_address(headers, context.get("identity", {}).get("sourceIp", ""))
        token = query.get("token") or auth.bearer(headers.get("authorization"))
        caller, _ = auth.identify(token, address, CONNECTING)
        subscription = self._find(query.get("channel", ""))
        try:
            position = pump.read_cursor(query.get("cursor", ""))
        except ValueError as error:
            raise BadRequest(str(error)) from error
        connections.open_connection(context["connectionId"], subscription, position, caller.user_id)

    def _find(self, path: str) -> Subscription:
        for pattern, opener in self._openers:
            if (match := pattern.fullmatch(path.rstrip("/"))) is not None:
                return opener(**match.groupdict())
        raise NotFound("There is no such channel.")


def message(event: Json) -> Json:
    """Viewers have nothing to say on these channels; what they send is read and dropped."""
    log().info("socket message", connection=event["requestContext"]["connectionId"])
    return {"statusCode": 200}


def disconnect(event: Json) -> Json:
    connection_id = event["requestContext"]["connectionId"]
    connections.close_connection(connection_id)
    log().info("socket closed", connection=connection_id)
    return {"statusCode": 200}
