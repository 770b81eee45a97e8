"""A script's text made ready for the wire: its bytes, and who interprets them."""

from __future__ import annotations

from dataclasses import dataclass

_DEFAULT_INTERPRETER = "/bin/sh"
_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True)
class Prepared:
    """``argument`` is the one argument that a ``#!`` line may have, or empty."""

    body: bytes
    interpreter: str
    argument: str


def prepare(script: str) -> Prepared:
    """Drops a byte order mark, and turns Windows line ends into Unix ones when the first line has one."""
    text = script.removeprefix(_BYTE_ORDER_MARK)
    if text.partition("\n")[0].endswith("\r"):
        text = text.replace("\r\n", "\n")
    interpreter, argument = _shebang(text.partition("\n")[0])
    return Prepared(text.encode(errors="surrogatepass"), interpreter, argument)


def _shebang(first_line: str) -> tuple[str, str]:
    """As Linux reads it (execve(2)): one path, and all the rest as one argument."""
    words = first_line[2:].strip().split(maxsplit=1) if first_line.startswith("#!") else []
    if not words:
        return _DEFAULT_INTERPRETER, ""
    return words[0], words[1] if len(words) > 1 else ""
