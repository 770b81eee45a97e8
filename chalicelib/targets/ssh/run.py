"""Run a script on one host, its output handed on as it comes."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from typing import Literal

import paramiko

from chalicelib.targets.ssh import failures, programs
from chalicelib.targets.ssh.announcement import Announcement, Ready
from chalicelib.targets.ssh.pool import ConnectionPool, Lease
from chalicelib.targets.ssh.requests import Login, ScriptResult, ScriptRun, Stream
from chalicelib.targets.ssh.scripts import Prepared, prepare
from chalicelib.targets.ssh.session import Session
from chalicelib.targets.ssh.stop import stop_script, tidy

OnOutput = Callable[[Stream, bytes], None]
OnStarted = Callable[[str], None]

DEFAULT_OUTPUT_LIMIT = 100 * 1024 * 1024

# Seconds between looks at the stop event while a script is silent. An Event cannot be waited for together
# with output; while output flows it is looked at with every chunk.
_LOOK_AT_STOP = 0.25
# The host has this long (seconds) to have the script on its disk, besides its transfer at a slow 64 KiB/s.
_START_SECONDS, _START_BYTES_PER_SECOND = 30, 64 * 1024
# A process that the script left behind may hold its output open for ever. After the script's own end we wait
# for what is still on its way: at most so long without a byte, so long altogether, and so much.
_QUIET_SECONDS, _DRAIN_SECONDS, _DRAIN_BYTES = 1.0, 2.0, 8 * 1024 * 1024

_WIRE_ERRORS = (paramiko.SSHException, EOFError, OSError)
_Cause = Literal["stopped", "timed_out"]


def run_script(
    pool: ConnectionPool,
    run: ScriptRun,
    *,
    on_output: OnOutput,
    stop: threading.Event,
    on_started: OnStarted | None = None,
    output_limit_bytes: int = DEFAULT_OUTPUT_LIMIT,
) -> ScriptResult:
    """Run it to its end. Raises TargetError, whose ``details["started"]`` says if it may have begun.

    ``on_output(stream, data)`` is called from this thread in the order of arrival, with at most 64 KiB, and
    may block: the host then waits, and so does the look at ``stop``. What it raises stops the script and is
    raised here. ``on_started(host_key)`` is called once, when the script begins. Setting ``stop`` ends the
    script's process group (TERM, two seconds, KILL); set before it begins, nothing is run. Output past
    ``output_limit_bytes`` is dropped while the script goes on.
    """
    if stop.is_set():
        return _never_ran(run.login.host_key or "")
    script = prepare(run.script)
    with pool.session(run.login) as lease:
        try:
            ready = _get_ready(lease, run.login, script)
            if stop.is_set():
                return _never_ran(lease.host_key)
            _go(lease.session, script, ready)
        except _WIRE_ERRORS as error:
            raise failures.lost(run.login, started=False) from error
        if on_started:
            on_started(lease.host_key)
        return _Watch(pool, lease, run, ready, _Output(on_output, output_limit_bytes)).until_the_end(stop)


def _never_ran(host_key: str) -> ScriptResult:
    return ScriptResult(
        outcome="stopped", exit_code=None, host_key=host_key, output_bytes=0, output_dropped=False
    )


def _get_ready(lease: Lease, login: Login, script: Prepared) -> Ready:
    """Have the host make everything ready to run. Raises TargetError, or what paramiko raises."""
    nonce = secrets.token_hex(16)
    way, body = ("brief", b"") if script.is_brief else ("file", script.body)
    size = len(script.body)
    parameters = programs.with_parameters(
        programs.RUN, nonce, way, str(size), script.interpreter, script.argument
    )
    lease.session.execute(programs.BOOT, parameters + body)
    return _hear(
        lease.session, login, script, Announcement(nonce), _START_SECONDS + size / _START_BYTES_PER_SECOND
    )


def _hear(
    session: Session, login: Login, script: Prepared, announcement: Announcement, seconds: float
) -> Ready:
    deadline, sent = time.monotonic() + seconds, False
    while (remaining := deadline - time.monotonic()) > 0:
        got = session.read(remaining)
        if got:
            announcement.feed(*got)
        if announcement.ready:
            return announcement.ready
        if announcement.failure:
            raise failures.not_started(login, announcement.failure)
        if announcement.wants_more and not sent:
            session.send(script.body)
            sent = True
        if not session.connected:
            raise failures.lost(login, started=False)
        if session.drained:
            raise failures.not_started(login, announcement.said)
    raise failures.start_timed_out(login, seconds)


def _go(session: Session, script: Prepared, ready: Ready) -> None:
    """From here on the script may have begun."""
    if ready.directory:
        session.send(b"go\n")
    else:
        session.send(b"go\n" + script.body)
        session.send_end()


class _Output:
    """Hands output on, up to the limit."""

    def __init__(self, on_output: OnOutput, limit: int) -> None:
        self._on_output = on_output
        self._limit = limit
        self.handed_on = 0
        self.dropped = False

    def take(self, stream: Stream, data: bytes) -> None:
        fitting = data[: self._limit - self.handed_on]
        self.dropped = self.dropped or len(fitting) < len(data)
        if fitting:
            self.handed_on += len(fitting)
            self._on_output(stream, fitting)


class _Watch:
    """A script that runs, until it does not."""

    def __init__(
        self, pool: ConnectionPool, lease: Lease, run: ScriptRun, ready: Ready, output: _Output
    ) -> None:
        self._pool = pool
        self._lease = lease
        self._session = lease.session
        self._run = run
        self._ready = ready
        self._output = output
        self._deadline = time.monotonic() + run.timeout_seconds

    def until_the_end(self, stop: threading.Event) -> ScriptResult:
        try:
            cause = self._follow(stop)
            if cause:
                self._stop()
            self._drain()
            if self._session.signal == "KILL" and self._ready.directory and not cause:
                tidy(self._pool, self._lease, self._run.login, self._ready)
        except _WIRE_ERRORS as error:
            if self._session.connected:
                raise  # it came from on_output
            raise failures.lost(self._run.login, started=True) from error
        if self._session.lost and not cause:
            raise failures.lost(self._run.login, started=True)
        return self._result(cause)

    def _follow(self, stop: threading.Event) -> _Cause | None:
        """Hand on output until the script's process ends, or there is a cause to end it."""
        while not self._session.ended:
            if stop.is_set():
                return "stopped"
            remaining = self._deadline - time.monotonic()
            if remaining <= 0:
                return "timed_out"
            self._hand_on(min(_LOOK_AT_STOP, remaining))
        return None

    def _hand_on(self, timeout: float) -> int:
        """The number of bytes that came within ``timeout`` seconds."""
        got = self._session.read(timeout)
        if got is None:
            return 0
        try:
            self._output.take(*got)
        except BaseException:
            self._stop()
            raise
        return len(got[1])

    def _stop(self) -> None:
        stop_script(self._pool, self._lease, self._run.login, self._ready)

    def _drain(self) -> None:
        waited, taken = 0.0, 0
        while not self._session.drained and waited < _DRAIN_SECONDS and taken < _DRAIN_BYTES:
            began = time.monotonic()
            got = self._session.read(_QUIET_SECONDS)
            waited += time.monotonic() - began
            if got is None and waited >= _QUIET_SECONDS:
                return
            if got:
                taken += len(got[1])
                self._output.take(*got)

    def _result(self, cause: _Cause | None) -> ScriptResult:
        signal = self._session.signal
        return ScriptResult(
            outcome=cause or ("signalled" if signal else "exited"),
            exit_code=self._session.exit_code,
            signal=signal,
            host_key=self._lease.host_key,
            output_bytes=self._output.handed_on,
            output_dropped=self._output.dropped,
        )
