"""Waiting for what happens by itself: never for a fixed time."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any


def wait_until(question: Any, *, seconds: float = 60, every: float = 0.1, what: str = "it") -> Any:
    """The first true answer of ``question()``. Fails after ``seconds``."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if answer := question():
            return answer
        time.sleep(every)
    raise AssertionError(f"{what} did not happen within {seconds} s")


def until_there(file: Path) -> str:
    """In a script: wait for that file. Two minutes at most, so that nothing stays behind on this machine."""
    return f"for _try in $(seq 1200); do [ -e {file} ] && break; sleep 0.1; done"
