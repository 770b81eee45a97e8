"""Snapshots of the emulator's state while it runs, so that a killed instance loses a few seconds at most.

The emulator keeps its state in memory and can write it to files. A forked child does that: it holds a
copy of the memory as it was at one moment and the parent goes on serving. The child writes a new
directory beside the last one and then turns the link ``current`` to it in one step, so that a crash in
the middle of writing leaves the snapshot before whole.

The child does all that touches the disk, so that the parent never waits for it, and ends when its parent
does: what a dead instance had half written is never published under the feet of the next one.

A child that was forked while another thread held a lock may wait for that lock for ever; it is killed
after a time and another is forked.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import shutil
import signal
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from infra.embedded import streams
from infra.embedded.tether import die_with_parent

log = logging.getLogger("quarterdeck.checkpoint")

INTERVAL = 3.0  # seconds from a change to the snapshot that holds it, while snapshots are quick
SHARE = 0.2  # of one processor at most: the pause after a snapshot grows with what it took
PATIENCE = 10.0  # seconds, and ten times what the last snapshot took, before a child counts as stuck
KEPT = 2

Writer = Callable[[Path], None]


class Snapshots:
    """The directory of snapshots: numbered ones and the link ``current``."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.current = directory / "current"

    def latest(self) -> Path:
        """The snapshot to start from; an empty one at the very first start."""
        if not self.current.exists():
            first = self.directory / "0"
            first.mkdir(exist_ok=True)
            self._point_to(first)
        return self.current.resolve()

    def next(self) -> Path:
        """A fresh, empty directory for the next snapshot."""
        numbers = [int(path.name) for path in self.directory.iterdir() if path.name.isdigit()]
        path = self.directory / str(max(numbers, default=0) + 1)
        path.mkdir()
        return path

    def publish(self, snapshot: Path) -> None:
        """Make it the one to start from, in one step, and drop what is older than the one before."""
        _sync(snapshot)
        before = self.latest()
        self._point_to(snapshot)
        _sync(self.directory)
        self.tidy(keep={snapshot, before})

    def tidy(self, keep: set[Path]) -> None:
        for path in self.directory.iterdir():
            if path.name.isdigit() and path not in keep:
                shutil.rmtree(path, ignore_errors=True)

    def _point_to(self, snapshot: Path) -> None:
        link = self.directory / f"current.{os.getpid()}"
        link.unlink(missing_ok=True)
        link.symlink_to(snapshot.name)
        link.replace(self.current)


class Checkpointer:
    """Takes a snapshot a few seconds after a change. ``write`` puts the whole state into a directory."""

    def __init__(self, snapshots: Snapshots, write: Writer) -> None:
        self.snapshots = snapshots
        self.write = write
        self.taken = 0
        self._changed = asyncio.Event()
        self._took = 0.0

    def mark(self) -> None:
        """Something changed since the last snapshot began."""
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._changed.wait()
            await asyncio.sleep(max(INTERVAL, self._took * (1 / SHARE - 1)))
            self._changed.clear()
            if not await self.take():
                self._changed.set()

    async def take(self) -> bool:
        """One snapshot by a forked child; False when the child failed or hung, which is logged."""
        target = self.snapshots.next()
        started = time.monotonic()
        child = _fork(lambda: self._write_and_publish(target))
        try:
            code = await _end_of(child, started + PATIENCE + 10 * self._took)
        except asyncio.CancelledError:
            _kill(child)
            shutil.rmtree(target, ignore_errors=True)
            raise
        if code != 0:
            log.warning("snapshot not written (child ended with %s); trying again", code)
            shutil.rmtree(target, ignore_errors=True)
            return False
        self._took = time.monotonic() - started
        self.taken += 1
        return True

    def take_last(self) -> None:
        """The snapshot at an orderly end, in this process: nothing is served any more."""
        self._write_and_publish(self.snapshots.next())

    def _write_and_publish(self, target: Path) -> None:
        self.write(target)
        self.snapshots.publish(target)


def write_emulator_state(target: Path) -> None:
    """Write all services' state into ``target``, by the emulator's own function; OSError when one fails."""
    from ministack import app as ministack
    from ministack.core import persistence
    from ministack.services import lambda_svc

    persistence.STATE_DIR = str(target)
    lambda_svc.CODE_BLOB_DIR = str(target / "lambda-blobs")
    # json.dump encodes in Python, json.dumps in C: ten times faster for the same text.
    persistence.json = SimpleNamespace(dump=_dump, load=json.load, JSONDecodeError=json.JSONDecodeError)
    try:
        for service, state_of in ministack._build_persistence_save_dict().items():
            state = state_of()
            if state is None:
                continue
            persistence.save_state(service, state)
            if not (target / f"{service}.json").exists():
                raise OSError(f"the state of {service} was not written")
        streams.save(target)
    finally:
        persistence.json = json


def _dump(content: Any, stream: Any, **options: Any) -> None:
    stream.write(json.dumps(content, **options))


def _fork(work: Callable[[], None]) -> int:
    """A child that does ``work`` and ends with 0, or 1 when it raised. It keeps none of our files open."""
    parent = os.getpid()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads is what is wanted here
        child = os.fork()
    if child:
        return child
    code = 1
    try:
        die_with_parent(signal.SIGKILL, parent)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        logging.disable(logging.CRITICAL)
        os.closerange(3, 65536)
        os.nice(10)
        work()
        code = 0
    except BaseException as problem:  # noqa: BLE001  the child must never get back into the parent's loop
        os.write(2, f"snapshot: {type(problem).__name__}: {problem}\n".encode())
    finally:
        os._exit(code)


async def _end_of(child: int, deadline: float) -> int:
    """The child's exit code; it is killed at the deadline."""
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            _kill(child)
            return -signal.SIGKILL
        await asyncio.sleep(0.02)


def _kill(child: int) -> None:
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _sync(path: Path) -> None:
    """What is in the directory is on the disk before the link names it."""
    for each in [*path.rglob("*"), path] if path.is_dir() else [path]:
        if each.is_symlink() or (each != path and each.is_dir()):
            continue
        handle = os.open(each, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
