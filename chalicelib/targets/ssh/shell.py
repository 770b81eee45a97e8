"""A log-in shell on a terminal of its own: keys in, the screen's bytes out, until one side ends it.

Nobody waits here for the person: ``read`` returns after its time, and ``write`` says how much the host took.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import paramiko

from chalicelib.kernel.errors import TargetError
from chalicelib.targets.ssh import failures
from chalicelib.targets.ssh.pool import ConnectionPool, Lease
from chalicelib.targets.ssh.requests import Login

TERMINAL = "xterm-256color"
SMALLEST, LARGEST = 1, 1000
"""Columns and rows are cut to these."""

_PATIENCE = 0.5
"""Seconds that one write waits for a host that takes nothing, so that its thread can still be ended."""
_WIRE_ERRORS = (paramiko.SSHException, EOFError, OSError)


@dataclass(frozen=True)
class Size:
    columns: int = 80
    rows: int = 24

    def within_bounds(self) -> Size:
        columns, rows = (max(SMALLEST, min(LARGEST, each)) for each in (self.columns, self.rows))
        return Size(columns, rows)


class Shell:
    """Read by one thread, written to by another. Raises TargetError when the connection breaks."""

    def __init__(self, login: Login, lease: Lease) -> None:
        self._login = login
        self._lease = lease
        self._session = lease.session
        self._heard = False

    @property
    def host_key(self) -> str:
        return self._lease.host_key

    def read(self, seconds: float) -> bytes:
        """What the screen shows next, at most 64 KiB; empty after ``seconds`` without, or at the end."""
        try:
            got = self._session.read(seconds)
        except _WIRE_ERRORS as error:
            raise failures.terminal_lost(self._login) from error
        self._heard = self._heard or got is not None
        return got[1] if got else b""

    def write(self, keys: bytes) -> int:
        """How many of the first bytes the host took; 0 when it takes none now, or the shell has ended."""
        if self.ended:  # its channel is open for a moment longer, and would take them for nobody
            return 0
        try:
            return self._session.send_some(keys)
        except _WIRE_ERRORS as error:
            if self.ended:
                return 0
            raise failures.terminal_lost(self._login) from error

    def resize(self, size: Size) -> None:
        """Nothing to do once the shell has ended."""
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
        """The shell is gone; there may still be something to read."""
        return self._session.ended

    @property
    def drained(self) -> bool:
        return self._session.drained

    @property
    def exit_code(self) -> int | None:
        return self._session.exit_code

    @property
    def signal(self) -> str | None:
        """Name, without SIG, of the signal that ended the shell."""
        return self._session.signal

    def failure(self) -> TargetError | None:
        """Why it ended, when it was not the shell that ended."""
        if not self._session.lost:
            return None
        if self._session.connected and not self._heard:
            return failures.no_terminal(self._login)
        return failures.terminal_lost(self._login)


@contextmanager
def open_shell(pool: ConnectionPool, login: Login, size: Size) -> Iterator[Shell]:
    """A shell on a kept or new connection; its terminal hangs up on leaving. Raises TargetError."""
    bounded = size.within_bounds()
    with pool.session(login) as lease:
        try:
            lease.session.set_patience(_PATIENCE)
            lease.session.open_terminal(TERMINAL, bounded.columns, bounded.rows)
        except _WIRE_ERRORS as error:
            raise failures.terminal_lost(login) from error
        yield Shell(login, lease)
