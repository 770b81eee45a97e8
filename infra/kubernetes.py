"""Kubernetes for the tests: built once on this machine from Debian's own source package, and kept."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra import parts
from infra.environment import ROOT

SCRIPTS = ROOT / "tests" / "testbed" / "kubernetes"
_PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy", "pause")
_SAY_EVERY = 20
"""Seconds between lines where there is no terminal to rewrite one line on."""


def home() -> Path:
    """Where the programs are, or will be."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "quarterdeck" / "kubernetes-1.20"


def is_built() -> bool:
    return all((home() / program).is_file() for program in _PROGRAMS)


def provide() -> str | None:
    """Build what is not there, where that is ours to do (Debian, root); why it is missing still, if it is."""
    if is_built():
        return None
    if not parts.can_install():
        return "Kubernetes is built from Debian's source package, which takes Debian and root"
    with _one_at_a_time():
        return None if is_built() else _build()


def _build() -> str | None:
    print("Building Kubernetes 1.20 for the tests (once; 4 to 8 minutes)", flush=True)
    started = time.monotonic()
    command = ["bash", str(SCRIPTS / "build.sh"), str(home())]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        _show(process, started)
    except BaseException:
        os.killpg(
            process.pid, signal.SIGTERM
        )  # the compilers too; the script's own trap removes what it made
        process.wait()
        raise
    if process.returncode != 0:
        assert process.stderr is not None
        told = process.stderr.read().strip().splitlines()
        return f"Kubernetes could not be built: {' | '.join(told[-3:]) or f'see {_log()}'}"
    print(f"Kubernetes is built ({time.monotonic() - started:.0f} s), in {home()}", flush=True)
    return None


def _show(process: subprocess.Popen[str], started: float) -> None:
    """That it is alive and what it is at, until it ends."""
    said = 0.0
    while process.poll() is None:
        time.sleep(0.5)
        seconds = time.monotonic() - started
        line = f"  {seconds // 60:.0f}:{seconds % 60:02.0f}  {_current()}"
        if sys.stdout.isatty():
            print(f"\r\033[K{line[:100]}", end="", flush=True)
        elif seconds - said >= _SAY_EVERY:
            said = seconds
            print(line, flush=True)
    if sys.stdout.isatty():
        print("\r\033[K", end="")


def _log() -> Path:
    return home().with_name(home().name + ".log")


def _current() -> str:
    """The last line of the build's log, and how many there were."""
    try:
        lines = _log().read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return f"{len(lines)} {lines[-1]}" if lines else ""


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    home().parent.mkdir(parents=True, exist_ok=True)
    with (home().parent / "build.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
