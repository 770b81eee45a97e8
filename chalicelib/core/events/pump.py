"""Tells one viewer, in order and without gaps, what the feeds hold behind its position.

Messages are JSON: ``output``, ``status`` and, last, ``end``, and notes in whatever types their writers gave
them; the cursor of each brings a viewer that connects again back to that place.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

from chalicelib.aws import sockets
from chalicelib.core.events import connections, topics
from chalicelib.core.events.connections import Connection
from chalicelib.core.executions import feed, ledger
from chalicelib.core.executions.feed import FeedEntry
from chalicelib.core.executions.status import Status

PIECE = 20_000
"""Characters of output a message: at worst six bytes each in JSON, the gateway takes 128 KiB."""

TURN_SECONDS = 2.0
"""Longest turn, so that one slow viewer does not hold up the others."""


HANDSHAKE_SECONDS = 0.05
"""Pause before a connection that the gateway does not know yet is tried again."""


def cursor_text(position: dict[str, int]) -> str:
    """``0-15.1-7.c-2``: the number of the last entry told, by feed."""
    return ".".join(f"{name}-{number}" for name, number in sorted(position.items()) if number)


def read_cursor(text: str) -> dict[str, int]:
    """The reverse. Raises ValueError with words for the person."""
    if not re.fullmatch(r"((c|\d{1,6})-\d{1,12}(\.(?!$)|$))*", text, re.ASCII):
        raise ValueError("The cursor is not one that this service gave out.")
    pairs = (item.split("-") for item in text.split(".") if item)
    return {name: int(number) for name, number in pairs}


class Pump:
    """One viewer's turn; made when the connection has been taken."""

    def __init__(self, connection: Connection, chunks: int) -> None:
        self._connection = connection
        self._chunks = chunks
        self._position: dict[str, int] = dict(connection.position)
        self._until = time.monotonic() + TURN_SECONDS
        self.ended = False

    def drain(self) -> bool:
        """False when the turn was over before everything was told. Raises sockets.Gone."""
        try:
            return all(self._tell(name, entry) for name, entry in self._entries())
        finally:
            self._connection.position = self._position

    def _entries(self) -> Iterator[tuple[str, FeedEntry]]:
        # Control is read first and told last: its end may only be told after all output that came before.
        control = list(self._after(feed.CONTROL))
        for chunk in range(self._chunks):
            for entry in self._after(str(chunk)):
                yield str(chunk), entry
        for entry in control:
            yield feed.CONTROL, entry

    def _after(self, name: str) -> Iterator[FeedEntry]:
        return feed.after(self._connection.source, name, self._position.get(name, 0))

    def _tell(self, name: str, entry: FeedEntry) -> bool:
        if self.ended:
            return True
        messages = list(self._messages(entry))
        for message in messages[:-1]:
            self._send(message)
        # Only the last message of an entry moves the cursor: who comes back gets the entry whole.
        told, self._position[name] = self._position.get(name, 0), entry.number
        try:
            for message in messages[-1:]:
                self._send(message)
        except Exception:  # what may not have arrived is told again
            self._position[name] = told
            raise
        return time.monotonic() < self._until

    def _messages(self, entry: FeedEntry) -> Iterator[dict[str, Any]]:
        wanted = self._connection.part_id
        if entry.what == "end":
            self.ended = True
            yield {"type": "end", "status": entry.status}
        elif entry.what == "note":
            self.ended = bool(self._connection.brief)
            yield dict(entry.payload)
        elif wanted is not None and entry.part_id != wanted:
            return
        elif entry.what == "output":
            yield from _output(entry)
        else:
            yield _status(entry)
            if wanted is not None and Status(entry.status).final:
                self.ended = True
                yield {"type": "end", "status": entry.status}

    def _send(self, message: dict[str, Any]) -> None:
        if "status" in message:
            message["status"] = self._connection.words.get(message["status"], message["status"])
        if not self._connection.brief:
            message["cursor"] = cursor_text(self._position)
        sockets.post(self._connection.connection_id, json.dumps(message).encode())


def _output(entry: FeedEntry) -> Iterator[dict[str, Any]]:
    text = entry.bytes().decode("utf-8", "replace")
    for start in range(0, len(text), PIECE):
        yield {
            "type": "output",
            "execution": int(entry.part_id),
            "server": int(entry.server_id),
            "stream": entry.stream,
            "data": text[start : start + PIECE],
        }


def _status(entry: FeedEntry) -> dict[str, Any]:
    return {
        "type": "status",
        "execution": int(entry.part_id),
        "server": int(entry.server_id),
        "status": entry.status,
        "exit_code": None if entry.exit_code is None else int(entry.exit_code),
        "reason": entry.reason,
    }


def serve(connection: Connection) -> None:
    """One turn for one viewer. Nothing when somebody else is at it.

    What fails lets go first: the batch comes again, and must not find the connection taken by nobody.
    """
    chunks = _chunks(connection.source)
    if chunks is None or not connections.take(connection):
        return
    try:
        _take_turn(Pump(connection, chunks), connection)
    except sockets.Gone:
        _gone(connection)
    except Exception:
        connections.let_go(connection)
        raise


def _chunks(source: str) -> int | None:
    """How many feeds there are beside the control feed. None: nothing of that name is there."""
    if topics.is_topic(source):
        return 0
    execution = ledger.find(source)
    return execution.chunks if execution else None


def _gone(connection: Connection) -> None:
    if connection.young:
        time.sleep(HANDSHAKE_SECONDS)
        connections.go_on_later(connection)
    else:
        connections.close_connection(connection.connection_id)


def _take_turn(pump: Pump, connection: Connection) -> None:
    while True:
        wakes = int(connection.wakes)
        if not pump.drain():
            connections.go_on_later(connection)
            return
        if pump.ended:
            connections.close_connection(connection.connection_id)
            sockets.close(connection.connection_id)
            return
        if connections.release(connection, wakes):
            return
