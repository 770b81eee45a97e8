"""Ways to time that both sides of a comparison share."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from http.client import HTTPConnection
from urllib.parse import urlsplit


def milliseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


def interleaved(sides: Sequence[Callable[[], object]], rounds: int, warm_up: int = 20) -> list[list[float]]:
    """Milliseconds of each side; the sides take turns, so that what disturbs one disturbs the other."""
    for _ in range(warm_up):
        for side in sides:
            side()
    found: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds):
        for position, side in enumerate(sides):
            found[position].append(milliseconds(side))
    return found


class Getter:
    """GETs one address over one kept connection: nothing of a client library is in the time."""

    def __init__(self, url: str, token: str | None = None) -> None:
        parts = urlsplit(url)
        self._path = parts.path + (f"?{parts.query}" if parts.query else "")
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._connection = HTTPConnection(parts.hostname or "", parts.port, timeout=30)

    def __call__(self) -> bytes:
        self._connection.request("GET", self._path, headers=self._headers)
        response = self._connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise RuntimeError(f"{self._path}: {response.status} {body[:300]!r}")
        return body

    def close(self) -> None:
        with suppress(OSError):
            self._connection.close()
