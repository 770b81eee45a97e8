"""What a channel received, both streams in the order of arrival.

paramiko keeps stdout and stderr in two buffers and forgets which came first. An :class:`Inbox` puts two
:class:`Side` objects in their place, which have the methods of paramiko's ``BufferedPipe`` that a channel
calls. Flow control stays paramiko's: the window opens again only as data is read.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from chalicelib.targets.ssh.requests import Stream


class Inbox:
    """Fed by the connection's thread, read by one other."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._chunks: deque[tuple[Stream, bytes]] = deque()
        self.closed = False

    def put(self, stream: Stream, data: bytes) -> None:
        with self._changed:
            self._chunks.append((stream, data))
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self.closed = True
            self._changed.notify_all()

    def poke(self) -> None:
        """Wake the reader although there is no data: what it waits for besides may have come true."""
        with self._changed:
            self._changed.notify_all()

    def wait(self, timeout: float, until: Callable[[], bool]) -> Stream | None:
        """The stream that has data first; None once ``until()`` is true or ``timeout`` seconds are over.

        Whatever makes ``until()`` true must poke or close.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._chunks or until(), timeout)
            return self._chunks[0][0] if self._chunks else None

    def take(self, stream: Stream, limit: int) -> bytes:
        """At most ``limit`` bytes of ``stream`` from the front, up to where the other stream speaks."""
        taken: list[bytes] = []
        room = limit
        with self._changed:
            while room and self._chunks and self._chunks[0][0] == stream:
                data = self._chunks.popleft()[1]
                if len(data) > room:
                    self._chunks.appendleft((stream, data[room:]))
                    data = data[:room]
                taken.append(data)
                room -= len(data)
        return b"".join(taken)

    def pending(self, stream: Stream) -> int:
        with self._changed:
            return sum(len(data) for name, data in self._chunks if name == stream)


class Side:
    """One stream of an inbox in the shape of paramiko's ``BufferedPipe``."""

    def __init__(self, inbox: Inbox, stream: Stream) -> None:
        self._inbox = inbox
        self._stream = stream

    def feed(self, data: bytes) -> None:
        self._inbox.put(self._stream, data)

    def close(self) -> None:
        """A channel closes both of its buffers together."""
        self._inbox.close()

    def read(self, nbytes: int, timeout: float | None = None) -> bytes:
        """Never blocks: the reader has waited on the inbox."""
        return self._inbox.take(self._stream, nbytes)

    def read_ready(self) -> bool:
        return len(self) > 0

    def __len__(self) -> int:
        return self._inbox.pending(self._stream)
