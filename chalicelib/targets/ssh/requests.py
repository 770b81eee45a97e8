"""What is asked of a host and what it answers. Imports nothing heavy, so anyone may use these types."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from chalicelib.kernel.secrets import Secret

Stream = Literal["stdout", "stderr"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class Login(_Frozen):
    """How to get into a host. With key and password both, the key is tried first.

    ``host_key`` is the pinned key as OpenSSH writes it (``ssh-ed25519 AAAA…``); ``None`` accepts whatever the
    host shows, and the caller pins what the result brings back.
    """

    hostname: str = Field(min_length=1)
    port: int = Field(default=22, ge=1, le=65535)
    username: str = Field(min_length=1)
    private_key: Secret | None = None
    passphrase: Secret | None = None
    password: Secret | None = None
    host_key: str | None = None

    @property
    def address(self) -> str:
        """``host:port`` for messages, with brackets around an IPv6 address."""
        host = f"[{self.hostname}]" if ":" in self.hostname else self.hostname
        return f"{host}:{self.port}"


class ScriptRun(_Frozen):
    """One script on one host. ``timeout_seconds`` counts from when the script starts there."""

    login: Login
    script: str
    timeout_seconds: int = Field(gt=0)


class ScriptResult(_Frozen):
    """How a script ended.

    ``exit_code`` is set whenever the script ended by itself or said a code while being stopped; ``signal`` is
    the name without ``SIG`` (``KILL``) when a signal ended it. ``output_bytes`` counts what was handed on,
    both streams together; ``output_dropped`` says that there was more.
    """

    outcome: Literal["exited", "signalled", "timed_out", "stopped"]
    exit_code: int | None
    signal: str | None = None
    host_key: str
    output_bytes: int
    output_dropped: bool


class HostHealth(_Frozen):
    """As measured on the host; ``None`` where it cannot be had there, never 0 as a stand-in.

    ``disk_usage`` (of ``/``) and ``memory_usage`` are percent, 0 to 100; ``system`` is like ``Linux 6.1.0``.
    """

    uptime_seconds: int | None
    load_1min: float | None
    disk_usage: float | None
    memory_usage: float | None
    host_key: str
    system: str | None
