"""A shell in a running container: keys in, the screen's bytes out, until one side ends it.

The same to talk to as :class:`chalicelib.targets.ssh.shell.Shell`. The API server carries it as a WebSocket
whose messages begin with the number of a channel.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import websocket
from websocket import (
    WebSocket,
    WebSocketBadStatusException,
    WebSocketConnectionClosedException,
    WebSocketException,
    WebSocketTimeoutException,
)

from chalicelib.kernel.errors import TargetError
from chalicelib.targets.kubernetes import failures, names, pods
from chalicelib.targets.kubernetes.api import CONNECT_SECONDS, ApiServer, connect
from chalicelib.targets.kubernetes.objects import path_of, thing
from chalicelib.targets.kubernetes.requests import AppRef, ShellRequest

PROTOCOL = "v4.channel.k8s.io"
_STDIN, _STDOUT, _STDERR, _STATUS, _RESIZE = range(5)
_PIECE = 16 * 1024
"""Bytes of input in one message."""

# Looks for the best shell there is, and is one itself until then. ``$0`` of the best is its own name.
FIND_SHELL = ("/bin/sh", "-c", "command -v bash >/dev/null 2>&1 && exec bash; exec sh")

_WIRE_ERRORS = (WebSocketException, OSError)


class Shell:
    """Read by one thread, written to by another. Raises TargetError when the connection breaks."""

    def __init__(self, socket: WebSocket, pod: str) -> None:
        self.pod = pod
        self._socket = socket
        self._sending = threading.Lock()
        self._ended = self._drained = False
        self._status: dict[str, Any] | None = None

    def read(self, seconds: float) -> bytes:
        """What the screen shows next; empty after ``seconds`` without, or at the end."""
        self._socket.settimeout(max(seconds, 0.01))
        try:
            opcode, message = self._socket.recv_data()
        except WebSocketTimeoutException:
            return b""
        except _WIRE_ERRORS as error:
            self._ended = self._drained = True
            if isinstance(error, WebSocketConnectionClosedException) and self._status is not None:
                return b""
            raise failures.transient(f"The connection to the shell in {self.pod} was lost.") from error
        if opcode == websocket.ABNF.OPCODE_CLOSE or not message:
            self._ended = self._drained = opcode == websocket.ABNF.OPCODE_CLOSE or self._drained
            return b""
        return self._take(message[0], message[1:])

    def _take(self, channel: int, data: bytes) -> bytes:
        if channel == _STATUS:
            self._ended = True
            self._status = json.loads(data)
            return b""
        return data if channel in (_STDOUT, _STDERR) else b""

    def write(self, keys: bytes) -> int:
        """How many of the first bytes the container took."""
        piece = keys[:_PIECE]
        self._send(_STDIN, piece)
        return 0 if self._ended else len(piece)

    def resize(self, columns: int, rows: int) -> None:
        self._send(_RESIZE, json.dumps({"Width": columns, "Height": rows}).encode())

    def _send(self, channel: int, data: bytes) -> None:
        if self._ended:
            return
        try:
            with self._sending:
                self._socket.send_binary(bytes([channel]) + data)
        except _WIRE_ERRORS as error:
            if not self._ended:
                raise failures.transient(f"The connection to the shell in {self.pod} was lost.") from error

    @property
    def ended(self) -> bool:
        """The shell is gone; there may still be something to read."""
        return self._ended

    @property
    def drained(self) -> bool:
        return self._drained

    @property
    def exit_code(self) -> int | None:
        """None while it runs, and where it did not end by itself."""
        if self._status is None:
            return None
        if self._status.get("status") == "Success":
            return 0
        for cause in (self._status.get("details") or {}).get("causes") or ():
            if cause.get("reason") == "ExitCode":
                return int(cause["message"])
        return None

    def failure(self) -> TargetError | None:
        """Why it ended, when it was not the shell that ended."""
        if not self._ended or self.exit_code is not None:
            return None
        told = (self._status or {}).get("message")
        if told is None:
            return failures.transient(f"The connection to the shell in {self.pod} was lost.")
        if "executable file not found" in told or "no such file" in told:
            return failures.permanent(f"There is no shell in the image of {self.pod}: {told}")
        return failures.permanent(f"The shell in {self.pod} could not be run: {told}")

    def close(self) -> None:
        self._socket.close(timeout=1)


@contextmanager
def open_shell(request: ShellRequest) -> Iterator[Shell]:
    """On a terminal of its own, which hangs up on leaving. Raises TargetError."""
    server = connect(request.access)
    pod = request.pod or _a_ready_pod(server, request.app)
    query = [("container", names.CONTAINER), ("tty", "true"), ("stdin", "true"), ("stdout", "true")]
    query += [("command", word) for word in request.command or FIND_SHELL]
    path = f"{path_of(thing('Pod', pod, request.app.namespace))}/exec?{urlencode(query)}"
    shell = Shell(_dial(server, path, f"open a shell in {pod}"), pod)
    try:
        yield shell
    finally:
        shell.close()


def _a_ready_pod(server: ApiServer, app: AppRef) -> str:
    for pod in reversed(pods.pods_of(server, app)):
        if not pods.is_ending(pod) and pods.container_of(pod).get("state", {}).get("running"):
            name: str = pod["metadata"]["name"]
            return name
    raise failures.permanent(f"No container of {app.app_name} is running, so there is no shell to open.")


def _dial(server: ApiServer, path: str, doing: str) -> WebSocket:
    address = server.endpoint.server.replace("https://", "wss://", 1) + path
    options = {"context": server.tls} | (
        {"server_hostname": server.endpoint.server_name} if server.endpoint.server_name else {}
    )
    socket: Any = WebSocket(sslopt=options, enable_multithread=True)
    headers = [f"{key}: {value}" for key, value in server.headers.items() if key != "Accept"]
    try:
        socket.connect(
            address,
            header=headers,
            subprotocols=[PROTOCOL],
            timeout=CONNECT_SECONDS,
            suppress_origin=True,
            http_no_proxy=["*"],
        )
    except WebSocketBadStatusException as error:
        raise failures.from_answer(error.status_code, error.resp_body or b"", doing) from error
    except _WIRE_ERRORS as error:
        raise failures.transient(f"The cluster did not let us {doing} just now: {error}.") from error
    connected: WebSocket = socket
    return connected
