"""Our own source files, parsed once: what the architecture tests look at."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "chalicelib"


@dataclass(frozen=True)
class Source:
    """One file; ``module`` is its dotted name."""

    path: Path

    @property
    def module(self) -> str:
        parts = self.path.relative_to(ROOT).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT))

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, filename=self.name)

    def imports(self) -> Iterator[tuple[str, int, bool]]:
        """(imported module, line, at the top and at run time) of every import in the file."""
        yield from _imports(self.tree, self.module, top=True)

    def calls(self) -> Iterator[tuple[str, int]]:
        """(dotted name of what is called, as written, line)."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                yield ast.unparse(node.func), node.lineno


def _imports(node: ast.AST, module: str, *, top: bool) -> Iterator[tuple[str, int, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from ((alias.name, child.lineno, top) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            base = child.module or ""
            yield base, child.lineno, top
            yield from ((f"{base}.{alias.name}", child.lineno, top) for alias in child.names)
        else:
            yield from _imports(child, module, top=top and not _is_lazy(child))


def _is_lazy(node: ast.AST) -> bool:
    """Not run when the module is imported: a function's body, or what only type checkers see."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return True
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


@lru_cache(maxsize=1)
def application() -> tuple[Source, ...]:
    """What is deployed: app.py and chalicelib."""
    return (Source(ROOT / "app.py"), *map(Source, sorted(PACKAGE.rglob("*.py"))))


@lru_cache(maxsize=1)
def ours() -> tuple[Source, ...]:
    """All Python that we wrote."""
    beside = (path for folder in ("infra", "tests") for path in sorted((ROOT / folder).rglob("*.py")))
    return (*application(), *map(Source, beside))
