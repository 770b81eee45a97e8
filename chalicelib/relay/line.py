"""The connection to one person, as the relay sees it: messages out, and when each thing was last said."""

from __future__ import annotations

import json
import time
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws import sockets
from chalicelib.core.events.connections import YOUNG_SECONDS
from chalicelib.kernel.logs import log

LONGEST_SECONDS = 2 * 3600
"""The gateway ends a connection that is as old, and one that was silent for ten minutes."""
NOTICE_SECONDS = 300
PING_SECONDS = 240
PAUSE = 0.05


class Line:
    """Raises sockets.Gone when the person is not there any more. Used by one thread."""

    def __init__(self, connection_id: str) -> None:
        self.connection_id = connection_id
        self._opened = time.monotonic()
        self._spoke = self._opened
        self._noticed = False

    def say(self, message: dict[str, Any]) -> bool:
        """False: the gateway does not take it just now; a moment was waited already."""
        return self.send(json.dumps(message).encode())

    def send(self, data: bytes) -> bool:
        """The same, of a message as it goes out."""
        try:
            sockets.post(self.connection_id, data)
        except sockets.Gone:
            if time.monotonic() - self._opened > YOUNG_SECONDS:
                raise
            time.sleep(PAUSE)  # the handshake is not over yet
            return False
        except (BotoCoreError, ClientError) as error:
            log().warning("message not taken", connection=self.connection_id, error=str(error))
            time.sleep(PAUSE)
            return False
        self._spoke = time.monotonic()
        return True

    def say_surely(self, message: dict[str, Any], seconds: float = 5.0) -> None:
        until = time.monotonic() + seconds
        while not self.say(message) and time.monotonic() < until:
            continue

    def close(self) -> None:
        """After what was said was heard: the gateway drops what it has not sent yet."""
        time.sleep(2 * PAUSE)
        try:
            sockets.close(self.connection_id)
        except (sockets.Gone, BotoCoreError, ClientError):
            return

    @property
    def silent_for_long(self) -> bool:
        return time.monotonic() - self._spoke > PING_SECONDS

    def take_notice(self) -> bool:
        """True once, shortly before the gateway will end the connection."""
        due = not self._noticed and time.monotonic() - self._opened > LONGEST_SECONDS - NOTICE_SECONDS
        self._noticed = self._noticed or due
        return due
