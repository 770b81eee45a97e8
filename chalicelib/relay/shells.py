"""Opens a shell wherever an order says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from chalicelib.core.inventory import servers
from chalicelib.core.terminals.orders import InContainer, OnServer
from chalicelib.targets.kubernetes import shell as kubernetes
from chalicelib.targets.shells import Shell, Size
from chalicelib.targets.ssh import shell as ssh
from chalicelib.targets.ssh.pool import ConnectionPool


def open_shell(
    pool: ConnectionPool, where: OnServer | InContainer, size: Size
) -> AbstractContextManager[Shell]:
    """It hangs up on leaving. Raises TargetError."""
    if isinstance(where, OnServer):
        return _on_server(pool, where, size)
    return kubernetes.open_shell(where.request, size)


@contextmanager
def _on_server(pool: ConnectionPool, where: OnServer, size: Size) -> Iterator[Shell]:
    with ssh.open_shell(pool, where.login, size) as shell:
        if where.login.host_key is None:
            address = (where.login.hostname, where.login.port)
            servers.pin_host_key(where.server_id, address, shell.host_key)
        yield shell
