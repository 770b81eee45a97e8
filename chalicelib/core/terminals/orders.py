"""What is said to a relay of terminals: one queue, in order within a connection.

Each message names its ``connection``; ``do`` tells what is wanted:

- ``open``: ``terminal``, ``sealed`` (a :class:`TerminalOrder`), ``expires`` (Unix time)
- ``resume``: ``terminal``, ``seen`` (how far the person saw the output, or null)
- ``say``: one message of the person, as :func:`read` made it
- ``refuse``: ``data``, words about a message that was not understood
- ``gone``: the connection is closed
- ``stop``: ``terminal``, ``by``
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.aws import queues
from chalicelib.core.relays import orders
from chalicelib.kernel import ids
from chalicelib.kernel.errors import BadRequest
from chalicelib.kernel.secrets import Secret
from chalicelib.kernel.settings import KIB, settings
from chalicelib.targets.kubernetes.requests import ShellRequest
from chalicelib.targets.ssh.requests import Login

Json = dict[str, Any]

LARGEST_MESSAGE = 128 * KIB
ENTER = "\r"
"""What the key of that name sends; the terminal makes a line end of it."""

OPEN_WITHIN = 60
"""Seconds that a relay may take to begin with an order; nobody waits for longer."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class OnServer(_Frozen):
    """A log-in shell on a server. Without a ``host_key`` in ``login`` the one that is shown gets pinned."""

    kind: Literal["server"] = "server"
    server_id: int
    login: Login

    @property
    def secrets(self) -> list[Secret]:
        """What must not be recorded should it be shown."""
        return [one for one in (self.login.password, self.login.passphrase) if one is not None]


class InContainer(_Frozen):
    """A shell in a container on a Kubernetes cluster."""

    kind: Literal["container"] = "container"
    request: ShellRequest

    @property
    def secrets(self) -> list[Secret]:
        """None: what opens the cluster is nowhere in the container."""
        return []


Where = Annotated[OnServer | InContainer, Field(discriminator="kind")]


class TerminalOrder(_Frozen):
    """Open a shell. Secrets are in clear here: this exists in memory and sealed, nowhere else."""

    terminal_id: int
    where: Where
    resume: Secret
    columns: int
    rows: int


def seal(order: TerminalOrder) -> str:
    return orders.seal(_name(order.terminal_id), order)


def unseal(terminal_id: int, sealed: str) -> TerminalOrder:
    return TerminalOrder.model_validate_json(orders.unseal(_name(terminal_id), sealed))


def _name(terminal_id: int) -> str:
    return f"terminal/{terminal_id}"


def send(connection_id: str, body: Json, once: str = "") -> None:
    """``once`` names the message: a second one of that name within five minutes is dropped."""
    given = {"connection": connection_id} | body
    queues.send_in_order(settings().terminal_queue_url, given, connection_id, once or ids.new_uuid())


def read(text: str) -> Json:
    """One message of a person as the relay wants it. Raises BadRequest with words about what is wrong.

    ``seq``, when the person's program numbers its messages (from 1, by connection), is the order they are
    taken in; without it they are taken as they arrive.
    """
    if len(text.encode(errors="surrogatepass")) > LARGEST_MESSAGE:
        raise BadRequest(f"A message may have {LARGEST_MESSAGE} bytes at most; send a long text in parts.")
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadRequest("A message should be a JSON object.") from error
    kind = given.get("type") if isinstance(given, dict) else None
    if kind in {"command", "input"}:
        said = _keys(given, ENTER if kind == "command" else "")
    elif kind == "resize":
        said = {"columns": _count(given, "cols"), "rows": _count(given, "rows")}
    elif kind == "pong":
        said = {}
    else:
        raise BadRequest("A message's type should be 'command', 'input', 'resize' or 'pong'.")
    return said | ({"seq": _count(given, "seq")} if given.get("seq") is not None else {})


def _keys(given: Json, end: str) -> Json:
    data = given.get("data")
    if not isinstance(data, str):
        raise BadRequest(f"'data' of a message of type '{given['type']}' should be text.")
    try:
        data.encode()
    except UnicodeEncodeError as error:
        raise BadRequest("'data' holds half a character, which cannot be typed.") from error
    return {"keys": data + end}


def _count(given: Json, name: str) -> int:
    value = given.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 10**9:
        raise BadRequest(f"'{name}' should be a whole number from 1 on.")
    return value
