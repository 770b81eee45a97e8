"""A server as a relay is told of it."""

from __future__ import annotations

from chalicelib.core.inventory.servers import Credentials, Server
from chalicelib.core.relays.orders import HostOrder


def host_order(server: Server, secrets: Credentials, part_id: int = 0) -> HostOrder:
    """Of the secrets, those that its way to log in asks for."""
    known = secrets.for_login(server.auth_type)
    return HostOrder(
        part_id=part_id,
        server_id=int(server.id),
        hostname=server.hostname,
        port=int(server.port),
        username=server.username,
        ssh_key=known.ssh_key,
        passphrase=known.passphrase,
        password=known.password,
        host_key=server.host_key,
    )
