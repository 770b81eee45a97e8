"""Importing the API function's handler in a new process, against an empty Chalice app, and against an app
that imports the same libraries, as we do without pyOpenSSL, and does nothing with them."""

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
_LIBRARIES = (
    'import sys\n\nsys.modules["urllib3.contrib.pyopenssl"] = None\n'
    + _EMPTY
    + "import aws_lambda_powertools.logging, pynamodb.models\nfrom pydantic import BaseModel, SecretStr\n"
)
_TIMED = (
    "import time; started = time.perf_counter(); import app; print((time.perf_counter() - started) * 1000)"
)


def milliseconds(directory: Path) -> float:
    """One import of ``app`` there, bytecode being there as in the package."""
    done = subprocess.run(
        [sys.executable, "-c", _TIMED], cwd=directory, capture_output=True, text=True, check=True, timeout=60
    )
    return float(done.stdout.split()[-1])


def measure() -> list[Finding]:
    with tempfile.TemporaryDirectory() as name:
        empty, libraries = _app(Path(name, "empty"), _EMPTY), _app(Path(name, "libraries"), _LIBRARIES)
        places = (ROOT, empty, libraries)
        for directory in places:  # writes the bytecode
            milliseconds(directory)
        rounds = [[milliseconds(directory) for directory in places] for _ in range(ROUNDS)]
    ours, nothing, theirs = ([each[place] for each in rounds] for place in range(len(places)))
    over = median([mine - other for mine, other, _ in rounds])
    detail = {"ours": spread(ours), "empty": spread(nothing), "libraries": spread(theirs)}
    return [
        Finding("import", "handler over an empty Chalice app", over, "ms", MOST, detail),
        Finding("import", "its libraries over an empty app", median([b - a for _, a, b in rounds]), "ms"),
        Finding("import", "handler alone", median(ours), "ms"),
    ]


def _app(directory: Path, text: str) -> Path:
    directory.mkdir()
    (directory / "app.py").write_text(text, encoding="utf-8")
    return directory
