"""Modules that are loaded when something of theirs is first used, so that a cold start pays for the
operations that are called and not for all that there are.

Only what is imported as a module and used inside functions can wait: ``from package.service import runs``.

Threads that meet at a module's first use wait until it is whole, which the standard library's ``LazyLoader``
has them do since Python 3.11.9 and 3.12.3.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from threading import RLock
from types import ModuleType
from typing import Any

_KNOWN_BEFORE = frozenset({"__class__", "__file__", "__loader__", "__name__", "__package__", "__spec__"})
"""What may be asked of a module without loading it: the import system asks for these itself."""


class Waiting(ModuleType):
    """A module that is not loaded yet."""

    def __getattribute__(self, name: str) -> Any:
        if name not in _KNOWN_BEFORE:
            _load(self)
        return ModuleType.__getattribute__(self, name)  # by now it may be an ordinary one


class _Loader(Loader):
    """Puts off what ``real`` does."""

    def __init__(self, real: Loader) -> None:
        self.real = real
        self.lock = RLock()
        self.loading = False

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self.real.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        module.__class__ = Waiting


def _load(module: ModuleType) -> None:
    """Once, by whoever comes first. A module that cannot be loaded waits on, and says so again."""
    spec = module.__spec__
    if spec is None or not isinstance(found := spec.loader, _Loader):
        return
    with found.lock:
        waits = type(module) is Waiting
        if not waits or found.loading:  # loaded meanwhile, or its own code asks
            return
        found.loading = True
        try:
            found.real.exec_module(module)
            module.__class__ = ModuleType
            spec.loader = module.__loader__ = found.real
        finally:
            found.loading = False


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
            spec.loader = _Loader(spec.loader)
        return spec


def load(pattern: str) -> None:
    """From now on, modules whose whole name ``pattern`` matches. Those that are loaded stay as they are."""
    sys.meta_path.insert(0, _Finder(pattern))
