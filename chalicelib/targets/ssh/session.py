"""One command on a host: a channel of a connection, with its input, its output in order, and its end."""

from __future__ import annotations

from typing import Any

from paramiko import Message
from paramiko.common import cMSG_CHANNEL_REQUEST

from chalicelib.targets.ssh.inbox import Inbox, Side
from chalicelib.targets.ssh.requests import Stream
from chalicelib.targets.ssh.transport import ExitNotice, LeanTransport

MAX_CHUNK = 64 * 1024


class Session:
    """Raises what paramiko raises (SSHException, EOFError, OSError); the callers know what it means."""

    def __init__(self, transport: LeanTransport, timeout: float) -> None:
        """Opens the channel; nothing runs yet. ``timeout`` in seconds, also for each later send."""
        self._inbox = Inbox()
        self._exit = ExitNotice(self._inbox.poke)
        self._transport = transport
        self._channel: Any = transport.open_session(timeout=timeout)
        self._channel.settimeout(timeout)
        self._attach()

    def _attach(self) -> None:
        channel = self._channel
        channel.in_buffer = Side(self._inbox, "stdout")
        channel.in_stderr_buffer = Side(self._inbox, "stderr")
        channel.status_event = self._exit
        if channel.closed:  # it died between being opened and being ours
            self._inbox.close()
            self._exit.set()

    def execute(self, command: str, stdin: bytes) -> None:
        """Start ``command`` and send ``stdin`` behind it, without waiting for the host's yes.

        A no closes the channel, which shows as an end without exit status.
        """
        self._ask("exec", command)
        self.send(stdin)

    def open_terminal(self, kind: str, columns: int, rows: int) -> None:
        """A pseudo-terminal and the log-in shell on it, without waiting for the host's yes: as above."""
        self._ask("pty-req", kind, columns, rows, 0, 0, b"")
        self._ask("shell")

    def resize(self, columns: int, rows: int) -> None:
        self._channel.resize_pty(columns, rows)

    def _ask(self, what: str, *fields: str | bytes | int) -> None:
        message = Message()
        message.add_byte(cMSG_CHANNEL_REQUEST)
        message.add_int(self._channel.remote_chanid)
        message.add_string(what)
        message.add_boolean(True)
        for field in fields:
            if isinstance(field, int):
                message.add_int(field)
            else:
                message.add_string(field)
        self._transport._send_user_message(message)  # type: ignore[attr-defined]

    def set_patience(self, seconds: float) -> None:
        """How long a send may wait for the host to take something."""
        self._channel.settimeout(seconds)

    def send_some(self, data: bytes) -> int:
        """How many of the first bytes went out; 0 when the host took none within the time for a send."""
        try:
            sent: int = self._channel.send(data)
        except TimeoutError:
            return 0
        return sent

    def send(self, data: bytes) -> None:
        self._channel.sendall(data)

    def send_end(self) -> None:
        """No more input will come."""
        self._channel.shutdown_write()

    def read(self, timeout: float) -> tuple[Stream, bytes] | None:
        """The next output, at most 64 KiB; None after ``timeout`` seconds without.

        None comes sooner when the command ends, and after that when both streams do.
        """
        stream = self._inbox.wait(timeout, self._streams_closed if self.ended else self._exit.is_set)
        if stream is None:
            return None
        receive = self._channel.recv if stream == "stdout" else self._channel.recv_stderr
        return stream, receive(MAX_CHUNK)

    def _streams_closed(self) -> bool:
        return self._inbox.closed

    @property
    def ended(self) -> bool:
        """The command's process is gone, or the channel is."""
        return self._exit.is_set()

    @property
    def drained(self) -> bool:
        """No more output will come, and all that came was read."""
        return self._inbox.closed and not self._inbox.pending("stdout") and not self._inbox.pending("stderr")

    @property
    def signal(self) -> str | None:
        """Name, without SIG, of the signal that ended the command."""
        return self._exit.signal

    @property
    def exit_code(self) -> int | None:
        code: int = self._channel.exit_status
        return code if code >= 0 else None

    @property
    def lost(self) -> bool:
        """Ended without saying how."""
        return self.ended and self.signal is None and self.exit_code is None

    @property
    def connected(self) -> bool:
        return self._transport.is_active()

    def close(self) -> None:
        self._channel.close()
