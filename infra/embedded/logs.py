"""Log files with an end, in the state directory: one a part."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO

BYTES = 5 * 1024 * 1024
BACKUPS = 2
PARTS = ("engine", "functions", "relay", "access")


def open_logs(directory: Path) -> None:
    """Send each part's records to its own file, and everything else to the engine's."""
    _to_file(
        logging.getLogger(), directory / "engine.log", "%(asctime)s %(levelname)s [%(name)s] %(message)s"
    )
    for part in PARTS[1:]:
        logger = logging.getLogger(f"quarterdeck.{part}")
        logger.setLevel(logging.INFO)
        logger.propagate = False
        _to_file(logger, directory / f"{part}.log", "%(asctime)s %(message)s")
    logging.getLogger("quarterdeck").setLevel(logging.INFO)


def _to_file(logger: logging.Logger, path: Path, form: str) -> None:
    handler = RotatingFileHandler(path, maxBytes=BYTES, backupCount=BACKUPS)
    handler.setFormatter(logging.Formatter(form))
    path.chmod(0o600)
    logger.handlers = [handler]


class Tail:
    """The lines of one log file as they come, also past its rotation."""

    def __init__(self, path: Path, last: int) -> None:
        self.path = path
        self.name = path.stem
        self._stream: TextIO | None = None
        self._rest = ""
        self.first = self._last_lines(last)

    def new(self) -> Iterator[str]:
        while True:
            stream = self._opened()
            if stream is None:
                return
            text = self._rest + stream.read()
            *lines, self._rest = text.split("\n")
            yield from lines
            if not self._rotated(stream):
                return
            stream.close()
            self._stream = None

    def _last_lines(self, count: int) -> list[str]:
        lines = list(self.new())
        return lines[-count:] if count else []

    def _opened(self) -> TextIO | None:
        if self._stream is None:
            try:
                self._stream = self.path.open(errors="replace")
            except OSError:
                return None
        return self._stream

    def _rotated(self, stream: TextIO) -> bool:
        try:
            there = self.path.stat()
        except OSError:
            return False
        here = Path(f"/proc/self/fd/{stream.fileno()}").stat()
        return there.st_ino != here.st_ino


def follow(tails: list[Tail], pause: float = 0.3) -> Iterator[tuple[str, str]]:
    """Name and line, for ever."""
    while True:
        for tail in tails:
            for line in tail.new():
                yield tail.name, line
        time.sleep(pause)
