"""How to log in to a server, from its record and its secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.core.inventory import servers
from chalicelib.core.inventory.servers import Server

if TYPE_CHECKING:
    from chalicelib.targets.ssh.requests import Login


def of(server: Server) -> Login:
    """Opens the secret."""
    from chalicelib.targets.ssh.requests import Login  # most operations of a surface log in nowhere

    known = servers.credentials(int(server.id)).for_login(server.auth_type)
    return Login(
        hostname=server.hostname,
        port=int(server.port),
        username=server.username,
        private_key=known.ssh_key,
        passphrase=known.passphrase,
        password=known.password,
        host_key=server.host_key,
    )
