"""A shell in a running container, on a terminal of its own: a :class:`~chalicelib.targets.shells.Shell`."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import websocket

from chalicelib.kernel.errors import TargetError
from chalicelib.targets.kubernetes import failures, names
from chalicelib.targets.kubernetes.api import ApiServer, connect
from chalicelib.targets.kubernetes.channels import RESIZE, STDIN, Channels
from chalicelib.targets.kubernetes.objects import path_of, thing
from chalicelib.targets.kubernetes.pods import container_of, is_ending, pods_of
from chalicelib.targets.kubernetes.requests import ShellRequest
from chalicelib.targets.shells import MAX_CHUNK, TERMINAL, Size

PROTOCOL = "v4.channel.k8s.io"
FIND_A_SHELL = (
    "/bin/sh",
    "-c",
    f"TERM={TERMINAL}; export TERM; if command -v bash >/dev/null 2>&1; then exec bash; fi; exec /bin/sh",
)

_OPENING_SECONDS = 20.0
_PATIENCE = 0.5
"""Seconds that one write waits for a container that takes nothing, so that its thread can still be ended."""
_LEAVE = b"\x03\x04"
"""Ctrl-C and Ctrl-D: container engines let a program live whose terminal is gone."""
_ASKED_TO_END = 3
_ENDING_SECONDS = 0.3
"""For each time that it is asked; one that takes no notice is then hung up on."""


class ContainerShell:
    """``name``: the pod and its namespace, for messages."""

    def __init__(self, channels: Channels, name: str) -> None:
        self._channels = channels
        self._name = name

    def read(self, seconds: float) -> bytes:
        return self._channels.read(seconds, MAX_CHUNK)

    def write(self, keys: bytes) -> int:
        return self._channels.write(STDIN, keys, _PATIENCE)

    def resize(self, size: Size) -> None:
        bounded = size.within_bounds()
        text = json.dumps({"Width": bounded.columns, "Height": bounded.rows})
        self._channels.write(RESIZE, text.encode(), _PATIENCE)

    def leave(self) -> None:
        """Asks the shell to end as a person would; more than once, for between two commands it does not
        listen. What it still has to say is dropped."""
        for _ in range(_ASKED_TO_END):
            if not self.ended:
                self.write(_LEAVE)
            until = time.monotonic() + _ENDING_SECONDS
            while not self.ended and (left := until - time.monotonic()) > 0:
                self.read(left)

    @property
    def ended(self) -> bool:
        return self._channels.closed or bool(self._channels.status)

    @property
    def drained(self) -> bool:
        return self._channels.drained

    @property
    def exit_code(self) -> int | None:
        """As the cluster told it: a status without a cause is a success."""
        status = self._status
        if status.get("status") == "Success":
            return 0
        for cause in (status.get("details") or {}).get("causes") or ():
            if cause.get("reason") == "ExitCode" and str(cause.get("message")).isdecimal():
                return int(cause["message"])
        return None

    @property
    def signal(self) -> str | None:
        """Kubernetes tells of none: a shell that a signal ended has exit code 128 and the signal's number."""
        return None

    def failure(self) -> TargetError | None:
        if not self.ended or self.exit_code is not None:
            return None
        said = str(self._status.get("message") or "")
        if not said:
            return failures.transient(f"The connection to the shell in {self._name} was lost.")
        if "executable file not found" in said or "no such file" in said:
            return failures.permanent(f"The image of {self._name} has no shell to open: {said}")
        return failures.permanent(f"No shell could be opened in {self._name}: {said}")

    @property
    def _status(self) -> dict[str, Any]:
        try:
            found = json.loads(self._channels.status or b"{}")
        except ValueError:
            return {"message": self._channels.status.decode(errors="replace")}
        return found if isinstance(found, dict) else {}


@contextmanager
def open_shell(request: ShellRequest, size: Size) -> Iterator[ContainerShell]:
    """Leaving asks the shell to end as a person would. Raises TargetError."""
    server = connect(request.access)
    pod = request.pod or _a_pod(server, request)
    name = f"{pod} in {request.app.namespace}"
    channels = Channels(_dial(server, request, pod, name))
    shell = ContainerShell(channels, name)
    try:
        shell.resize(size)
        yield shell
    finally:
        shell.leave()
        channels.close()


def _a_pod(server: ApiServer, request: ShellRequest) -> str:
    """The youngest that runs, for it is what was rolled out last. Raises TargetError when none does."""
    for pod in reversed(pods_of(server, request.app)):
        if "running" in container_of(pod).get("state", {}) and not is_ending(pod):
            found: str = pod["metadata"]["name"]
            return found
    app = request.app.app_name
    raise failures.permanent(f"No container of {app} is running, so there is no shell to open.")


def _dial(server: ApiServer, request: ShellRequest, pod: str, name: str) -> websocket.WebSocket:
    endpoint = server.endpoint
    path = f"{path_of(thing('Pod', pod, request.app.namespace))}/exec"
    asked = {
        "container": names.CONTAINER,
        "command": list(request.command or FIND_A_SHELL),
        **dict.fromkeys(("stdin", "stdout", "tty"), "true"),
    }
    address = f"{endpoint.server.replace('https', 'wss', 1)}{path}?{urlencode(asked, doseq=True)}"
    secured: dict[str, Any] = {"context": server.tls}
    if endpoint.server_name:
        secured["server_hostname"] = endpoint.server_name
    try:
        return websocket.create_connection(
            address,
            timeout=_OPENING_SECONDS,
            # What is accepted is for the server to choose: it refuses a WebSocket that wants JSON.
            header=[f"{key}: {value}" for key, value in server.headers.items() if key != "Accept"],
            subprotocols=[PROTOCOL],
            sslopt=secured,
            sockopt=(
                (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
                (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
            ),
            http_no_proxy=["*"],
            suppress_origin=True,
            skip_utf8_validation=True,
            redirect_limit=0,
        )
    except websocket.WebSocketBadStatusException as error:
        doing = f"open a shell in {name}"
        raise failures.from_answer(error.status_code, error.resp_body or b"", doing) from error
    except (websocket.WebSocketException, OSError) as error:
        cause = error if isinstance(error, OSError) else ConnectionError()
        raise failures.from_connection(endpoint.server, cause) from error
