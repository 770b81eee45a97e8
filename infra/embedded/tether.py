"""Children that do not outlive their parent, however it ends.

``python -m infra.embedded.tether -m some.module …`` becomes ``python -m some.module …`` with that
promise. Linux only.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(number: signal.Signals, parent: int) -> None:
    """Have this process sent the signal when its parent ends; at once when ``parent`` is gone already."""
    if _libc.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def main() -> None:
    die_with_parent(signal.SIGTERM, os.getppid())
    os.execv(sys.executable, [sys.executable, *sys.argv[1:]])  # noqa: S606


if __name__ == "__main__":
    main()
