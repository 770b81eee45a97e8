"""Who may import what. The contracts of import-linter are in pyproject.toml; here is what they cannot say."""

from __future__ import annotations

import ast
import re
import subprocess
import sys

import pytest
from importlinter import cli

from tests.support import sources
from tests.support.sources import ROOT, Source

# library -> where it may be imported, as patterns of module names
ALLOWED = {
    "chalice": [r"app", r"chalicelib\.rest(\..+)?", r"chalicelib\.surfaces\.\w+\.routes(\..+)?"],
    "boto3": [r"chalicelib\.(aws|relay)(\..+)?"],
    "botocore": [r"chalicelib\.(aws|relay)(\..+)?"],
    "pynamodb": [
        r"chalicelib\.aws(\..+)?",
        r"chalicelib\.core(\..+)?",
        r"chalicelib\.surfaces\.\w+\.model(\..+)?",
    ],
    "paramiko": [r"chalicelib\.targets(\..+)?"],
    "websocket": [r"chalicelib\.targets(\..+)?"],
    "docker": [r"chalicelib\.targets(\..+)?"],
    "asyncssh": [r"chalicelib\.targets(\..+)?"],
    "requests": [r"chalicelib\.targets(\..+)?"],
    "acme": [r"chalicelib\.targets\.acme(\..+)?"],
    "josepy": [r"chalicelib\.targets\.acme(\..+)?"],
    "argon2": [r"chalicelib\.core\.identity\.passwords"],
    "jwt": [r"chalicelib\.core\.identity\.tokens"],
}

# Not loaded by a cold start of the API function: each costs more than all we wrote.
HEAVY = (
    "paramiko",
    "kubernetes",
    "docker",
    "asyncssh",
    "requests",
    "acme",
    "OpenSSL",
    "josepy",
    "argon2",
    "boto3",
    "yaml",
)

# Not part of what is deployed.
OUTSIDE = ("infra", "tests", "ministack", "pytest", "moto", "kubernetes")


def test_import_linter_finds_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    status = cli.lint_imports(config_filename="pyproject.toml", no_cache=True)
    told = capsys.readouterr().out
    assert status == 0, told


@pytest.mark.parametrize("library", ALLOWED)
def test_a_library_is_imported_where_it_belongs(library: str) -> None:
    misplaced = [
        f"{source.name}:{line}"
        for source in sources.application()
        for name, line, _ in source.imports()
        if name.split(".")[0] == library
        if not any(re.fullmatch(pattern, source.module) for pattern in ALLOWED[library])
    ]
    assert not misplaced


def test_nothing_imports_the_app() -> None:
    importers = [
        f"{source.name}:{line}"
        for source in sources.application()
        for name, line, _ in source.imports()
        if name == "app"
    ]
    assert not importers


def test_what_is_deployed_knows_nothing_of_the_launcher_or_the_tests() -> None:
    known = [
        f"{source.name}:{line} {name}"
        for source in sources.application()
        for name, line, _ in source.imports()
        if name.split(".")[0] in OUTSIDE
    ]
    assert not known


def test_heavy_libraries_are_imported_inside_functions_where_the_api_could_reach_them() -> None:
    """``chalicelib.targets`` itself may load them at its top: it is imported lazily by who calls it."""
    at_top = [
        f"{source.name}:{line} {name}"
        for source in sources.application()
        if not source.module.startswith("chalicelib.targets.")
        for name, line, top in source.imports()
        if top and name.split(".")[0] in HEAVY
    ]
    assert not at_top


def test_targets_are_imported_inside_functions_by_what_the_api_loads() -> None:
    """Otherwise paramiko would come along with the API function. The relay is a process of its own."""
    at_top = [
        f"{source.name}:{line} {name}"
        for source in sources.application()
        if not source.module.startswith(("chalicelib.targets", "chalicelib.relay"))
        for name, line, top in source.imports()
        if top and loads_heavy(name)
    ]
    assert not at_top


def loads_heavy(module: str) -> bool:
    """Whether this module of ours loads a heavy library at its top."""
    found: list[Source] = [source for source in sources.application() if source.module == module]
    return any(top and name.split(".")[0] in HEAVY for source in found for name, _, top in source.imports())


def test_a_cold_start_of_the_api_function_loads_nothing_heavy() -> None:
    question = f"import sys, app; print(*sorted(set(sys.modules) & set({HEAVY!r})))"
    told = subprocess.run(
        [sys.executable, "-c", question], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert told.stdout.split() == []


def test_a_cold_start_of_the_api_function_runs_no_use_case() -> None:
    """Nor a schema or a presenter: they wait for the first operation that uses them."""
    question = """
import re, sys, app
from chalicelib.kernel.lazily import Waiting
rule = re.compile(r"chalicelib[.]surfaces[.]\\w+[.](service|schemas|presenters)[.](?!common)\\w+")
names = [name for name in sys.modules if rule.fullmatch(name)]
print(len(names), *(name for name in names if type(sys.modules[name]) is not Waiting))
"""
    told = subprocess.run(
        [sys.executable, "-c", question], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    many, *loaded = told.stdout.split()
    assert int(many) > 30
    assert loaded == []


def test_settings_are_not_read_at_import() -> None:
    """A function's environment is looked at when it is asked for, so that tests and tools may set it."""
    reading = [
        f"{source.name}:{node}"
        for source in sources.application()
        for node in environment_reads_at_top(source)
    ]
    assert not reading


def environment_reads_at_top(source: Source) -> list[int]:
    lines = []
    pending: list[ast.AST] = list(source.tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("os.environ", "os.getenv"):
            lines.append(node.lineno)
        pending.extend(ast.iter_child_nodes(node))
    return lines
