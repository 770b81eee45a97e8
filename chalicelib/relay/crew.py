"""Threads that work off jobs in order, never more at once than the limit of the moment."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from chalicelib.kernel.logs import log

Job = Callable[[], None]

IDLE_SECONDS = 30.0
MOST_THREADS = 256


class Crew:
    """Threads come when there is work and go when there is none."""

    def __init__(self, name: str, limit: int) -> None:
        self._name = name
        self._limit = limit
        self._changed = threading.Condition()
        self._jobs: deque[Job] = deque()
        self._threads = 0
        self._idle = 0

    @property
    def running(self) -> int:
        with self._changed:
            return self._threads - self._idle

    @property
    def waiting(self) -> int:
        with self._changed:
            return len(self._jobs)

    def set_limit(self, limit: int) -> None:
        """Takes effect as jobs end: nothing is interrupted."""
        with self._changed:
            self._limit = max(1, min(limit, MOST_THREADS))
            self._staff()
            self._changed.notify_all()

    def add(self, job: Job) -> None:
        with self._changed:
            self._jobs.append(job)
            if self._idle:
                self._changed.notify()
            self._staff()

    def _staff(self) -> None:
        while self._threads < self._limit and len(self._jobs) > self._idle:
            self._threads += 1
            self._idle += 1
            name = f"{self._name}-{self._threads}"
            threading.Thread(target=self._work, name=name, daemon=True).start()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            try:
                job()
            except Exception:  # noqa: BLE001 - a job must not take its thread with it; each reports its own failures
                log().exception("job failed")
            finally:
                with self._changed:
                    self._idle += 1

    def _next(self) -> Job | None:
        """The next job, or None when this thread is to go. Counts the thread out of the idle ones."""
        with self._changed:
            while self._threads <= self._limit:
                if self._jobs:
                    self._idle -= 1
                    return self._jobs.popleft()
                if not self._changed.wait(IDLE_SECONDS) and not self._jobs:
                    break
            self._threads -= 1
            self._idle -= 1
            self._changed.notify()
            return None
