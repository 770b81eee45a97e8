"""Proving who we are to a host whose key was checked: the key straight away, then the password."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import paramiko

from chalicelib.kernel.errors import TargetError
from chalicelib.targets.ssh import failures
from chalicelib.targets.ssh.requests import Login
from chalicelib.targets.ssh.transport import LeanTransport

_INTERACTIVE = "keyboard-interactive"


def authenticate(transport: LeanTransport, login: Login, key: paramiko.PKey | None, deadline: float) -> None:
    """Raises TargetError when no way in is left."""
    attempt = _Attempt(transport, login, deadline)
    if key is not None and attempt.with_key(key):
        return
    if login.password is not None and attempt.with_password(login.password.reveal()):
        return
    raise attempt.refusal()


class _Attempt:
    """The ways tried so far on one connection, and what the host said to them."""

    def __init__(self, transport: LeanTransport, login: Login, deadline: float) -> None:
        self._transport = transport
        self._login = login
        self._deadline = deadline
        self._tried: list[str] = []
        self._accepted: list[str] = []

    def with_key(self, key: paramiko.PKey) -> bool:
        kind = key.get_name().removeprefix("ssh-")
        self._tried.append(f"the private key ({kind})")
        return self._ask(lambda event: self._transport.auth_publickey(self._login.username, key, event))

    def with_password(self, password: str) -> bool:
        self._tried.append("the password")
        if self._ask(
            lambda event: self._transport.auth_password(self._login.username, password, event, fallback=False)
        ):
            return True
        # Many PAM set-ups take a password by this method alone.
        return (
            _INTERACTIVE in self._accepted and "password" not in self._accepted and self._by_prompt(password)
        )

    def _by_prompt(self, password: str) -> bool:
        def answer(_title: str, _instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
            return [password] if len(prompts) == 1 else ["" for _ in prompts]

        handler: Any = answer

        # paramiko's public auth_interactive has no event and would poll.
        def start(event: threading.Event) -> None:
            self._transport.auth_handler = paramiko.auth_handler.AuthHandler(self._transport)
            self._transport.auth_handler.auth_interactive(self._login.username, handler, event)

        return self._ask(start)

    def _ask(self, start: Callable[[threading.Event], Any]) -> bool:
        answered = threading.Event()
        try:
            start(answered)
        except (paramiko.SSHException, EOFError, OSError) as error:
            raise failures.closed_early(self._login) from error
        if not answered.wait(self._deadline - time.monotonic()):
            raise failures.handshake_timed_out(self._login)
        if self._transport.is_authenticated():
            return True
        self._note(self._transport.get_exception())
        return False

    def _note(self, error: Exception | None) -> None:
        if isinstance(error, paramiko.BadAuthenticationType | paramiko.ssh_exception.PartialAuthentication):
            self._accepted = list(error.allowed_types)
        elif isinstance(error, paramiko.AuthenticationException):
            self._accepted = []
        elif not self._transport.is_active():
            raise failures.closed_early(self._login) from error

    def refusal(self) -> TargetError:
        return failures.refused_login(self._login, self._tried, self._accepted)
