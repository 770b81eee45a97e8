"""Types into a shell what came for it, in order, by a thread of its own: a host that takes nothing holds up
nobody else."""

from __future__ import annotations

import threading
from collections import deque

from chalicelib.kernel.errors import TargetError
from chalicelib.targets.shells import Shell, Size

MOST_WAITING = 1024 * 1024


class TooMuch(Exception):
    """More is waiting to be typed than is kept."""


class Typist:
    def __init__(self, shell: Shell, name: str) -> None:
        self._shell = shell
        self._changed = threading.Condition()
        self._jobs: deque[bytes | Size] = deque()
        self._waiting = 0
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def add(self, job: bytes | Size) -> None:
        """Keys, or another size of the screen. Raises TooMuch."""
        size = len(job) if isinstance(job, bytes) else 0
        with self._changed:
            if self._waiting + size > MOST_WAITING:
                raise TooMuch
            self._waiting += size
            self._jobs.append(job)
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        try:
            while (job := self._next()) is not None:
                if isinstance(job, Size):
                    self._shell.resize(job)
                else:
                    self._type(job)
        except TargetError:
            return  # the reader sees the same, and says so

    def _next(self) -> bytes | Size | None:
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._closed)
            return None if self._closed else self._jobs.popleft()

    def _type(self, keys: bytes) -> None:
        left = memoryview(keys)
        while left and not self._closed and not self._shell.ended:
            taken = self._shell.write(bytes(left[:32768]))
            left = left[taken:]
            with self._changed:
                self._waiting -= taken
