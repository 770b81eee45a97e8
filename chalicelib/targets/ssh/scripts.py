"""A script's text made ready for the wire: its bytes, and who interprets them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath

_DEFAULT_INTERPRETER = "/bin/sh"
_BYTE_ORDER_MARK = "\ufeff"

_BRIEF = 2048
_SHELLS = {"sh", "bash", "dash", "ash", "ksh", "zsh"}
# How a shell script can find the file that it is in, to run it again, say.
_OWN_FILE = (b"$0", b"${0", b"$_", b"BASH_SOURCE", b"BASH_ARGV", b"/proc/")


@dataclass(frozen=True)
class Prepared:
    """``argument`` is the one argument that a ``#!`` line may have, or empty."""

    body: bytes
    interpreter: str
    argument: str

    @property
    def is_brief(self) -> bool:
        """Short, and for a shell, and without a look at its own file: it can be run from a pipe.

        Short means below PIPE_BUF (4096 on Linux) with the "go" before it: it reaches the shell whole or not
        at all, so a connection that breaks never leaves half a script running.
        """
        return (
            len(self.body) <= _BRIEF
            and PurePosixPath(self.interpreter).name in _SHELLS
            and not any(name in self.body for name in _OWN_FILE)
        )


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
