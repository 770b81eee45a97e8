"""Puts messages that were numbered where they began (1, 2, 3…) back in order, each once."""

from __future__ import annotations

import time
from typing import Any

PATIENCE = 5.0
"""Seconds that a missing message is waited for."""
MOST_HELD = 1000


class Sequence:
    def __init__(self) -> None:
        self._next = 1
        self._held: dict[int, Any] = {}
        self._since = 0.0

    def take(self, number: int, item: Any) -> list[Any]:
        """What is to be worked on now, in order."""
        if number < self._next or number in self._held:
            return []
        if not self._held:
            self._since = time.monotonic()
        self._held[number] = item
        ready = []
        while self._next in self._held:
            ready.append(self._held.pop(self._next))
            self._next += 1
        if ready:
            self._since = time.monotonic()
        return ready

    def give_up(self) -> bool:
        """Whether a message is missing for too long. What came after it is dropped then: half of a text
        could do something else than the whole."""
        if not self._held:
            return False
        if time.monotonic() - self._since < PATIENCE and len(self._held) <= MOST_HELD:
            return False
        self._next = max(self._held) + 1
        self._held.clear()
        return True
