"""Lines of a log: what the API server sends, read, levelled and put in order. Pure."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Literal

from chalicelib.targets.kubernetes.replies import LogLine

LONGEST = 16 * 1024
"""Characters of a line that are kept: what is longer is cut, and ends with an ellipsis."""

Level = Literal["error", "warn", "info", "debug"]

_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ?", re.ASCII)
_LEVELS: dict[str, Level] = {
    **dict.fromkeys(("FATAL", "CRITICAL", "PANIC", "EMERG", "ALERT", "ERROR", "ERR", "SEVERE"), "error"),
    **dict.fromkeys(("WARNING", "WARN"), "warn"),
    **dict.fromkeys(("INFO", "NOTICE", "LOG"), "info"),
    **dict.fromkeys(("DEBUG", "TRACE", "VERBOSE"), "debug"),
}
_WORD = re.compile(rf"(?<![A-Za-z])({'|'.join(_LEVELS)})(?![A-Za-z])")
# {"level": "error"}, level=error, severity: "ERROR"
_FIELD = re.compile(r"[\"']?\b(?:level|lvl|severity)[\"']?\s*[=:]\s*[\"']?([A-Za-z]+)", re.IGNORECASE)
_KLOG = re.compile(r"([IWEF])\d{4} \d\d:\d\d:\d\d")
_KLOG_LEVELS: dict[str, Level] = {"I": "info", "W": "warn", "E": "error", "F": "error"}
_LOOKED_AT = 200
_TRACEBACK = ("Traceback (most recent call last)", "Exception in thread", "panic: ")


def parse(text: str, pod: str, source: Literal["app", "previous"] = "app") -> LogLine | None:
    """One line as sent with ``timestamps=true``; None for one that is not whole."""
    found = _STAMP.match(text)
    if found is None:
        return None
    message = text[found.end() :].rstrip("\r\n")
    if len(message) > LONGEST:
        message = message[:LONGEST] + "…"
    return LogLine(_utc(found), pod, message, level_of(message), source)


def _utc(found: re.Match[str]) -> str:
    """Nine digits and Z, so that text order is time order."""
    whole, fraction, zone = found.groups()
    if zone != "Z":
        whole = datetime.fromisoformat(whole + zone).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{(fraction or '').ljust(9, '0')}Z"


def level_of(message: str) -> Level:
    """Guessed: what the line says of itself, in a field or in a word of capitals; else ``info``."""
    head = message[:_LOOKED_AT]
    if field := _FIELD.search(head):
        named = _LEVELS.get(field[1].upper())
        if named:
            return named
    if klog := _KLOG.match(head):
        return _KLOG_LEVELS[klog[1]]
    if word := _WORD.search(head):
        return _LEVELS[word[1]]
    return "error" if head.startswith(_TRACEBACK) else "info"


def merged(logs: Iterable[Iterable[LogLine]]) -> Iterator[LogLine]:
    """All of them in time order; each is in order already."""
    return heapq.merge(*logs, key=lambda line: line.timestamp)


def split(chunks: Iterable[bytes]) -> Iterator[str]:
    """Whole lines from pieces of any size. A last one without its end is given too."""
    for texts in pieces(chunks):
        yield from texts


def pieces(chunks: Iterable[bytes]) -> Iterator[list[str]]:
    """The same, with what came together kept together."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        if whole:
            yield [line.decode(errors="replace") for line in whole]
        rest = rest[: 4 * LONGEST]  # an endless line is not held in memory
    if rest:
        yield [rest.decode(errors="replace")]
