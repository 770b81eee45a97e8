"""End a script for good: its whole process group, verified on the host."""

from __future__ import annotations

import contextlib
import secrets
import time

import paramiko

from chalicelib.kernel.errors import TargetError
from chalicelib.targets.ssh import failures, programs
from chalicelib.targets.ssh.announcement import Ready
from chalicelib.targets.ssh.answer import ask
from chalicelib.targets.ssh.pool import ConnectionPool, Lease
from chalicelib.targets.ssh.requests import Login

# The program on the host takes about 4 s at most (2 of grace, 2 of looking).
_SECONDS = 20


def stop_script(pool: ConnectionPool, lease: Lease, login: Login, ready: Ready) -> None:
    """TERM, then KILL, by a second session, while the script's own stays open. Returns when all are gone.

    Raises TargetError when they are not, or when nobody could look.
    """
    nonce = secrets.token_hex(16)
    question = programs.with_parameters(programs.STOP, nonce, str(ready.group), ready.directory)
    try:
        with pool.second_session(lease, login) as session:
            lines = ask(
                session,
                question,
                nonce,
                last=(f"{nonce} gone", f"{nonce} left"),
                deadline=time.monotonic() + _SECONDS,
            )
    except TargetError as error:
        raise failures.not_stopped(login, error.message) from error
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise failures.lost(login, started=True) from error
    if not lines:
        raise failures.not_stopped(login, "the host did not say whether its processes are gone.")
    if lines[-1].endswith("left"):
        raise failures.not_stopped(
            login, f"processes of its group {ready.group} remain, perhaps under another user."
        )


def tidy(pool: ConnectionPool, lease: Lease, login: Login, ready: Ready) -> None:
    """Remove the script's file after a KILL, which may have hit its caretaker too. Done as well as may be."""
    nonce = secrets.token_hex(16)
    question = programs.with_parameters(programs.TIDY, nonce, ready.directory)
    with contextlib.suppress(TargetError), pool.second_session(lease, login) as session:
        ask(session, question, nonce, last=(f"{nonce} tidy",), deadline=time.monotonic() + _SECONDS)
