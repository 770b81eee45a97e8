"""The one package: what ``chalice package`` makes of the app, merged with the pieces in ``infra/template``.

The package for AWS and the one for a single machine are made by the same steps. They differ in one thing:
on AWS the zip carries the dependencies of ``requirements.txt``; on one machine the functions run in the
environment of the launcher, which holds them already, so that the zip needs only our own code.

Both carry the bytecode of what is in them: a function cannot keep its own, and compiling everything again
would more than double a cold start.
"""

from __future__ import annotations

import hashlib
import json
import marshal
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import MAGIC_NUMBER, cache_from_source, source_hash
from pathlib import Path
from typing import Any

import yaml

from infra.environment import ROOT

PIECES = Path(__file__).resolve().parent / "template"
INCLUDE = "Quarterdeck::Include"
CHALICE_STAGE = "main"
UNPACKED = "/var/task"  # where Lambda unpacks the zip: for tracebacks
# What the package is made of; a change in any of it makes a new package.
SOURCES = (
    "app.py",
    "chalicelib",
    ".chalice/config.json",
    ".chalice/policy-*.json",
    "statemachines",
    "infra/template",
    "infra/packaging.py",
    "requirements.txt",
)


class PackagingProblem(Exception):
    """The package cannot be made; the message holds what Chalice or the merge said."""


@dataclass(frozen=True)
class Package:
    """A directory with ``sam.json`` and ``deployment.zip``, as ``aws cloudformation package`` takes it."""

    directory: Path

    @property
    def template(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.directory / "sam.json").read_text())
        return content

    @property
    def archive(self) -> Path:
        return self.directory / "deployment.zip"


def build(out: Path, *, dependencies: bool, root: Path = ROOT) -> Package:
    """Make the package in ``out``, over what is there. ``dependencies``: put them in the zip, for AWS."""
    out = out.resolve()
    with tempfile.TemporaryDirectory(prefix="quarterdeck-package-") as name:
        staged = Path(name) / "project"
        _stage(root, staged, dependencies=dependencies)
        extra = Path(name) / "extra.json"
        extra.write_text(json.dumps(pieces(root)))
        made = Path(name) / "out"
        _run_chalice(staged, extra, made)
        _add_bytecode(made / "deployment.zip")
        out.mkdir(parents=True, exist_ok=True)
        for part in ("sam.json", "deployment.zip"):
            shutil.copyfile(made / part, out / part)
    return Package(out)


def digest(root: Path = ROOT) -> str:
    """Names the package without making it: the same sources and Python give the same digest."""
    total = hashlib.sha256(sys.version.encode())
    for path in sorted(_source_files(root)):
        total.update(str(path.relative_to(root)).encode() + b"\0")
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def pieces(root: Path = ROOT) -> dict[str, Any]:
    """All of ``infra/template/*.yaml`` as one template, files included."""
    merged: dict[str, Any] = {}
    for path in sorted(PIECES.glob("*.yaml")):
        content = yaml.safe_load(path.read_text())
        _merge(merged, _resolved(content, root), f"{path.name}: ")
    return merged


def _merge(into: dict[str, Any], piece: dict[str, Any], where: str) -> None:
    for key, value in piece.items():
        if key not in into:
            into[key] = value
        elif isinstance(value, dict) and isinstance(into[key], dict):
            _merge(into[key], value, f"{where}{key}.")
        elif into[key] != value:
            raise PackagingProblem(f"{where}{key} is set by two pieces of infra/template")


def _resolved(value: Any, root: Path) -> Any:
    """The same value with every Quarterdeck::Include replaced by what its JSON file holds."""
    if isinstance(value, dict):
        if set(value) == {INCLUDE}:
            return json.loads((root / value[INCLUDE]).read_text())
        return {key: _resolved(each, root) for key, each in value.items()}
    if isinstance(value, list):
        return [_resolved(each, root) for each in value]
    return value


def _stage(root: Path, staged: Path, *, dependencies: bool) -> None:
    """A copy of what Chalice packages, so that nothing of the work tree (caches, tests) gets in."""
    ignore = shutil.ignore_patterns("__pycache__", "*.pyc", "deployments", "deployed")
    staged.mkdir()
    shutil.copyfile(root / "app.py", staged / "app.py")
    shutil.copytree(root / "chalicelib", staged / "chalicelib", ignore=ignore)
    shutil.copytree(root / ".chalice", staged / ".chalice", ignore=ignore)
    requirements = (root / "requirements.txt").read_text() if dependencies else ""
    (staged / "requirements.txt").write_text(requirements)


def _run_chalice(project: Path, extra: Path, out: Path) -> None:
    command = [
        *(sys.executable, "-c", "from chalice.cli import main; main()"),
        *("package", "--stage", CHALICE_STAGE, "--template-format", "json", "--merge-template", str(extra)),
        str(out),
    ]
    environment = {"AWS_DEFAULT_REGION": "us-east-1", **os.environ}
    environment.pop("PYTHONPATH", None)  # app.py is to find the staged chalicelib, not the work tree's
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PackagingProblem(f"chalice package failed:\n{done.stdout}{done.stderr}".strip())


def _add_bytecode(archive: Path) -> None:
    """Of every module in it, for the Python that runs this, which is the one that Chalice has the functions
    run on. Any other takes no notice of it, by its name."""
    with zipfile.ZipFile(archive, "a") as into:
        for module in [name for name in into.namelist() if name.endswith(".py")]:
            compiled = zipfile.ZipInfo(cache_from_source(module), into.getinfo(module).date_time)
            compiled.external_attr = 0o644 << 16  # the functions are another user's
            compiled.compress_type = zipfile.ZIP_DEFLATED
            code = _bytecode(into.read(module), f"{UNPACKED}/{module}")
            if code is not None:
                into.writestr(compiled, code)


def _bytecode(source: bytes, path: str) -> bytes | None:
    """A .pyc that is used whatever the file times say, for unpacking a zip may change them (PEP 552).

    None for what cannot be compiled: libraries carry templates that only look like modules.
    """
    with warnings.catch_warnings(action="ignore"):
        try:
            code = compile(source, path, "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            return None
    unchecked = (0b01).to_bytes(4, "little")
    return MAGIC_NUMBER + unchecked + source_hash(source) + marshal.dumps(code)


def _source_files(root: Path) -> Iterator[Path]:
    for source in SOURCES:
        for path in root.glob(source):
            if path.is_file():
                yield path
            else:
                yield from (
                    each for each in path.rglob("*") if each.is_file() and "__pycache__" not in each.parts
                )
