"""What a terminal's screen was told: the end of it, so that a person who comes back misses nothing."""

from __future__ import annotations

from collections import deque

KEPT = 256 * 1024
"""Characters kept of what was sent; as many may wait to be sent before nothing more is read."""


class Scrollback:
    """Places are counted in characters from the beginning. Used by one thread."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._texts: deque[str] = deque()
        self._begin = 0
        self._end = 0
        self.sent = 0

    @property
    def full(self) -> bool:
        return self._end - self.sent >= self._kept

    @property
    def waiting(self) -> bool:
        return self.sent < self._end

    def add(self, text: str) -> None:
        if text:
            self._texts.append(text)
            self._end += len(text)

    def next(self, most: int) -> str:
        """What follows on what was sent; empty when all was."""
        found: list[str] = []
        place, room = self._begin, most
        for text in self._texts:
            begin = max(0, self.sent - place)
            place += len(text)
            if begin < len(text):
                found.append(text[begin : begin + room])
                room -= len(found[-1])
            if room <= 0:
                break
        return "".join(found)

    def mark_sent(self, characters: int) -> None:
        self.sent += characters
        while self._texts and self.sent - self._begin - len(self._texts[0]) >= self._kept:
            self._begin += len(self._texts.popleft())

    def go_back(self, seen: int | None) -> int:
        """Sends again what came after ``seen``, as far as it is kept; without, only what never was sent.

        Returns how many characters in between are lost.
        """
        if seen is None:
            return 0
        self.sent = max(self._begin, min(seen, self.sent))
        return max(0, self._begin - seen)
