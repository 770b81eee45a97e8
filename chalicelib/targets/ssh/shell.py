"""A log-in shell on a server, on a terminal of its own: a :class:`~chalicelib.targets.shells.Shell`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import paramiko

from chalicelib.kernel.errors import TargetError
from chalicelib.targets.shells import TERMINAL, Size
from chalicelib.targets.ssh import failures
from chalicelib.targets.ssh.pool import ConnectionPool, Lease
from chalicelib.targets.ssh.requests import Login

_PATIENCE = 0.5
"""Seconds that one write waits for a host that takes nothing, so that its thread can still be ended."""
_WIRE_ERRORS = (paramiko.SSHException, EOFError, OSError)


class ServerShell:
    """Over a connection that is kept."""

    def __init__(self, login: Login, lease: Lease) -> None:
        self._login = login
        self._lease = lease
        self._session = lease.session
        self._heard = False

    @property
    def host_key(self) -> str:
        return self._lease.host_key

    def read(self, seconds: float) -> bytes:
        try:
            got = self._session.read(seconds)
        except _WIRE_ERRORS as error:
            raise failures.terminal_lost(self._login) from error
        self._heard = self._heard or got is not None
        return got[1] if got else b""

    def write(self, keys: bytes) -> int:
        if self.ended:  # its channel is open for a moment longer, and would take them for nobody
            return 0
        try:
            return self._session.send_some(keys)
        except _WIRE_ERRORS as error:
            if self.ended:
                return 0
            raise failures.terminal_lost(self._login) from error

    def resize(self, size: Size) -> None:
        if self.ended:
            return
        bounded = size.within_bounds()
        try:
            self._session.resize(bounded.columns, bounded.rows)
        except _WIRE_ERRORS as error:
            if not self.ended:
                raise failures.terminal_lost(self._login) from error

    @property
    def ended(self) -> bool:
        return self._session.ended

    @property
    def drained(self) -> bool:
        return self._session.drained

    @property
    def exit_code(self) -> int | None:
        return self._session.exit_code

    @property
    def signal(self) -> str | None:
        return self._session.signal

    def failure(self) -> TargetError | None:
        if not self._session.lost:
            return None
        if self._session.connected and not self._heard:
            return failures.no_terminal(self._login)
        return failures.terminal_lost(self._login)


@contextmanager
def open_shell(pool: ConnectionPool, login: Login, size: Size) -> Iterator[ServerShell]:
    """A shell on a kept or new connection; its terminal hangs up on leaving. Raises TargetError."""
    bounded = size.within_bounds()
    with pool.session(login) as lease:
        try:
            lease.session.set_patience(_PATIENCE)
            lease.session.open_terminal(TERMINAL, bounded.columns, bounded.rows)
        except _WIRE_ERRORS as error:
            raise failures.terminal_lost(login) from error
        yield ServerShell(login, lease)
