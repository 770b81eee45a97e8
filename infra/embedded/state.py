"""What an instance keeps in its state directory, and the lock that makes the directory one instance's own.

The directory holds the emulator's key material and the administrator's password: it is readable by its
owner only.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import socket
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

# Below the range that outgoing connections take theirs from, so that a port stays ours while we are down.
INTERNAL_PORTS = range(21000, 29000)


class StateProblem(Exception):
    """The state directory cannot be used; the message says why."""


@dataclass(frozen=True)
class Admin:
    username: str
    email: str
    password: str


@dataclass
class Run:
    """What a live instance says of itself, for those who start it, stop it and ask after it."""

    pid: int
    port: int
    internal_port: int
    relay_pid: int = 0
    phase: str = "starting"  # starting, ready, stopping, stopped or failed
    problem: str = ""
    steps: list[str] = field(default_factory=list)
    surfaces: list[str] = field(default_factory=list)


class StateDirectory:
    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().resolve()
        self.run_file = self.path / "run.json"
        self.admin_file = self.path / "admin.json"
        self.admin_made = self.path / "admin-made"
        self.deployed_file = self.path / "deployed.json"
        self.package = self.path / "package"
        self.snapshots = self.path / "snapshots"
        self.objects = self.path / "s3"
        self.logs = self.path / "logs"
        self._lock: int | None = None

    def prepare(self) -> None:
        """Make the directory and its parts; raises StateProblem when it cannot be written."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.path.chmod(0o700)
            for part in (self.package, self.snapshots, self.objects, self.logs):
                part.mkdir(exist_ok=True)
            (self.path / "lock").touch()
        except OSError as problem:
            raise StateProblem(f"cannot use the state directory {self.path}: {problem.strerror}") from None

    # -------------------------------------------------------------- whose directory it is

    def acquire(self) -> bool:
        """Take the directory for this process until it ends; False when another live instance has it."""
        handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._lock = handle
        return True

    def release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def is_live(self) -> bool:
        """Whether an instance holds this directory now."""
        if not (self.path / "lock").exists():
            return False
        if not self.acquire():
            return True
        self.release()
        return False

    # -------------------------------------------------------------- what is kept

    def run(self) -> Run | None:
        content = read_json(self.run_file)
        return Run(**content) if content else None

    def write_run(self, run: Run) -> None:
        write_json(self.run_file, asdict(run))

    def admin(self) -> Admin | None:
        content = read_json(self.admin_file)
        return Admin(**content) if content else None

    def write_admin(self, admin: Admin) -> None:
        write_json(self.admin_file, asdict(admin))

    def internal_port(self) -> int:
        """The emulator's port: the same on every start while it is free, since queue addresses carry it."""
        kept = read_json(self.path / "ports.json").get("internal")
        if isinstance(kept, int) and is_free(kept):
            return kept
        chosen = next(port for port in random.sample(INTERNAL_PORTS, 200) if is_free(port))
        write_json(self.path / "ports.json", {"internal": chosen})
        return chosen


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def read_json(path: Path) -> dict[str, Any]:
    """The object in the file; empty when there is no file or no object in it."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Replace the file in one step, readable by its owner only."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as stream:
        json.dump(content, stream, indent=2)
    temporary.replace(path)
