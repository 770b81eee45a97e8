"""The Docker engine of this machine: the one that runs, or one of our own for as long as it is needed."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.parts import require, require_root
from tests.support.stack import wait_until


def answers() -> bool:
    return subprocess.run(["docker", "info"], capture_output=True, check=False, timeout=60).returncode == 0


@contextmanager
def engine() -> Iterator[None]:
    """A Docker engine that answers. One that was there before stays."""
    program = require("docker.io")
    if answers():
        yield
        return
    require_root()
    with tempfile.TemporaryDirectory(prefix="quarterdeck-docker-") as directory:
        log = Path(directory) / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [program, "--storage-driver=vfs"],
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env={**os.environ, "PATH": f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"},
            )
        try:
            wait_until(lambda: process.poll() is not None or answers(), seconds=60, what="the Docker engine")
            assert process.poll() is None, log.read_text()[-2000:]
            yield
        finally:
            process.terminate()
            process.wait(30)


def remove_containers_of_kubernetes() -> None:
    """Those that a node of before left running: only one node at a time can use an engine."""
    listed = subprocess.run(
        ["docker", "ps", "-aq", "--filter", "label=io.kubernetes.pod.uid"],
        capture_output=True,
        text=True,
        check=True,
    )
    if ids := listed.stdout.split():
        subprocess.run(["docker", "rm", "-f", *ids], capture_output=True, check=False)
