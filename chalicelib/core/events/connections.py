"""Open WebSocket connections, and how far each has been told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pynamodb.attributes import BooleanAttribute, JSONAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.aws import table
from chalicelib.aws.table import ConditionFailed, Delete, Put, Record
from chalicelib.kernel import clock

LONGEST_SECONDS = 2 * 3600 + 600
"""The gateway ends a connection after two hours; its record goes by itself a little later."""

LEASE_SECONDS = 30
YOUNG_SECONDS = 10


@dataclass(frozen=True)
class Subscription:
    """What a viewer wants to be told: an execution, one part of it, or a topic (:mod:`.topics`).

    ``source``: the execution's id or the topic's name. ``words``: a surface's own names of the states, where
    they are not ours. ``brief``: one message is all that there is to be told.
    """

    source: str
    part_id: int | None = None
    words: dict[str, str] = field(default_factory=dict)
    brief: bool = False


class Connection(Record, discriminator="connection"):
    """``position``: feed to the number of the last entry told. ``wakes`` counts calls that found it busy;
    a change of ``requested`` asks the fan-out to go on with it."""

    connection_id = UnicodeAttribute()
    source = UnicodeAttribute()
    part_id = NumberAttribute(null=True)
    position: JSONAttribute = JSONAttribute()
    words: JSONAttribute = JSONAttribute()
    brief = BooleanAttribute(default=False)
    user_id = NumberAttribute()
    requested = NumberAttribute(default=0)
    wakes = NumberAttribute(default=0)
    lease_until = NumberAttribute(default=0)
    opened_at = NumberAttribute()

    @property
    def young(self) -> bool:
        """Perhaps the handshake is not over yet, and the gateway does not know the connection."""
        return clock.epoch() - int(self.opened_at) < YOUNG_SECONDS


class Lookup(Record, discriminator="connection-lookup"):
    """A disconnect tells the connection's id alone."""

    channel = UnicodeAttribute()


def _channel(source: str) -> str:
    return f"CHANNEL#{source}"


def open_connection(connection_id: str, wanted: Subscription, position: dict[str, int], user_id: int) -> None:
    """The insert is seen by the fan-out, which then tells the viewer what there is already."""
    channel, ttl = _channel(wanted.source), clock.epoch() + LONGEST_SECONDS
    record = Connection(
        channel,
        f"CONN#{connection_id}",
        connection_id=connection_id,
        source=wanted.source,
        part_id=wanted.part_id,
        position=position,
        words=wanted.words,
        brief=wanted.brief,
        user_id=user_id,
        opened_at=clock.epoch(),
        ttl=ttl,
    )
    table.write([Put(record), Put(Lookup(f"CONN#{connection_id}", "CONN", channel=channel, ttl=ttl))])


def close_connection(connection_id: str) -> None:
    """Closing what is closed succeeds."""
    lookup = table.find(Lookup, f"CONN#{connection_id}", "CONN")
    if lookup is not None:
        table.write([Delete(Connection(lookup.channel, f"CONN#{connection_id}")), Delete(lookup)])


def watching(source: str) -> list[Connection]:
    return list(Connection.query(_channel(source), consistent_read=True))


def find(source: str, connection_id: str) -> Connection | None:
    return table.find(Connection, _channel(source), f"CONN#{connection_id}")


def take(connection: Connection) -> bool:
    """The one right to send on this connection, for LEASE_SECONDS. False: the holder has been told to look
    again before it lets go."""
    now = clock.epoch()
    try:
        table.update(connection, [Connection.lease_until.set(now + LEASE_SECONDS)], _free(now))
        return True
    except ConditionFailed:
        _wake(connection)
        return False


def _free(now: int) -> Condition:
    free: Condition = table.present() & (Connection.lease_until < now)
    return free


def _wake(connection: Connection) -> None:
    try:
        table.update(connection, [Connection.wakes.add(1)], table.present())
    except ConditionFailed:
        return


def release(connection: Connection, wakes: int) -> bool:
    """Keeps the position and lets go. False when something came in meanwhile: look again first."""
    actions = [Connection.lease_until.set(0), Connection.position.set(connection.position)]
    return _keep(connection, actions, Connection.wakes == wakes)


def let_go(connection: Connection) -> None:
    """Keeps the position; whoever comes next goes on."""
    actions = [Connection.lease_until.set(0), Connection.position.set(connection.position)]
    _keep(connection, actions, table.present())


def go_on_later(connection: Connection) -> None:
    """Keeps the position, lets go and asks the fan-out for another turn."""
    actions = [
        Connection.lease_until.set(0),
        Connection.position.set(connection.position),
        Connection.requested.add(1),
    ]
    _keep(connection, actions, table.present())


def _keep(connection: Connection, actions: Sequence[Action], condition: Condition) -> bool:
    position = connection.position
    try:
        table.update(connection, actions, condition)
        return True
    except ConditionFailed:
        latest = find(connection.source, connection.connection_id)
        if latest is None:
            return True
        connection.wakes, connection.position = latest.wakes, position
        return False
