"""Open sockets by their user's log-in, so that they end when it does.

Whatever takes a log-in its rights (log-out, another password or role, a revoked key, a disabled account)
writes :func:`narrowed` with it. The table's stream brings that to :func:`listen`, which asks the gate about
every socket of that user.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.aws import sockets, table
from chalicelib.aws.table import Delete, Put, Record
from chalicelib.core.events.connections import LONGEST_SECONDS
from chalicelib.core.identity import gate
from chalicelib.core.identity.gate import Gate
from chalicelib.kernel import clock, ids

ENDED = "The log-in that opened this connection has ended. Log in again."
POLICY = 1008
"""The close code of who may not stay."""

_MARK_SECONDS = 3600


class Socket(Record, discriminator="socket"):
    """``login``: a session's id, or ``key:`` and a key's id, as the gate has it."""

    user_id = NumberAttribute()
    connection_id = UnicodeAttribute()
    login = UnicodeAttribute()


class Narrowed(Record, discriminator="narrowed"):
    """A user's log-ins are fewer, or may less, than before."""

    user_id = NumberAttribute()


def came(connection_id: str, user_id: int, login: str) -> None:
    record = Socket(
        f"CONN#{connection_id}",
        "SOCKET",
        gsi1pk=_listed(user_id),
        gsi1sk=connection_id,
        user_id=user_id,
        connection_id=connection_id,
        login=login,
        ttl=clock.epoch() + LONGEST_SECONDS,
    )
    table.put(record)


def went(connection_id: str) -> None:
    """Also of a connection that nobody knows."""
    table.write([Delete(Socket(f"CONN#{connection_id}", "SOCKET"))])


def _listed(user_id: int) -> str:
    return f"SOCKETS#{user_id}"


def narrowed(user_id: int) -> Put:
    """For the very transaction that takes the rights."""
    mark = Narrowed(f"USER#{user_id}", f"NARROWED#{ids.new_uuid()}", user_id=user_id)
    mark.ttl = clock.epoch() + _MARK_SECONDS
    return Put(mark)


def listen(records: Iterable[dict[str, Any]]) -> None:
    """Stream records; a repeated batch finds nothing left to end."""
    users = [
        int(image["user_id"]["N"])
        for record in records
        if (image := record["dynamodb"].get("NewImage") or {}).get("kind", {}).get("S") == "narrowed"
    ]
    for user_id in dict.fromkeys(users):
        _look_at(user_id)


def _look_at(user_id: int) -> None:
    held = table.find(Gate, f"USER#{user_id}", "GATE")
    for socket in Socket.gsi1.query(_listed(user_id)):
        if held is None or not gate.admits(held, socket.login):
            sockets.dismiss(socket.connection_id, ENDED, POLICY)
            went(socket.connection_id)
