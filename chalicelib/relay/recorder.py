"""Records what a terminal showed, in pieces in the bucket: events as in asciicast v2, one JSON a line.

Only what the screen showed is kept, never what was typed: a password is typed, but not shown. What logs in to
the server never passes the screen either; should it be shown all the same, it is masked.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

from chalicelib.aws import blobs
from chalicelib.core.terminals import model, sessions
from chalicelib.kernel.logs import log
from chalicelib.kernel.secrets import MASK
from chalicelib.targets.shells import TERMINAL, Size

PIECE_BYTES = 256 * 1024
EVERY_SECONDS = 3.0
MOST_PENDING = 4 * 1024 * 1024
SHORTEST_SECRET = 4
_TRIES = 3


class Masker:
    """Hides secrets in a text that comes in parts, however it is cut."""

    def __init__(self, secrets: list[str]) -> None:
        self._secrets = [secret for secret in secrets if len(secret) >= SHORTEST_SECRET]
        self._held = ""

    def take(self, text: str) -> str:
        """What can be shown now; the beginning of what may become a secret is held back."""
        text = self._held + text
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        self._held = max((_beginning(text, secret) for secret in self._secrets), key=len, default="")
        return text[: len(text) - len(self._held)]

    def rest(self) -> str:
        held, self._held = self._held, ""
        return held


def _beginning(text: str, secret: str) -> str:
    """The longest end of ``text`` with which ``secret`` begins."""
    for length in range(min(len(text), len(secret) - 1), 0, -1):
        if text.endswith(secret[:length]):
            return secret[:length]
    return ""


class Recorder:
    """Thread-safe. Adding waits when the bucket is slower than the screen for long."""

    def __init__(self, terminal_id: int, size: Size, secrets: list[str], limit: int) -> None:
        self._terminal_id = terminal_id
        self._masker = Masker(secrets)
        self._limit = limit
        self._began = time.monotonic()
        self._changed = threading.Condition()
        self._lines: list[str] = []
        self._pending = 0
        self._pieces = 0
        self._size = 0
        self._cut = False
        self._closing = False
        head = {"version": 2, "width": size.columns, "height": size.rows, "timestamp": int(time.time())}
        self._append(json.dumps(head | {"env": {"TERM": TERMINAL}}))
        self._thread = threading.Thread(target=self._run, name=f"recorder-{terminal_id}", daemon=True)
        self._thread.start()

    def shown(self, text: str) -> None:
        self._event("o", self._masker.take(text))

    def resized(self, size: Size) -> None:
        self._event("r", f"{size.columns}x{size.rows}")

    def close(self) -> None:
        """Returns when all is stored, or cannot be."""
        self._event("o", self._masker.rest())
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    def _event(self, kind: str, data: str) -> None:
        if data:
            self._append(json.dumps([round(time.monotonic() - self._began, 6), kind, data]))

    def _append(self, line: str) -> None:
        with self._changed:
            while self._pending > MOST_PENDING:
                self._changed.wait(1)
            if self._size + self._pending > self._limit:
                self._cut = True
                return
            self._lines.append(line)
            self._pending += len(line)
            if self._pending >= PIECE_BYTES:
                self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(self._due, EVERY_SECONDS)
                lines, size, closing = self._lines, self._pending, self._closing
                self._lines = []
            if lines:
                self._store(lines)
                with self._changed:
                    self._size += size
                    self._pending -= size
                    self._changed.notify_all()
            if closing:
                self._note()
                return

    def _due(self) -> bool:
        return self._closing or self._pending >= PIECE_BYTES

    def _store(self, lines: list[str]) -> None:
        key = model.piece_key(self._terminal_id, self._pieces)
        body = "".join(f"{line}\n" for line in lines).encode()
        if not _tried(lambda: blobs.put(key, body)):
            self._cut = True
            return
        self._pieces += 1
        self._note(len(body))

    def _note(self, more: int = 0) -> None:
        size = self._size + more
        _tried(lambda: sessions.note_recording(self._terminal_id, self._pieces, size, cut=self._cut))


def _tried(work: Callable[[], None]) -> bool:
    """The recording must not end the session: what cannot be stored is missing, and says so."""
    for pause in range(_TRIES):
        try:
            work()
            return True
        except Exception:  # noqa: BLE001 - whatever the bucket or the table said
            log().exception("recording not stored")
            time.sleep(pause)
    return False
