"""Commands of those who work on Quarterdeck: test, bench, lint, package."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from infra import kubernetes, packaging, parts
from infra.environment import ROOT

LINTS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("lint-imports",),
)


def lint(_: argparse.Namespace) -> int:
    """Every check, also after one that fails; the exit code is the worst."""
    worst = 0
    for command in LINTS:
        print(f"$ {' '.join(command)}", flush=True)
        worst = max(worst, abs(subprocess.run(_tool(*command), cwd=ROOT, check=False).returncode))
    return worst


def test(options: argparse.Namespace) -> int:
    """Lint, then pytest. What this machine lacks is named; where ``CI=true`` that is a failure."""
    missing = {part.name: part.needs for part in parts.provide()}
    if _asks_for_kubernetes(options.rest) and (why := kubernetes.provide()):
        missing["Kubernetes"] = why
    worst = 0 if options.rest else lint(options)
    command = _tool("pytest", *options.rest)
    # Last, so that the closing line is pytest's own; what was left out is said before it.
    for name, needs in missing.items():
        print(f"LEFT OUT: {name}: {needs}", flush=True)
    if worst:
        print(f"LINT FAILED (exit code {worst}); see above", flush=True)
    code = subprocess.run(command, cwd=ROOT, check=False).returncode
    if missing and os.environ.get("CI", "").lower() == "true":
        worst = max(worst, 1)
    return max(worst, abs(code))


def _asks_for_kubernetes(arguments: list[str]) -> bool:
    """Building it takes minutes, so it is built only for a run that has tests for it."""
    if kubernetes.is_built() or not arguments:
        return True
    command = _tool("pytest", *arguments, "--collect-only", "-q", "-m", "kubernetes")
    found = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    return found.returncode == 0


def bench(options: argparse.Namespace) -> int:
    return subprocess.run(
        [sys.executable, "-m", "tests.bench", *options.rest], cwd=ROOT, check=False
    ).returncode


def package(options: argparse.Namespace) -> int:
    print("Packaging with dependencies; this takes a minute or two", flush=True)
    made = packaging.build(options.out, dependencies=True)
    size = made.archive.stat().st_size / 1_000_000
    print(f"{made.directory}/sam.json and deployment.zip ({size:.0f} MB). Deploy them with:\n")
    print(f"  aws cloudformation package --template-file {made.directory}/sam.json \\")
    print("      --s3-bucket YOUR-BUCKET --output-template-file packaged.yaml")
    print("  aws cloudformation deploy --template-file packaged.yaml --stack-name quarterdeck \\")
    print("      --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND")
    return 0


def _tool(name: str, *arguments: str) -> list[str]:
    return [str(Path(sys.executable).parent / name), *arguments]
