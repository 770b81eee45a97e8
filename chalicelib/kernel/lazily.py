"""Modules that are loaded when something of theirs is first used, so that a cold start pays for the
operations that are called and not for all that there are.

Only what is imported as a module and used inside functions can wait: ``from package.service import runs``.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import LazyLoader
from types import ModuleType


class _Finder(MetaPathFinder):
    def __init__(self, pattern: str) -> None:
        self._pattern = re.compile(pattern)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not self._pattern.fullmatch(fullname):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = LazyLoader(spec.loader)
        return spec


def load(pattern: str) -> None:
    """From now on, modules whose whole name ``pattern`` matches. Those that are loaded stay as they are."""
    sys.meta_path.insert(0, _Finder(pattern))
