"""From a login to an authenticated connection, with the host's key checked before anything secret is sent."""

from __future__ import annotations

import base64
import hashlib
import socket
import threading
import time

import paramiko

from chalicelib.kernel.errors import TargetError
from chalicelib.targets.ssh import failures
from chalicelib.targets.ssh.login import authenticate
from chalicelib.targets.ssh.requests import Login
from chalicelib.targets.ssh.transport import LeanTransport

# Seconds. The kernel's probes find a host that vanished; the SSH ones keep stateful firewalls awake.
_TCP_PROBE_AFTER, _TCP_PROBE_EVERY, _TCP_PROBES = 15, 10, 3
_UNACKNOWLEDGED_MILLISECONDS = 45_000
_SSH_KEEPALIVE = 30


def connect(login: Login, key: paramiko.PKey | None, timeout: float) -> tuple[LeanTransport, str]:
    """The live connection and the host's key as ``type base64``. ``timeout`` seconds cover all of it.

    Raises TargetError: see :mod:`failures`.
    """
    deadline = time.monotonic() + timeout
    transport = LeanTransport(_dial(login, timeout))
    try:
        _prefer_pinned_type(transport, login.host_key)
        _shake_hands(transport, login, deadline)
        host_key = _checked_host_key(transport, login)
        authenticate(transport, login, key, deadline)
    except BaseException:
        transport.hang_up()
        raise
    transport.set_keepalive(_SSH_KEEPALIVE)
    return transport, host_key


def _dial(login: Login, timeout: float) -> socket.socket:
    try:
        sock = socket.create_connection((login.hostname, login.port), timeout)
    except UnicodeError as error:  # not a name that DNS can hold
        raise failures.bad_name(login) from error
    except OSError as error:
        raise failures.from_socket(login, error) from error
    for level, option, value in _socket_options():
        sock.setsockopt(level, option, value)
    return sock


def _socket_options() -> list[tuple[int, int, int]]:
    """What this platform has of: no delay for small packets, and noticing a dead peer within a minute."""
    wanted = [
        (socket.IPPROTO_TCP, "TCP_NODELAY", 1),
        (socket.SOL_SOCKET, "SO_KEEPALIVE", 1),
        (socket.IPPROTO_TCP, "TCP_KEEPIDLE", _TCP_PROBE_AFTER),
        (socket.IPPROTO_TCP, "TCP_KEEPINTVL", _TCP_PROBE_EVERY),
        (socket.IPPROTO_TCP, "TCP_KEEPCNT", _TCP_PROBES),
        (socket.IPPROTO_TCP, "TCP_USER_TIMEOUT", _UNACKNOWLEDGED_MILLISECONDS),
    ]
    return [(level, getattr(socket, name), value) for level, name, value in wanted if hasattr(socket, name)]


def _prefer_pinned_type(transport: LeanTransport, pinned: str | None) -> None:
    """A host may have several keys; ask for the kind that we know, or it would look changed."""
    if pinned is None:
        return
    kind = pinned.split()[0]
    options = transport.get_security_options()
    ours = {"rsa-sha2-512", "rsa-sha2-256"} if kind == "ssh-rsa" else {kind}
    options.key_types = sorted(options.key_types, key=lambda name: name not in ours)


def _shake_hands(transport: LeanTransport, login: Login, deadline: float) -> None:
    done = threading.Event()
    transport.start_client(event=done)
    if not done.wait(deadline - time.monotonic()):
        raise failures.handshake_timed_out(login)
    if not transport.is_active():
        raise _handshake_failure(login, transport.get_exception())


def _handshake_failure(login: Login, error: Exception | None) -> TargetError:
    """paramiko wraps whatever happens before the banner in an SSHException with the cause as context."""
    cause = error.__context__ if isinstance(error, paramiko.SSHException) and error.__context__ else error
    if cause is None or isinstance(cause, EOFError | OSError):
        return failures.closed_early(login)
    return failures.not_ssh(login, f"{error}.")


def _checked_host_key(transport: LeanTransport, login: Login) -> str:
    key = transport.get_remote_server_key()
    shown = f"{key.get_name()} {key.get_base64()}"
    if login.host_key is not None and not same_key(login.host_key, shown):
        raise failures.changed_host_key(login, fingerprint(login.host_key), fingerprint(shown))
    return shown


def same_key(one: str, other: str) -> bool:
    """Compares type and key; a comment behind them does not count."""
    return one.split()[:2] == other.split()[:2]


def fingerprint(host_key: str) -> str:
    """``ed25519 SHA256:…`` as ``ssh-keygen -l`` shows it; for text that is no key, says so."""
    try:
        kind, blob = host_key.split()[:2]
        digest = hashlib.sha256(base64.b64decode(blob, validate=True)).digest()
    except ValueError:
        return "a stored key that cannot be read"
    return f"{kind.removeprefix('ssh-')} SHA256:{base64.b64encode(digest).decode().rstrip('=')}"
