"""A connection into a container: Kubernetes' numbered channels over one WebSocket (``v4.channel.k8s.io``).

One thread does all that touches the socket, and never waits for one direction while the other could move: a
container that will not read before we do would hang us both. Reading stops while nobody takes what came, and
the container feels that; whoever writes is told how much was taken.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
import time
from collections import deque
from typing import Any

import websocket
from websocket import ABNF

STDIN, STDOUT, STDERR, STATUS, RESIZE = range(5)

MOST_WAITING = 256 * 1024
"""Bytes that came and were not read; past it no more is read from the socket."""
MOST_UNSENT = 128 * 1024
PING_SECONDS = 30.0
_PIECE = 16 * 1024
_CLOSING_SECONDS = 1.0
_NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)
_LOST = (websocket.WebSocketException, OSError)


class Channels:
    """``status`` is what came on the channel of that name, ``lost`` that the connection broke; both are there
    before ``closed`` is true."""

    def __init__(self, connection: Any) -> None:
        """Takes over a connected :class:`websocket.WebSocket`, whose types say less than they could."""
        self._connection = connection
        self._socket: socket.socket = connection.sock
        self._socket.setblocking(False)
        self._wake, self._woken = socket.socketpair()
        for end in (self._wake, self._woken):
            end.setblocking(False)
        self._changed = threading.Condition()
        self._came: deque[bytes] = deque()
        self._waiting = 0
        self._unsent = bytearray()
        self._message = bytearray()
        self._pinged = time.monotonic()
        self._hanging_up = 0.0
        self.status = b""
        self.lost = False
        self.closed = False
        self._thread = threading.Thread(target=self._run, name="kubernetes-channels", daemon=True)
        self._thread.start()

    # -- by whoever uses it ---------------------------------------------------------------------------

    def read(self, seconds: float, most: int) -> bytes:
        """At most ``most`` bytes of what the container wrote; empty after ``seconds`` without, or at the
        end."""
        with self._changed:
            self._changed.wait_for(lambda: self._came or self.closed, seconds)
            taken: list[bytes] = []
            room = most
            while self._came and room:
                data = self._came.popleft()
                if len(data) > room:
                    self._came.appendleft(data[room:])
                    data = data[:room]
                taken.append(data)
                room -= len(data)
            was_full = self._waiting >= MOST_WAITING
            self._waiting -= most - room
        if was_full:
            self._poke()
        return b"".join(taken)

    def write(self, channel: int, data: bytes, seconds: float = 0.0) -> int:
        """How many of the first bytes were taken, waiting so long for room; 0 once it is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self.closed or len(self._unsent) < MOST_UNSENT, seconds)
            if self.closed or len(self._unsent) >= MOST_UNSENT:
                return 0
            for start in range(0, len(data), _PIECE):
                self._queue(bytes([channel]) + data[start : start + _PIECE], ABNF.OPCODE_BINARY)
        self._poke()
        return len(data)

    @property
    def drained(self) -> bool:
        with self._changed:
            return self.closed and not self._came

    def close(self) -> None:
        """Hangs up, after what was written has gone out or a moment has passed."""
        self._hanging_up = time.monotonic() + _CLOSING_SECONDS
        self._poke()
        self._thread.join()

    # -- by the one thread ----------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self._is_done():
                self._wait()
                self._send()
                self._receive()
        except EOFError:
            pass
        except _LOST:
            self.lost = True
        finally:
            self._end()

    def _is_done(self) -> bool:
        if not self._hanging_up:
            return False
        return not self._unsent or time.monotonic() > self._hanging_up

    def _wait(self) -> None:
        with self._changed:
            wanted = [self._socket] if self._waiting < MOST_WAITING else []
            unsent = [self._socket] if self._unsent else []
        if wanted and isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            return
        seconds = 0.05 if self._hanging_up else PING_SECONDS
        select.select([*wanted, self._woken], unsent, [], seconds)
        with contextlib.suppress(BlockingIOError):
            while self._woken.recv(4096):
                pass

    def _send(self) -> None:
        if time.monotonic() - self._pinged > PING_SECONDS:
            self._pinged = time.monotonic()
            with self._changed:
                self._queue(b"", ABNF.OPCODE_PING)
        with self._changed:
            try:
                while self._unsent:
                    # After a refusal the same bytes again, perhaps with more behind: TLS insists on it.
                    del self._unsent[: self._socket.send(bytes(self._unsent[:_PIECE]))]
            except _NOT_NOW:
                return
            finally:
                self._changed.notify_all()

    def _receive(self) -> None:
        with contextlib.suppress(*_NOT_NOW):
            while self._waiting < MOST_WAITING:
                self._take(self._connection.recv_frame())

    def _take(self, frame: Any) -> None:
        if frame.opcode == ABNF.OPCODE_CLOSE:
            raise EOFError
        if frame.opcode == ABNF.OPCODE_PING:
            with self._changed:
                self._queue(frame.data, ABNF.OPCODE_PONG)
        elif frame.opcode != ABNF.OPCODE_PONG:
            self._message += frame.data
            if frame.fin:
                message, self._message = bytes(self._message), bytearray()
                self._hear(message)

    def _hear(self, message: bytes) -> None:
        channel, data = message[:1], message[1:]
        with self._changed:
            if channel in (b"\x01", b"\x02") and data:
                self._came.append(data)
                self._waiting += len(data)
            elif channel == b"\x03":
                self.status += data
            self._changed.notify_all()

    def _queue(self, data: bytes, opcode: int) -> None:
        self._unsent += ABNF.create_frame(data, opcode).format()

    def _poke(self) -> None:
        with contextlib.suppress(OSError):
            self._wake.send(b"\0")

    def _end(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.close()
        with self._changed:
            self.closed = True
            self._changed.notify_all()
        for end in (self._wake, self._woken):
            end.close()
