"""Reading past what shell start-up files print, up to our nonce, on both streams."""

from __future__ import annotations

import re
from dataclasses import dataclass

from chalicelib.targets.ssh.requests import Stream

_NOISE_KEPT = 64 * 1024
_SAID_IN_ERRORS = 300


@dataclass(frozen=True)
class Ready:
    """The script's process group on the host, and the directory of its file; empty when it needs none."""

    group: int
    directory: str


class Announcement:
    """Feed it what comes; ``ready`` (heard on both streams) or ``failure`` is set once the host has spoken.

    ``wants_more`` is set when the host asks for the script itself.
    """

    def __init__(self, nonce: str) -> None:
        self._line = re.compile(rb"%s (more|ready|failed) ?([^\n]*)\n" % nonce.encode())
        self._mark = f"{nonce}\n".encode()
        self._seen: dict[Stream, bytes] = {"stdout": b"", "stderr": b""}
        self.wants_more = False
        self.ready: Ready | None = None
        self.failure: str | None = None

    def feed(self, stream: Stream, data: bytes) -> None:
        self._seen[stream] = (self._seen[stream] + data)[-_NOISE_KEPT:]
        for found in self._line.finditer(self._seen["stdout"]):
            self._hear(found[1], found[2].decode(errors="replace"))

    def _hear(self, kind: bytes, words: str) -> None:
        if kind == b"more":
            self.wants_more = True
        elif kind == b"failed":
            self.failure = f"{words}. {self._tail('stderr')}".strip()
        elif self._mark in self._seen["stderr"]:
            group, _, directory = words.partition(" ")
            self.ready = Ready(int(group), directory)

    @property
    def said(self) -> str:
        """What the host wrote instead, for an error message: the last of stderr, or else of stdout."""
        return self._tail("stderr") or self._tail("stdout")

    def _tail(self, stream: Stream) -> str:
        text = self._seen[stream].decode(errors="replace").strip()
        return " ".join("".join(c if c.isprintable() else " " for c in text).split())[-_SAID_IN_ERRORS:]
