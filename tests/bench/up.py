"""``./quarterdeck up --detach`` from a warm environment until it answers: with new and with kept state."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.report import Finding, median, spread
from tests.bench.timing import milliseconds
from tests.support.ports import free_port
from tests.support.sources import ROOT

ROUNDS = 3
MOST = 10.0  # seconds


def measure() -> list[Finding]:
    new, old = [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as name:
            options = ["--state", str(Path(name) / "state")]
            port = ["--port", str(free_port())]
            try:
                new.append(_seconds("up", "--detach", *port, *options))
                quarterdeck("down", *options)
                old.append(_seconds("up", "--detach", *port, *options))
            finally:
                quarterdeck("down", *options)
    return [
        Finding("up", "first start", median(new), "s", MOST, spread(new)),
        Finding("up", "start with kept state", median(old), "s", MOST, spread(old)),
    ]


def quarterdeck(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "quarterdeck"), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"quarterdeck {' '.join(arguments)}: {done.stdout[-800:]}{done.stderr[-800:]}")


def _seconds(*arguments: str) -> float:
    return milliseconds(lambda: quarterdeck(*arguments)) / 1000
