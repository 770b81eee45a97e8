"""Who listens to logs: one item a connection, listed by the relay that follows for it."""

from __future__ import annotations

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws import table
from chalicelib.aws.table import ConditionFailed, Record
from chalicelib.core.audit import Actor
from chalicelib.core.events.connections import LONGEST_SECONDS
from chalicelib.core.logstreams import orders
from chalicelib.core.terminals.sessions import must_be_heard
from chalicelib.kernel import clock
from chalicelib.kernel.errors import Conflict
from chalicelib.kernel.settings import settings
from chalicelib.targets.kubernetes.requests import FollowRequest

MOST = 100
"""Streams that one relay takes."""
FULL = "The relay follows as many logs as it takes. Close one, or read the log with GET."


class LogStream(Record, discriminator="log-stream"):
    """``boot``: the run of the relay that follows; absent until one does."""

    user_id = NumberAttribute()
    opened_at = NumberAttribute()
    boot = UnicodeAttribute(null=True)


def _listed(relay_id: str) -> str:
    return f"LOG-STREAMS#{relay_id}"


def _item(connection_id: str) -> LogStream:
    return LogStream(_listed(settings().relay_id), connection_id)


def of_relay() -> list[LogStream]:
    return list(LogStream.query(_listed(settings().relay_id), consistent_read=True))


def open_stream(actor: Actor, request: FollowRequest, connection_id: str) -> None:
    """Has the relay tell the connection every line. Raises Unavailable without a relay, Conflict when it is
    full."""
    must_be_heard()
    if len(of_relay()) >= MOST:
        raise Conflict(FULL)
    stream = _item(connection_id)
    stream.user_id, stream.opened_at = actor.user_id, clock.epoch()
    stream.ttl = clock.epoch() + LONGEST_SECONDS
    table.put(stream, table.absent())
    orders.follow(connection_id, request)


def begin(connection_id: str, boot: str) -> bool:
    """The relay follows. False: nobody listens any more."""
    try:
        table.update(_item(connection_id), [LogStream.boot.set(boot)], table.present())
        return True
    except ConditionFailed:
        return False


def end(connection_id: str) -> None:
    table.delete_many([_item(connection_id)])


def leave(connection_id: str) -> bool:
    """The connection is closed. False when it did not listen to a log."""
    if table.find(LogStream, *_key(connection_id)) is None:
        return False
    orders.gone(connection_id)
    end(connection_id)
    return True


def _key(connection_id: str) -> tuple[str, str]:
    return _listed(settings().relay_id), connection_id
