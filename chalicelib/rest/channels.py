"""WebSocket connections: who may open which channel, and what is done with what they send."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chalicelib.core.events import connections, pump, topics
from chalicelib.core.events.connections import Subscription
from chalicelib.core.identity import attendance
from chalicelib.core.identity.roles import Permission
from chalicelib.core.logstreams import streams
from chalicelib.core.terminals import talking
from chalicelib.kernel.errors import BadRequest, NotFound, QuarterdeckError
from chalicelib.kernel.logs import log
from chalicelib.rest import handshake
from chalicelib.rest.auth import Caller

Json = dict[str, Any]
Opener = Callable[..., Subscription]


@dataclass(frozen=True)
class Visit:
    """One who is known and wants in. ``query`` may hold a token: it is for no log."""

    caller: Caller
    connection_id: str
    query: dict[str, str]


Door = Callable[..., None]
Porch = Callable[[str], None]


class Channels:
    """Patterns of a channel's path to what stands behind: ``openers`` find, for a caller, the subscription of
    who only watches; ``doors`` take a Visit in themselves; ``porches``, fixed paths, take in a connection
    whose owner nobody knows. Openers and doors are for those who may read; a door may ask for more."""

    def __init__(
        self,
        openers: dict[str, Opener],
        doors: dict[str, Door] | None = None,
        porches: dict[str, Porch] | None = None,
    ) -> None:
        self._porches = porches or {}
        self._openers = [(re.compile(pattern), opener) for pattern, opener in openers.items()]
        self._doors = [(re.compile(pattern), door) for pattern, door in (doors or {}).items()]

    def connect(self, event: Json) -> Json:
        """Admits or refuses the handshake: 200, or the error's status."""
        query = event.get("queryStringParameters") or {}
        try:
            self._open(event, query)
            answer = handshake.accepted(event)
        except QuarterdeckError as error:
            answer = {"statusCode": error.status}
        # Never the query: it may hold a token.
        log().info("socket", path=query.get("channel"), status=answer["statusCode"])
        return answer

    def _open(self, event: Json, query: dict[str, str]) -> None:
        connection_id = event["requestContext"]["connectionId"]
        path = query.get("channel", "").rstrip("/")
        if path in self._porches:
            handshake.count(event)
            self._porches[path](connection_id)
            return
        caller = handshake.caller_of(event)
        caller.require(Permission.READ)
        attendance.came(connection_id, caller.user_id, caller.session_id)
        try:
            self._take_in(Visit(caller, connection_id, query), path)
        except QuarterdeckError:
            attendance.went(connection_id)
            raise

    def _take_in(self, visit: Visit, path: str) -> None:
        for pattern, door in self._doors:
            if (match := pattern.fullmatch(path)) is not None:
                door(visit, **match.groupdict())
                return
        subscription = self._find(path, visit.caller)
        try:
            position = pump.read_cursor(visit.query.get("cursor", ""))
        except ValueError as error:
            raise BadRequest(str(error)) from error
        if topics.is_topic(subscription.source):
            position = topics.place(subscription.source, position)
        connections.open_connection(visit.connection_id, subscription, position, visit.caller.user_id)

    def _find(self, path: str, caller: Caller) -> Subscription:
        for pattern, opener in self._openers:
            if (match := pattern.fullmatch(path)) is not None:
                return opener(caller, **match.groupdict())
        raise NotFound("There is no such channel.")


def message(event: Json) -> Json:
    """What comes for a terminal goes there. Viewers have nothing to say; what they send is dropped."""
    context = event["requestContext"]
    connection_id = context["connectionId"]
    name = context.get("messageId") or context.get("requestId", "")
    taken = talking.pass_on(connection_id, event.get("body") or "", name)
    log().info("socket message", connection=connection_id, taken=taken)
    return {"statusCode": 200}


def disconnect(event: Json) -> Json:
    connection_id = event["requestContext"]["connectionId"]
    attendance.went(connection_id)
    if not (talking.leave(connection_id) or streams.leave(connection_id)):
        connections.close_connection(connection_id)
    log().info("socket closed", connection=connection_id)
    return {"statusCode": 200}
