"""A person at a terminal: a WebSocket client that types and looks at the screen."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

import websocket

from tests.support.stack import Stack

SECONDS = 60.0
PASTE = 16_000
"""Characters a message when much is typed at once."""


class Seat:
    """``screen`` is what was shown and not yet looked for; ``told`` all messages that are no output."""

    def __init__(
        self,
        stack: Stack,
        place: int | str,
        query: str = "",
        *,
        token: str | None = None,
        protocols: list[str] | None = None,
        path: str = "/birun/ws/terminal/",
        end: str = "",
    ) -> None:
        address = stack.base_url.replace("http", "ws", 1)
        self.socket = websocket.create_connection(
            f"{address}{path}{place}{end}{query}",
            header=[f"Authorization: Bearer {token}"] if token else [],
            subprotocols=protocols,
            timeout=SECONDS,
        )
        self.screen = ""
        self.seen = 0
        self.told: list[dict[str, Any]] = []
        self._numbers = itertools.count(1)

    # ---------------------------------------------------------------- looks

    def next(self) -> dict[str, Any] | None:
        """The next message; None when the connection is closed. Raises WebSocketTimeoutException."""
        try:
            text = self.socket.recv()
        except (websocket.WebSocketConnectionClosedException, ConnectionError):
            return None
        if not text:
            return None
        message: dict[str, Any] = json.loads(text)
        assert isinstance(message["data"], str), message
        if message["type"] == "output":
            self.screen += message["data"]
            self.seen = message["at"]
        else:
            self.told.append(message)
        return message

    def sees(self, wanted: str) -> str:
        """What was shown up to ``wanted``, which is then behind us."""
        until = time.monotonic() + SECONDS
        while wanted not in self.screen:
            assert time.monotonic() < until, f"{wanted!r} did not come; the screen: {self.screen[-2000:]!r}"
            assert self.next() is not None, f"closed without {wanted!r}; told: {self.told}"
        before, _, self.screen = self.screen.partition(wanted)
        return before + wanted

    def hears(self, kind: str) -> dict[str, Any]:
        """The next message of that type, among those that came already too."""
        while not (found := [one for one in self.told if one["type"] == kind]):
            assert self.next() is not None, f"closed without {kind!r}; told: {self.told}"
        self.told.remove(found[0])
        return found[0]

    def until_closed(self) -> list[dict[str, Any]]:
        while self.next() is not None:
            pass
        return self.told

    # ---------------------------------------------------------------- types

    def send(self, **message: Any) -> None:
        self.socket.send(json.dumps(message))

    def type(self, keys: str, most: int = PASTE) -> None:
        """``most`` characters a message; numbered, so that it arrives in this order whatever the way does."""
        for start in range(0, len(keys), most):
            self.send(type="input", data=keys[start : start + most], seq=next(self._numbers))

    def runs(self, command: str) -> str:
        """What a command shows, by the documented message."""
        self.send(type="command", data=f"{command}; echo 'end-'of-it", seq=next(self._numbers))
        return self.sees("end-of-it").partition("\n")[2]

    def resize(self, columns: int, rows: int) -> None:
        self.send(type="resize", cols=columns, rows=rows, seq=next(self._numbers))

    def sits_down(self) -> Seat:
        """Waits for the shell and makes it say little of its own."""
        self.hears("ready")
        self.type("PS1='$ ' PS2= ; stty -echoctl; echo 'rea'dy\r")
        self.sees("ready\r\n")
        return self

    def vanishes(self) -> None:
        """As a network that is gone: no word of leaving."""
        assert self.socket.sock is not None
        self.socket.sock.close()

    def close(self) -> None:
        self.socket.close()


def shown(recording: str) -> str:
    """What passed the screen, of a recording."""
    events = [json.loads(line) for line in recording.splitlines()[1:]]
    return "".join(data for _, kind, data in events if kind == "o")
