"""Leaving a shell in a container, with channels that take notice when the test says so."""

from __future__ import annotations

import time
from typing import Any

import pytest

from chalicelib.targets.kubernetes.shell import ContainerShell

LEAVE = b"\x03\x04"


class Container:
    """Ends when it has been asked ``asked`` times; until then it goes on talking."""

    def __init__(self, asked: int) -> None:
        self._asked = asked
        self.heard: list[bytes] = []
        self.closed = False
        self.status = b""

    def read(self, seconds: float, most: int) -> bytes:
        time.sleep(min(seconds, 0.05))
        return b"and so on\r\n"

    def write(self, channel: int, data: bytes, seconds: float = 0.0) -> int:
        self.heard.append(data)
        if len(self.heard) == self._asked:
            self.status = b'{"status": "Success"}'
        return len(data)


def left(asked: int, **already: Any) -> list[bytes]:
    container: Any = Container(asked)
    vars(container).update(already)
    ContainerShell(container, "a pod").leave()
    heard: list[bytes] = container.heard
    return heard


@pytest.mark.parametrize("asked", [1, 2, 3])
def test_a_shell_that_does_not_listen_at_once_is_asked_again(asked: int) -> None:
    assert left(asked) == [LEAVE] * asked


def test_one_that_never_listens_is_left_alone_after_a_while() -> None:
    assert left(100) == [LEAVE] * 3


@pytest.mark.parametrize("already", [{"closed": True}, {"status": b'{"status": "Success"}'}])
def test_one_that_has_ended_is_asked_nothing(already: dict[str, Any]) -> None:
    assert left(1, **already) == []
