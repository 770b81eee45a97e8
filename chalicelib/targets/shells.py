"""What a shell on a terminal is, wherever it runs: keys in, the screen's bytes out, until one side ends it.

Nobody waits here for the person: ``read`` returns after its time, and ``write`` says how much was taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from chalicelib.kernel.errors import TargetError

TERMINAL = "xterm-256color"
SMALLEST, LARGEST = 1, 1000
"""Columns and rows are cut to these."""

MAX_CHUNK = 64 * 1024


@dataclass(frozen=True)
class Size:
    columns: int = 80
    rows: int = 24

    def within_bounds(self) -> Size:
        columns, rows = (max(SMALLEST, min(LARGEST, each)) for each in (self.columns, self.rows))
        return Size(columns, rows)


class Shell(Protocol):
    """Read by one thread, written to by another. Raises TargetError when the connection breaks."""

    def read(self, seconds: float) -> bytes:
        """What the screen shows next, at most 64 KiB; empty after ``seconds`` without, or at the end."""

    def write(self, keys: bytes) -> int:
        """How many of the first bytes were taken; 0 when none are just now, or the shell has ended."""

    def resize(self, size: Size) -> None:
        """Nothing to do once the shell has ended."""

    @property
    def ended(self) -> bool:
        """The shell is gone; there may still be something to read."""

    @property
    def drained(self) -> bool:
        """Nothing more will come, and all that came was read."""

    @property
    def exit_code(self) -> int | None: ...

    @property
    def signal(self) -> str | None:
        """Name, without SIG, of the signal that ended the shell, where that is known."""

    def failure(self) -> TargetError | None:
        """Why it ended, when it was not the shell that ended."""
