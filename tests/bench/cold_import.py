"""Importing the API function's handler in a new process, against an empty Chalice app."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.report import Finding, median, spread
from tests.support.sources import ROOT

ROUNDS = 11
MOST = 300.0  # milliseconds over the empty app

_EMPTY = 'from chalice.app import Chalice\n\napp = Chalice(app_name="empty")\n'
_TIMED = (
    "import time; started = time.perf_counter(); import app; print((time.perf_counter() - started) * 1000)"
)


def milliseconds(directory: Path) -> float:
    """One import of ``app`` there, bytecode being cached as in a deployed package."""
    done = subprocess.run(
        [sys.executable, "-c", _TIMED], cwd=directory, capture_output=True, text=True, check=True, timeout=60
    )
    return float(done.stdout.split()[-1])


def measure() -> list[Finding]:
    with tempfile.TemporaryDirectory() as name:
        empty = Path(name)
        (empty / "app.py").write_text(_EMPTY, encoding="utf-8")
        for directory in (ROOT, empty):  # writes the bytecode
            milliseconds(directory)
        pairs = [(milliseconds(ROOT), milliseconds(empty)) for _ in range(ROUNDS)]
    ours, theirs = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    over = median([mine - other for mine, other in pairs])
    detail = {"ours": spread(ours), "theirs": spread(theirs)}
    return [
        Finding("import", "handler over an empty Chalice app", over, "ms", MOST, detail),
        Finding("import", "handler alone", median(ours), "ms"),
    ]
