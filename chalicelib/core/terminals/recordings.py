"""What terminals showed, read back a stretch at a time."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.aws import blobs
from chalicelib.core.terminals import model
from chalicelib.core.terminals.model import Terminal
from chalicelib.kernel.errors import NotFound
from chalicelib.kernel.settings import MIB

STRETCH_BYTES = MIB
"""A stretch ends with the piece that reaches this."""

GONE = "The recording of this session is not kept any more: recordings go after 30 days."


@dataclass(frozen=True)
class Stretch:
    """``text``: whole lines of an asciicast v2. ``next_piece``: where to go on."""

    text: str
    next_piece: int
    complete: bool


def read(terminal: Terminal, piece: int) -> Stretch:
    """From ``piece`` on. Raises NotFound for a recording that is not kept any more."""
    found: list[bytes] = []
    size, last = 0, int(terminal.pieces)
    while piece < last and size < STRETCH_BYTES:
        found.append(_piece(terminal, piece))
        size += len(found[-1])
        piece += 1
    return Stretch(b"".join(found).decode(), piece, terminal.ended and piece >= last)


def _piece(terminal: Terminal, number: int) -> bytes:
    try:
        return blobs.get(model.piece_key(int(terminal.id), number))
    except blobs.Missing as error:
        raise NotFound(GONE) from error
