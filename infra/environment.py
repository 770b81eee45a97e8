"""The Python environment that everything runs in, made from the locks. Standard library only.

It stands in ``.venv`` and carries, in a stamp, the digest of each lock that is installed in it and of the
Python that made it: a warm start compares digests and never starts pip.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "quarterdeck-locks.json"
LOCKS = {"embedded": ROOT / "requirements-embedded.txt", "dev": ROOT / "requirements-dev.txt"}
# These run tools that only the dev lock holds; everything else runs on the embedded lock.
DEV_COMMANDS = frozenset({"test", "lint", "bench"})


class EnvironmentProblem(Exception):
    """The environment cannot be made; the message says what to do."""


def enter(arguments: Sequence[str]) -> None:
    """Become ``python -m infra.cli`` in the environment, which is made first if need be. Does not return."""
    command = next((word for word in arguments if not word.startswith("-")), "")
    ensure("dev" if command in DEV_COMMANDS else "embedded")
    python = str(VENV / "bin" / "python")
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    # The tools of the environment (chalice, ruff, ansible) are found by name by what runs in it.
    tools = os.pathsep.join([str(VENV / "bin"), os.environ.get("PATH", os.defpath)])
    environment = {**os.environ, "PYTHONPATH": path, "PATH": tools, "VIRTUAL_ENV": str(VENV)}
    os.execve(python, [python, "-m", "infra.cli", *arguments], environment)  # noqa: S606


def ensure(kind: str) -> None:
    """Make the environment hold the lock ``kind`` (``embedded`` or ``dev``); nothing when it does."""
    if is_current(kind):
        return
    with _exclusive():
        if is_current(kind):
            return
        started = time.monotonic()
        _say(f"Setting up the {kind} environment in {VENV.name}/ (once; later starts skip this)")
        if not _made_by_this_python():
            _make(LOCKS[kind])
        _write_stamp({"python": sys.version})  # what is cut off now is known to be incomplete
        _install(LOCKS[kind])
        _remember(kind)
        _say(f"Environment ready in {time.monotonic() - started:.0f} s")


def is_current(kind: str) -> bool:
    stamp = _stamp()
    return (
        stamp.get("python") == sys.version
        and stamp.get(kind) == _digest(LOCKS[kind])
        and (VENV / "bin" / "python").exists()
    )


def _made_by_this_python() -> bool:
    return _stamp().get("python") == sys.version and (VENV / "bin" / "python").exists()


def _make(lock: Path) -> None:
    """A new environment with nothing but pip in it."""
    make = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    if _is_there("ensurepip"):
        _run(make, "could not make the environment")
        return
    from infra import bootstrap

    _run([*make, "--without-pip"], f"could not make the environment. {_advice()}")
    _say("  this Python comes without pip: fetching the one that the lock names")
    try:
        bootstrap.install_pip(VENV / "bin" / "python", lock)
    except bootstrap.BootstrapProblem as problem:
        raise EnvironmentProblem(f"this Python comes without pip, and {problem}\n{_advice()}") from None


def _is_there(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


def _advice() -> str:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return f"On Debian and Ubuntu this helps: apt-get install {version}-venv"


def _install(lock: Path) -> None:
    """Install exactly what the lock says, hashes checked, showing a line for each package."""
    command = [
        str(VENV / "bin" / "python"),
        *("-m", "pip", "install", "--require-hashes", "--no-deps", "--no-input"),
        *("--disable-pip-version-check", "--progress-bar", "off", "-r", str(lock)),
    ]
    total = sum(
        1 for line in lock.read_text().splitlines() if "==" in line and not line.startswith((" ", "#"))
    )
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    tail: list[str] = []
    seen = 0
    for line in process.stdout:
        tail = [*tail, line.rstrip()][-15:]
        if line.startswith("Collecting "):
            seen += 1
            _progress(f"  fetching {seen} of at most {total}: {line.split()[1].split('==')[0]}")
        elif line.startswith("Installing collected"):
            _progress("  installing what was fetched")
    _progress("")
    if process.wait() != 0:
        raise EnvironmentProblem("pip could not install the locked packages:\n  " + "\n  ".join(tail))


def _remember(kind: str) -> None:
    # The dev lock is the embedded lock and more, so having the one is having the other.
    kinds = ("embedded", "dev") if kind == "dev" else ("embedded",)
    _write_stamp({"python": sys.version, **{each: _digest(LOCKS[each]) for each in kinds}})


def _write_stamp(content: dict[str, str]) -> None:
    temporary = STAMP.with_suffix(".tmp")
    temporary.write_text(json.dumps(content))
    temporary.replace(STAMP)


def _stamp() -> dict[str, str]:
    try:
        content = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def _exclusive() -> Iterator[None]:
    """Two launchers at once make one environment, one after the other."""
    if not os.access(ROOT, os.W_OK):
        raise EnvironmentProblem(f"cannot write in {ROOT}, where the environment is to stand")
    handle = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _run(command: Sequence[str], what: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise EnvironmentProblem(f"{what}:\n{done.stdout.strip()}")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _progress(text: str) -> None:
    """One line that rewrites itself on a terminal, and stays out of log files."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
