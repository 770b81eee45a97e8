"""What goes wrong between us and a host, as typed errors in words for the person who reads them.

Every error's ``details`` holds ``started``: whether the script may have begun, so that the frame knows what
is safe to repeat.
"""

from __future__ import annotations

import errno
import socket

from chalicelib.kernel.errors import PermanentTargetError, TargetError, TransientTargetError
from chalicelib.targets.ssh.requests import Login

_NO_ROUTE = {errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTDOWN}


def transient(message: str, *, started: bool = False) -> TransientTargetError:
    return TransientTargetError(message, details={"started": started})


def permanent(message: str, *, started: bool = False) -> PermanentTargetError:
    return PermanentTargetError(message, details={"started": started})


def from_socket(login: Login, error: OSError) -> TargetError:
    """For an error of name look-up or of the TCP connection."""
    if isinstance(error, socket.gaierror):
        return _from_lookup(login, error)
    if isinstance(error, ConnectionRefusedError):
        return transient(f"{login.address} refused the connection: nothing listens on that port.")
    if isinstance(error, TimeoutError):
        return connect_timed_out(login)
    if error.errno in _NO_ROUTE:
        return transient(f"{login.address} cannot be reached: there is no route to the host.")
    return transient(f"{login.address} cannot be reached: {error.strerror or error}.")


def _from_lookup(login: Login, error: socket.gaierror) -> TargetError:
    if error.errno == socket.EAI_AGAIN:
        return transient(
            f"The name {login.hostname} could not be looked up: the name server does not answer."
        )
    return bad_name(login)


def bad_name(login: Login) -> TargetError:
    return permanent(f"The host name {login.hostname} was not found.")


def connect_timed_out(login: Login) -> TargetError:
    return transient(f"{login.address} did not answer: the connection timed out.")


def handshake_timed_out(login: Login) -> TargetError:
    return transient(f"{login.address} accepted the connection, but the SSH log-in timed out.")


def closed_early(login: Login) -> TargetError:
    return transient(
        f"{login.address} closed the connection before the log-in: "
        "its SSH server may be restarting, full, or not let our address in."
    )


def not_ssh(login: Login, what: str) -> TargetError:
    return permanent(f"{login.address} does not speak SSH as we do: {what}")


def changed_host_key(login: Login, old: str, new: str) -> TargetError:
    return permanent(
        f"The host key of {login.address} has changed: it was {old}, now it is {new}. "
        "No credentials were sent. "
        'If the host was rebuilt, PUT {"reset_host_key": true} to the server to accept the new key.'
    )


def bad_private_key(login: Login, reason: str) -> TargetError:
    return permanent(f"The private key for {login.username}@{login.address} cannot be used. {reason}")


def no_credentials(login: Login) -> TargetError:
    return permanent(f"There is no private key and no password to log in to {login.address}.")


def refused_login(login: Login, tried: list[str], accepted: list[str]) -> TargetError:
    """``tried``: words like "the private key (ed25519)"; ``accepted``: method names that the host gave."""
    ways = " and with ".join(tried)
    methods = f" It accepts: {', '.join(accepted)}." if accepted else ""
    return permanent(f"{login.address} refused the log-in of user {login.username} with {ways}.{methods}")


def lost(login: Login, *, started: bool) -> TargetError:
    rest = "the script may still be running there." if started else "nothing was run."
    return transient(f"The connection to {login.address} was lost; {rest}", started=started)


def no_session(login: Login, reason: str) -> TargetError:
    return permanent(f"{login.address} let us log in but opened no session: {reason}.")


def not_started(login: Login, said: str) -> TargetError:
    """``said`` is what the host wrote instead of starting the script."""
    words = f": {said}" if said else ", and the host did not say why."
    return permanent(f"The script could not be started on {login.address}{words}")


def start_timed_out(login: Login, seconds: float) -> TargetError:
    return transient(f"{login.address} did not get ready to run the script within {seconds:g} seconds.")


def not_stopped(login: Login, reason: str) -> TargetError:
    return permanent(f"The script on {login.address} could not be stopped: {reason}", started=True)


def no_health(login: Login, seconds: float) -> TargetError:
    return transient(f"{login.address} did not tell its health within {seconds:g} seconds.")


def no_terminal(login: Login) -> TargetError:
    return permanent(f"{login.address} let us log in but gave no terminal to user {login.username}.")


def terminal_lost(login: Login) -> TargetError:
    return transient(f"The connection to {login.address} was lost.", started=True)
