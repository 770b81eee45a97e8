"""Modules that wait to be used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from chalicelib.kernel import lazily
from chalicelib.kernel.lazily import Waiting

Make = Callable[[str], str]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Writes a module that waits; its name."""
    before = list(sys.meta_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    lazily.load(r"lazy_\w+")
    names: list[str] = []

    def write(text: str) -> str:
        names.append(f"lazy_{tmp_path.name.replace('-', '_')}_{len(names)}")
        (tmp_path / f"{names[-1]}.py").write_text(text)
        importlib.invalidate_caches()
        return names[-1]

    yield write
    sys.meta_path[:] = before
    for name in names:
        sys.modules.pop(name, None)


def test_a_module_is_loaded_by_its_first_use_and_once(make: Make, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    name = make(f"open({str(ran)!r}, 'a').write('x')\nanswer = 42\n")
    module = importlib.import_module(name)
    assert importlib.import_module(name) is module
    assert (module.__name__, type(module)) == (name, Waiting)
    assert not ran.exists()
    assert module.answer == module.answer == 42
    assert type(module) is not Waiting
    assert ran.read_text() == "x"


def test_threads_that_meet_at_the_first_use_all_see_the_whole_module(make: Make) -> None:
    module = importlib.import_module(make("import time\nfirst = 1\ntime.sleep(0.2)\nlast = 2\n"))
    together = Barrier(8)

    def use(_: int) -> int:
        together.wait()
        return int(module.last)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(use, range(8))) == [2] * 8


def test_a_module_may_look_at_itself_while_it_loads(make: Make) -> None:
    text = "import sys\nfirst = 1\nsecond = sys.modules[__name__].first + 1\n"
    assert importlib.import_module(make(text)).second == 2


def test_what_cannot_be_loaded_says_so_every_time(make: Make) -> None:
    module = importlib.import_module(make("raise LookupError('no')\n"))
    for _ in range(2):
        with pytest.raises(LookupError):
            _ = module.anything


def test_others_are_imported_as_ever(make: Make) -> None:
    assert type(importlib.import_module("colorsys")) is not Waiting
