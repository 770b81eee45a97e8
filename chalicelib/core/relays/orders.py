"""Orders for a relay, sealed, in the bucket; the queue's message names them.

The encryption context is the order's name under the key ``order``: the one kind of context that a relay's
role may open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from chalicelib.aws import blobs
from chalicelib.core import vault
from chalicelib.kernel.secrets import Secret

if TYPE_CHECKING:
    from chalicelib.targets.ssh.requests import Login


class HostOrder(BaseModel):
    """One server of a chunk. Secrets are in clear here: this exists in memory and sealed, nowhere else.

    ``part_id`` 0: there is no part that keeps what comes of it.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    part_id: int = 0
    server_id: int
    hostname: str
    port: int
    username: str
    ssh_key: Secret | None = None
    passphrase: Secret | None = None
    password: Secret | None = None
    host_key: str | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Host name and port."""
        return (self.hostname, self.port)

    def login(self) -> Login:
        """The same as the SSH driver takes it."""
        from chalicelib.targets.ssh.requests import Login

        return Login(
            hostname=self.hostname,
            port=self.port,
            username=self.username,
            private_key=self.ssh_key,
            passphrase=self.passphrase,
            password=self.password,
            host_key=self.host_key,
        )


class ScriptOrder(BaseModel):
    """Run one script on the servers of one chunk. ``timeout_seconds`` is for each server; ``said_at``: when
    ``max_concurrent`` was the limit."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    execution_id: str
    attempt: int
    chunk: int
    script: str
    timeout_seconds: int
    max_concurrent: int
    said_at: str
    hosts: list[HostOrder]


class HealthOrder(BaseModel):
    """Look after the servers of one chunk, all of them."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    execution_id: str
    attempt: int
    chunk: int
    hosts: list[HostOrder]


def _in_clear(order: BaseModel) -> Secret:
    return Secret(order.model_dump_json(context={"reveal": True}))


def seal(name: str, order: BaseModel) -> str:
    return vault.seal(_in_clear(order), {"order": name})


def unseal(name: str, sealed: str) -> str:
    """The order's JSON."""
    return vault.unseal(sealed, {"order": name}).reveal()


def store(name: str, order: BaseModel) -> None:
    """``name`` begins with ``orders/``; the object goes by itself after a day."""
    blobs.put(name, seal(name, order).encode())


def load(name: str) -> str:
    return unseal(name, blobs.get(name).decode())
