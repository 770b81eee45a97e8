"""paramiko's Transport, made light: what it does for a busy server or an old peer costs at every connection.

Kept to paramiko 5.1, because this leans on a few of its protected names; the tests on a real sshd hold them.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from typing import Any

import paramiko
from paramiko.common import MSG_CHANNEL_REQUEST
from paramiko.packet import Packetizer

# paramiko logs every failure with a traceback, each of which we turn into a typed error anyway.
# To watch the protocol, set this logger's level to DEBUG.
WIRE_LOG = "chalicelib.targets.ssh.wire"
_wire = logging.getLogger(WIRE_LOG)
_wire.setLevel(logging.CRITICAL + 1)

# An idle transport thread wakes up this often (seconds). paramiko's 0.1 would make
# 500 kept connections cost a core.
_WAKE_SECONDS = 2.0

_REFUSALS = (paramiko.ChannelException, paramiko.AuthenticationException)
"""What a host says no with, while the connection lives on."""


class ExitNotice(threading.Event):
    """Takes the place of a channel's ``status_event``: tells ``on_set`` and keeps the name of a signal."""

    def __init__(self, on_set: Any) -> None:
        super().__init__()
        self.signal: str | None = None
        self._on_set = on_set

    def set(self) -> None:
        super().set()
        self._on_set()


def _handle_channel_request(channel: Any, message: Any) -> None:
    """paramiko ignores ``exit-signal`` (RFC 4254, 6.10); everything else is left to it."""
    if message.get_text() != "exit-signal":
        message.rewind()
        message.get_int()
        paramiko.Channel._handle_request(channel, message)  # type: ignore[attr-defined]
        return
    message.get_boolean()
    notice = channel.status_event
    if isinstance(notice, ExitNotice):
        notice.signal = message.get_text()
    notice.set()


class _LeanPacketizer(Packetizer):
    """Without a timer thread for each handshake: who connects holds the deadline and closes the socket."""

    def start_handshake(self, timeout: float) -> None:
        """Nothing to do."""


class LeanTransport(paramiko.Transport):
    """One SSH connection; ``hang_up`` ends it at once from any thread."""

    _active_check_timeout = _WAKE_SECONDS
    # Seen on 60 MB: AES-GCM takes 0.6 of the processor time of paramiko's first choice, AES-CTR with HMAC.
    _preferred_ciphers = tuple(
        sorted(paramiko.Transport._preferred_ciphers, key=lambda name: "gcm" not in name)  # type: ignore[attr-defined]
    )
    _preferred_kex = tuple(
        sorted(paramiko.Transport._preferred_kex, key=lambda name: not name.startswith("curve25519"))  # type: ignore[attr-defined]
    )
    _channel_handler_table = {  # noqa: RUF012  (paramiko's own is a class attribute too)
        **paramiko.Transport._channel_handler_table,  # type: ignore[attr-defined]
        MSG_CHANNEL_REQUEST: _handle_channel_request,
    }

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock, packetizer_class=_LeanPacketizer)
        self.set_log_channel(WIRE_LOG)

    def _log(self, level: int, msg: Any, *args: Any) -> None:
        if _wire.isEnabledFor(level):
            super()._log(level, msg, *args)  # type: ignore[misc]

    def is_active(self) -> bool:
        """paramiko tells the channels that the connection is gone before it says so itself: whom a channel's
        end woke would still find the connection well, and look for a reason elsewhere."""
        return super().is_active() and not self._is_failing

    @property
    def _is_failing(self) -> bool:
        """What broke the connection is noted first of all, where answers to requests are noted too."""
        noted = self.saved_exception
        return noted is not None and not isinstance(noted, _REFUSALS)

    def hang_up(self) -> None:
        """Shut the socket first: that wakes the reading thread now instead of at its next timeout."""
        with contextlib.suppress(OSError):  # the other side was faster
            self.sock.shutdown(socket.SHUT_RDWR)
        self.close()
