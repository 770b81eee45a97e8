"""A kept connection: one transport that a few sessions share."""

from __future__ import annotations

import hashlib
import time

from chalicelib.targets.ssh.connect import same_key
from chalicelib.targets.ssh.requests import Login
from chalicelib.targets.ssh.transport import LeanTransport

Key = tuple[str, int, str, str]


def connection_key(login: Login) -> Key:
    """Who may share a connection: the same host, port, user and credentials (of these only a digest)."""
    secrets = (login.private_key, login.passphrase, login.password)
    digest = hashlib.sha256()
    for secret in secrets:
        value = b"" if secret is None else secret.reveal().encode(errors="surrogatepass")
        digest.update(b"%d:" % len(value) + value)
    return login.hostname, login.port, login.username, digest.hexdigest()


class Connection:
    """Born leased to whoever opened it; ``leases`` and ``limit`` are changed by the pool, under its lock."""

    def __init__(self, key: Key, transport: LeanTransport, host_key: str, limit: int) -> None:
        self.key = key
        self.transport = transport
        self.host_key = host_key
        self.leases = 1
        self.limit = limit
        self.idle_since = time.monotonic()

    def has_room_for(self, login: Login) -> bool:
        pinned = login.host_key
        return (
            self.leases < self.limit
            and self.transport.is_active()
            and (pinned is None or same_key(pinned, self.host_key))
        )

    def hang_up(self) -> None:
        self.transport.hang_up()
