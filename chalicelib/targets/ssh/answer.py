"""A short question to a host: one of our programs, and the lines that it answers."""

from __future__ import annotations

import time

from chalicelib.targets.ssh import programs
from chalicelib.targets.ssh.session import Session

_LONGEST = 256 * 1024


def ask(
    session: Session, question: bytes, nonce: str, *, last: tuple[str, ...], deadline: float
) -> list[str]:
    """The lines from the first with ``nonce`` to one of ``last``; empty if that did not come by ``deadline``.

    ``deadline`` is in :func:`time.monotonic` seconds. Raises what paramiko raises when the connection breaks.
    """
    session.execute(programs.BOOT, question)
    seen = b""
    while (remaining := deadline - time.monotonic()) > 0 and len(seen) < _LONGEST:
        got = session.read(remaining)
        if got and got[0] == "stdout":
            seen += got[1]
        lines = _answer(seen, nonce)
        if lines and lines[-1] in last:
            return lines
        if session.drained:
            break
    if not session.connected:
        raise EOFError
    return []


def _answer(seen: bytes, nonce: str) -> list[str]:
    """Whole lines from the nonce on, without the noise before it."""
    text = seen.decode(errors="replace")
    begin = text.find(nonce)
    return text[begin : text.rfind("\n") + 1].splitlines() if begin >= 0 else []
