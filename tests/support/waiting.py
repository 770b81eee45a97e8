"""Waiting for what happens by itself: never for a fixed time."""

from __future__ import annotations

import time
from typing import Any


def wait_until(question: Any, *, seconds: float = 20, every: float = 0.1, what: str = "it") -> Any:
    """The first true answer of ``question()``. Fails after ``seconds``."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if answer := question():
            return answer
        time.sleep(every)
    raise AssertionError(f"{what} did not happen within {seconds} s")
