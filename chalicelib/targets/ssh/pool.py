"""Connections kept open between runs, because the key exchange is most of what a short script costs."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass

import paramiko

from chalicelib.kernel.errors import TargetError
from chalicelib.targets.ssh import failures
from chalicelib.targets.ssh.connect import connect
from chalicelib.targets.ssh.connection import Connection, Key, connection_key
from chalicelib.targets.ssh.keyring import Keyring
from chalicelib.targets.ssh.requests import Login
from chalicelib.targets.ssh.session import Session

_PROBE_SECONDS = 5
_SESSION_ERRORS = (paramiko.SSHException, EOFError, OSError)


@dataclass(frozen=True)
class Lease:
    """A session to use, and the connection that it runs on."""

    connection: Connection
    session: Session

    @property
    def host_key(self) -> str:
        return self.connection.host_key


class ConnectionPool:
    """Thread-safe. One for the life of a process; ``close`` hangs up on everything.

    ``sessions_per_connection`` stays below OpenSSH's MaxSessions of 10, so that there is room for the session
    that stops a script. More runs at once on one host get further connections. ``max_connections`` is what is
    kept: connections in use are never refused for it, idle ones are closed for it, the longest idle first.
    """

    def __init__(
        self,
        max_idle_seconds: float = 300,
        max_connections: int = 512,
        connect_timeout: float = 15,
        sessions_per_connection: int = 4,
    ) -> None:
        self.connect_timeout = connect_timeout
        self._max_idle = max_idle_seconds
        self._max_connections = max_connections
        self._sessions = sessions_per_connection
        self._keyring = Keyring()
        self._lock = threading.Lock()
        self._connections: dict[Key, list[Connection]] = {}
        self._dialling: dict[tuple[Key, str | None], Future[Connection]] = {}
        self._reaper: threading.Timer | None = None
        self._closed = False

    # ------------------------------------------------------------------ use

    @contextmanager
    def session(self, login: Login) -> Iterator[Lease]:
        """A fresh session on a kept or new connection. Raises TargetError when there is none to be had.

        A kept connection that turns out to be dead is replaced once, here, before anything was sent on it.
        """
        lease = self._open(login)
        try:
            yield lease
        finally:
            lease.session.close()
            self._give_back(lease.connection)

    @contextmanager
    def second_session(self, lease: Lease, login: Login) -> Iterator[Session]:
        """Another session to the same host: on the same connection, or on another where that is full."""
        try:
            session = Session(lease.connection.transport, self.connect_timeout)
        except _SESSION_ERRORS as error:
            if not lease.connection.transport.is_active():
                raise failures.lost(login, started=True) from error
            with self.session(login) as other:
                yield other.session
            return
        try:
            yield session
        finally:
            session.close()

    def close(self) -> None:
        """Hang up on every connection, those in use too. The pool refuses further use."""
        with self._lock:
            self._closed = True
            everything = [each for group in self._connections.values() for each in group]
            self._connections.clear()
            if self._reaper:
                self._reaper.cancel()
        for connection in everything:
            connection.hang_up()

    def __len__(self) -> int:
        """How many connections are open."""
        with self._lock:
            return sum(map(len, self._connections.values()))

    # ------------------------------------------------------------------ a session on some connection

    def _open(self, login: Login) -> Lease:
        connection, kept = self._lease(login)
        # A kept connection that is dead without a word shall not cost the whole time to connect.
        timeout = min(_PROBE_SECONDS, self.connect_timeout) if kept else self.connect_timeout
        try:
            return Lease(connection, Session(connection.transport, timeout))
        except _SESSION_ERRORS as error:
            alone = self._set_aside(connection)
            if alone and not kept:
                raise _why_no_session(login, error) from error
        return self._open_on_new(login)

    def _open_on_new(self, login: Login) -> Lease:
        connection = self._dial(login)
        try:
            return Lease(connection, Session(connection.transport, self.connect_timeout))
        except _SESSION_ERRORS as error:
            self._set_aside(connection)
            raise _why_no_session(login, error) from error

    def _set_aside(self, connection: Connection) -> bool:
        """It gave us no session. Whether nobody else was on it: then it is hung up.

        Others may be using it well (the host's MaxSessions), so else it only takes no more than it has now.
        """
        with self._lock:
            connection.leases -= 1
            connection.limit = connection.leases
            alone = connection.leases == 0
            if alone:
                self._forget(connection)
        if alone:
            connection.hang_up()
        return alone

    # ------------------------------------------------------------------ connections

    def _lease(self, login: Login) -> tuple[Connection, bool]:
        """A connection with one lease more, and whether it was kept from before."""
        key = connection_key(login)
        while True:
            with self._lock:
                kept = self._kept(key, login)
                if kept:
                    return kept, True
                dialling = self._dialling.get((key, login.host_key))
                mine = dialling is None
                if dialling is None:
                    dialling = self._dialling[key, login.host_key] = Future()
            if mine:
                return self._dial_for_all(login, key, dialling), False
            dialling.result()  # those who asked meanwhile share the answer, good or bad

    def _kept(self, key: Key, login: Login) -> Connection | None:
        for connection in self._connections.get(key, ()):
            if connection.has_room_for(login):
                connection.leases += 1
                return connection
        return None

    def _dial_for_all(self, login: Login, key: Key, dialling: Future[Connection]) -> Connection:
        try:
            connection = self._dial(login)
        except BaseException as error:
            self._end_dialling(login, key)
            dialling.set_exception(error)
            raise
        self._end_dialling(login, key)
        dialling.set_result(connection)
        return connection

    def _end_dialling(self, login: Login, key: Key) -> None:
        with self._lock:
            del self._dialling[key, login.host_key]

    def _dial(self, login: Login) -> Connection:
        """A new connection, leased to the caller. Raises TargetError."""
        if login.private_key is None and login.password is None:
            raise failures.no_credentials(login)
        try:
            private_key = self._keyring.load(login)
        except ValueError as error:
            raise failures.bad_private_key(login, str(error)) from error
        transport, host_key = connect(login, private_key, self.connect_timeout)
        connection = Connection(connection_key(login), transport, host_key, self._sessions)
        with self._lock:
            if not self._closed:
                self._connections.setdefault(connection.key, []).append(connection)
                return connection
        connection.hang_up()
        raise failures.lost(login, started=False)

    def _give_back(self, connection: Connection) -> None:
        with self._lock:
            connection.leases -= 1
            connection.idle_since = time.monotonic()
        self._prune()

    def _forget(self, connection: Connection) -> None:
        group = self._connections.get(connection.key, [])
        if connection in group:
            group.remove(connection)
        if not group:
            self._connections.pop(connection.key, None)

    # ------------------------------------------------------------------ idle ones

    def _prune(self) -> None:
        """Hang up on what is dead, idle for too long, or too many; look again when the next may be."""
        with self._lock:
            idle = [each for group in self._connections.values() for each in group if each.leases == 0]
            idle.sort(key=lambda each: each.idle_since)
            surplus = sum(map(len, self._connections.values())) - self._max_connections
            oldest = time.monotonic() - self._max_idle
            done = [
                each
                for rank, each in enumerate(idle)
                if rank < surplus or each.idle_since <= oldest or not each.transport.is_active()
            ]
            for connection in done:
                self._forget(connection)
            if len(idle) > len(done) and not self._closed:
                self._look_again(idle[len(done)].idle_since - oldest)
        for connection in done:
            connection.hang_up()

    def _look_again(self, seconds: float) -> None:
        if self._reaper and self._reaper.is_alive() and self._reaper is not threading.current_thread():
            return
        self._reaper = threading.Timer(max(seconds, 0.05), self._prune)
        self._reaper.daemon = True
        self._reaper.start()


def _why_no_session(login: Login, error: Exception) -> TargetError:
    if isinstance(error, paramiko.ChannelException):
        return failures.no_session(login, error.text)
    return failures.lost(login, started=False)
