"""A way to a server that can be closed: what a client sees when the server is away or hangs, and is back."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Literal

State = Literal["open", "refusing", "hanging"]


class Detour:
    """A TCP proxy on a port of its own. ``refuse`` cuts what is open, too; ``hang`` lets nothing through."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._target = (host, port)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._flowing = threading.Event()
        self._flowing.set()
        self._listener: socket.socket | None = None
        self.port = self._listen(0)

    def _listen(self, port: int) -> int:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        found: int = listener.getsockname()[1]
        return found

    def refuse(self) -> None:
        """Away: nobody listens, and what was open is cut."""
        listener, self._listener = self._listener, None
        if listener:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self._cut()

    def hang(self) -> None:
        """Takes connections and questions, and answers nothing."""
        self._flowing.clear()

    def restore(self) -> None:
        self._flowing.set()
        if self._listener is None:
            self._listen(self.port)

    def close(self) -> None:
        self.refuse()
        self._flowing.set()

    def _cut(self) -> None:
        with self._lock:
            pending, self._open = self._open, set()
        for one in pending:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
                far = socket.create_connection(self._target, timeout=10)
            except OSError:
                if listener.fileno() == -1 or self._listener is not listener:
                    return
                continue
            far.settimeout(None)
            with self._lock:
                self._open |= {near, far}
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    def _copy(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flowing.wait()
                sink.sendall(data)
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        with self._lock:
            self._open -= {source, sink}
