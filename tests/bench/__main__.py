"""``python -m tests.bench [names] [--json FILE] [--check]``."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.bench import report
from tests.bench.report import Finding

# In order of how long they take.
NAMES = {
    "import": "cold_import",
    "api": "api",
    "up": "up",
    "page": "page",
    "terminal": "terminal",
    "stream": "stream",
    "kubernetes": "kubernetes",
    "logs": "logs",
    "script": "script",
}


def run(name: str) -> list[Finding]:
    measure: Callable[[], list[Finding]] = importlib.import_module(f"tests.bench.{NAMES[name]}").measure
    return measure()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser("bench", description="Measure Quarterdeck against plain tools.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"some of {', '.join(NAMES)}; all without")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was found there too")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a number is over its limit")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(NAMES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    findings: list[Finding] = []
    for name in options.names or NAMES:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        findings += run(name)
    print(report.as_table(findings))
    if options.json:
        report.write_json(findings, options.json)
    return 1 if options.check and not all(finding.held for finding in findings) else 0


if __name__ == "__main__":
    sys.exit(main())
