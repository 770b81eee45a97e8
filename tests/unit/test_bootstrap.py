"""A Python without ensurepip gets the pip of the lock, and nothing else that an index may send."""

from __future__ import annotations

import base64
import hashlib
import sys
import zipfile
from collections.abc import Iterator
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread

import pytest

from infra import bootstrap, environment
from infra.bootstrap import BootstrapProblem

WHEEL = "pip-9.9.9-py3-none-any.whl"
LISTED = f'<a href="pip-1.0-py3-none-any.whl">old</a> <a href="../../files/{WHEEL}#sha256=00">pip</a>'
# In place of installing itself, this pip writes down how it was asked to.
MAIN = "import sys, pathlib; pathlib.Path(sys.executable).with_name('asked').write_text(repr(sys.argv[1:]))"


@cache  # a zip holds the time of its making
def wheel() -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("pip/__main__.py", MAIN)
    return packed.getvalue()


class Handler(SimpleHTTPRequestHandler):
    """Serves a directory, and keeps who asked for what."""

    def do_GET(self) -> None:
        asked: list[tuple[str, str | None]] = self.server.asked  # type: ignore[attr-defined]
        asked.append((self.path, self.headers["Authorization"]))
        super().do_GET()

    def log_message(self, *_: object) -> None:
        return


class Index:
    """A package index on loopback, with one pip."""

    def __init__(self, root: Path) -> None:
        self.wheel = root / "files" / WHEEL
        self.page = root / "simple/pip/index.html"
        for file, content in ((self.wheel, wheel()), (self.page, LISTED.encode())):
            file.parent.mkdir(parents=True)
            file.write_bytes(content)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(root)))
        self.asked: list[tuple[str, str | None]] = []
        self._server.asked = self.asked  # type: ignore[attr-defined]
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.url = f"http://{self.host}/simple"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """The one that pip is set up to use, by a variable."""
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_CERT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    made = Index(tmp_path / "index")
    monkeypatch.setenv("PIP_INDEX_URL", made.url)
    yield made
    made.close()


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    digests = ("0" * 64, hashlib.sha256(wheel()).hexdigest())
    hashes = " \\\n".join(f"    --hash=sha256:{digest}" for digest in digests)
    file = tmp_path / "lock.txt"
    file.write_text(f"pipx==1.0 \\\n    --hash=sha256:{'1' * 64}\npip==9.9.9 \\\n{hashes}\nzip==1.0\n")
    return file


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the environment is to stand, for a Python without ensurepip."""
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    monkeypatch.setattr(environment, "VENV", tmp_path / "venv")
    return tmp_path / "venv"


def test_a_python_without_ensurepip_gets_the_pip_of_the_lock(index: Index, lock: Path, bare: Path) -> None:
    environment._make(lock)
    asked = (bare / "bin/asked").read_text()
    assert asked.startswith("['install', '--no-index', '--no-deps'")
    assert WHEEL in asked
    assert [path for path, _ in index.asked] == ["/simple/pip/", f"/files/{WHEEL}"]


def test_a_wheel_that_the_lock_does_not_know_is_never_run(index: Index, lock: Path, bare: Path) -> None:
    index.wheel.write_bytes(wheel() + b"more")
    with pytest.raises(environment.EnvironmentProblem, match="not what the lock names") as caught:
        environment._make(lock)
    assert "apt-get install python3." in str(caught.value)
    assert not (bare / "bin/asked").exists()


@pytest.mark.parametrize(
    ("page", "words"),
    [("<a href='pip-1.0-py3-none-any.whl'>old</a>", "not listed"), (None, "404")],
    ids=["another version", "no page"],
)
def test_an_index_without_it_is_named_with_what_is_wrong(
    index: Index, lock: Path, page: str | None, words: str
) -> None:
    index.page.unlink()
    if page is None:
        index.page.parent.rmdir()
    else:
        index.page.write_text(page)
    with pytest.raises(BootstrapProblem, match=words) as caught:
        bootstrap.fetch(bootstrap.pin(lock))
    assert index.host in str(caught.value)


def test_a_login_goes_to_its_index_and_into_no_message(
    index: Index, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", index.url.replace("//", "//ada:s%40crets@"))
    assert bootstrap.fetch(bootstrap.pin(lock)) == wheel()
    assert {login for _, login in index.asked} == {"Basic " + base64.b64encode(b"ada:s@crets").decode()}
    elsewhere = f"http://localhost:{index.host.partition(':')[2]}/files/{WHEEL}"
    index.page.write_text(f'<a href="{elsewhere}">pip</a>')
    bootstrap.fetch(bootstrap.pin(lock))
    assert index.asked[-1] == (f"/files/{WHEEL}", None)
    index.wheel.unlink()
    with pytest.raises(BootstrapProblem) as caught:
        bootstrap.fetch(bootstrap.pin(lock))
    assert "crets" not in str(caught.value)


def test_pip_is_set_up_by_its_files_the_nearer_over_the_farther(
    index: Index, lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PIP_INDEX_URL")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip/pip.conf").write_text("[global]\nindex-url = http://127.0.0.1:9/far\n")
    named = tmp_path / "named.conf"
    named.write_text(f"[global]\nindex_url = {index.page.parents[1].as_uri()}\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(named))
    assert bootstrap.fetch(bootstrap.pin(lock)) == wheel()
    assert index.asked == []
    named.write_text(f"[global]\nextra-index-url =\n    {index.url}\n")
    assert bootstrap.fetch(bootstrap.pin(lock)) == wheel()
    assert len(index.asked) == 2


def test_each_lock_names_a_pip() -> None:
    pins = {bootstrap.pin(lock) for lock in environment.LOCKS.values()}
    assert len(pins) == 1


def test_a_lock_without_pip_says_so(tmp_path: Path) -> None:
    (tmp_path / "lock.txt").write_text("a==1\n")
    with pytest.raises(BootstrapProblem, match="names no pip"):
        bootstrap.pin(tmp_path / "lock.txt")
