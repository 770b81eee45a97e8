"""Taste that can be checked: sizes, names, and things that are never done."""

from __future__ import annotations

import ast
import re

import pytest

from tests.support import sources
from tests.support.sources import PACKAGE, Source

MOST_LINES = 400
SURFACE_FILES = {"__init__", "routes", "schemas", "presenters", "service"}
"""Each a module or, where the surface has many subjects, a package with a module for each."""

SURFACE_MAY_HAVE = {"model", "steps"}
"""Entities that no other surface shares, and steps of its state machines."""

LAYERS = {"kernel", "core", "rest", "surfaces", "targets", "relay", "aws"}


def surfaces() -> list[str]:
    return sorted(path.name for path in (PACKAGE / "surfaces").iterdir() if (path / "__init__.py").exists())


def test_no_file_is_longer_than_a_reader_can_hold() -> None:
    long = {
        source.name: lines for source in sources.ours() if (lines := source.text.count("\n")) > MOST_LINES
    }
    assert not long


def test_the_package_has_the_layers_of_the_architecture() -> None:
    found = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    assert found == LAYERS


@pytest.mark.parametrize("surface", surfaces())
def test_every_surface_has_the_same_files(surface: str) -> None:
    """A reader who knows one surface knows five."""
    folder = PACKAGE / "surfaces" / surface
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    found = {path.stem for path in folder.glob("*.py")} | packages
    assert SURFACE_FILES <= found <= SURFACE_FILES | SURFACE_MAY_HAVE


def calling(source: Source, pattern: str) -> list[str]:
    return [f"{source.name}:{line} {name}" for name, line in source.calls() if re.search(pattern, name)]


def test_nothing_scans_the_table() -> None:
    found = [
        hit for source in sources.application() for hit in calling(source, r"(^|\.)(scan|rate_limited_scan)$")
    ]
    assert not found


WAITS_NOWHERE = r"chalicelib\.(surfaces\.\w+\.(routes|steps)|targets\..+)"


def test_routes_steps_and_providers_never_sleep() -> None:
    """State machines own waiting: a step or a provider that is not done says so and is called again."""
    may_not = [one for one in sources.application() if re.fullmatch(WAITS_NOWHERE, one.module)]
    assert may_not
    assert not [hit for source in may_not for hit in calling(source, r"(^|\.)sleep$")]


@pytest.mark.parametrize(
    "pattern", [r"^os\.(system|popen)$", r"^(eval|exec)$", r"^pickle\.", r"^yaml\.load$"]
)
def test_what_runs_text_as_code_is_not_used(pattern: str) -> None:
    assert not [hit for source in sources.application() for hit in calling(source, pattern)]


def keywords(source: Source) -> list[tuple[str, str, int]]:
    return [
        (word.arg, ast.unparse(word.value), node.lineno)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call)
        for word in node.keywords
        if word.arg
    ]


@pytest.mark.parametrize("unsafe", [("shell", "True"), ("verify", "False")])
def test_unsafe_switches_are_not_used(unsafe: tuple[str, str]) -> None:
    found = [
        f"{source.name}:{line}"
        for source in sources.application()
        for name, value, line in keywords(source)
        if (name, value) == unsafe
    ]
    assert not found


def test_host_keys_are_never_taken_on_trust() -> None:
    lax = [
        source.name
        for source in sources.application()
        if re.search(r"\b(AutoAddPolicy|WarningPolicy)\b", source.text)
    ]
    assert not lax


def test_every_module_says_what_it_is_for() -> None:
    silent = [source.name for source in sources.application() if not ast.get_docstring(source.tree)]
    assert not silent


def bare_skips(source: Source) -> list[str]:
    """Skips and expected failures that give no reason."""
    found = []
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call) and re.search(
            r"pytest\.(mark\.)?(skip|xfail)$", ast.unparse(node.func)
        ):
            reasoned = node.args or any(word.arg == "reason" for word in node.keywords)
            found += [] if reasoned else [f"{source.name}:{node.lineno}"]
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            decorators = {ast.unparse(one): one.lineno for one in node.decorator_list}
            bare = decorators.keys() & {"pytest.mark.skip", "pytest.mark.xfail"}
            found += [f"{source.name}:{decorators[name]}" for name in bare]
    return found


def test_no_test_is_skipped_without_saying_why() -> None:
    """A skip hides a missing part: whatever is left out is named by the runner, with its reason."""
    tests = [source for source in sources.ours() if source.module.startswith("tests.")]
    assert not [place for source in tests for place in bare_skips(source)]


def test_every_test_name_is_a_sentence() -> None:
    terse = [
        f"{source.name}:{node.lineno} {node.name}"
        for source in sources.ours()
        if source.path.name.startswith("test_")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and node.name.count("_") < 3
    ]
    assert not terse
