"""How large an answer is where it counts: a function hands it on as a string in JSON, so that what is JSON
already is escaped once more. Nothing but ASCII is left by then: a character is a byte."""

from __future__ import annotations

import json
from typing import Any

from chalicelib.kernel.settings import KIB, MIB

LARGEST_ANSWER = 6 * MIB - 64 * KIB
"""A function's answer may have 6 MiB; the rest is for status and headers."""

ROOM = 5 * MIB
"""What an answer is cut to that would be larger; the rest is for what stands around the part that is cut."""

_HEAVIEST = 14
"""Bytes of the character that takes most: a surrogate pair, its two backslashes doubled."""
_BLOCK = 256


def handed_on(text: str) -> int:
    """Bytes of a whole answer."""
    return len(json.dumps(text))


def weight(value: Any) -> int:
    """Bytes that ``value`` takes in a JSON answer."""
    return handed_on(json.dumps(value))


def fitting(text: str, room: int) -> str:
    """``text``, or as much of its beginning, by the block, as ``room`` bytes of an answer take."""
    if (len(text) + 1) * _HEAVIEST <= room:
        return text
    for start in range(0, len(text), _BLOCK):
        room -= weight(text[start : start + _BLOCK])
        if room < 0:
            return text[:start]
    return text
