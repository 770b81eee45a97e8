"""What comes on a connection that leads to a terminal, on its way to the relay."""

from __future__ import annotations

from functools import lru_cache

from chalicelib.core.terminals import orders, sessions
from chalicelib.kernel.errors import BadRequest


@lru_cache(maxsize=1024)
def _leads_to_a_terminal(connection_id: str) -> bool:
    """What a connection is for never changes, so that a key costs no look at the table."""
    return sessions.entrance(connection_id) is not None


def forget() -> None:
    """Tests only."""
    _leads_to_a_terminal.cache_clear()


def pass_on(connection_id: str, text: str, name: str) -> bool:
    """``name`` tells the message from all others. False: the connection does not lead to a terminal."""
    if not _leads_to_a_terminal(connection_id):
        return False
    try:
        body = {"do": "say", "message": orders.read(text)}
    except BadRequest as error:
        body = {"do": "refuse", "data": error.message}
    orders.send(connection_id, body, name)
    return True


def leave(connection_id: str) -> bool:
    """The connection is closed. False when it did not lead to a terminal."""
    found = sessions.entrance(connection_id)
    if found is None:
        return False
    orders.send(connection_id, {"do": "gone"})
    sessions.close_entrance(found)
    return True
