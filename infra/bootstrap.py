"""pip for an environment of a Python that lacks ``ensurepip``, as Debian's and Ubuntu's own do.

It is the pip that the lock names, from the index that pip itself would ask. Nothing of what came is run
before its digest has been found in the lock. Standard library only: this runs before anything is installed.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import os
import re
import ssl
import subprocess
from collections.abc import Iterable
from configparser import Error as ConfigError
from configparser import RawConfigParser
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit
from urllib.request import Request, urlopen

DEFAULT_INDEX = "https://pypi.org/simple"
"""pip's own, where nothing else is set."""

TIMEOUT_SECONDS = 30
_HTML = "application/vnd.pypi.simple.v1+html, text/html;q=0.9"
_PIN = re.compile(r"^pip==(?P<version>\S+)(?P<digests>(?:[ \\\n]+--hash=sha256:[0-9a-f]{64})+)", re.MULTILINE)


class BootstrapProblem(Exception):
    """There is no pip to be had; the message says why."""


@dataclass(frozen=True)
class Pin:
    """The pip that a lock names: its wheel and the digests (SHA-256) that it may have."""

    wheel: str
    digests: frozenset[str]


def install_pip(python: Path, lock: Path) -> None:
    """Has the environment of ``python`` hold the pip that ``lock`` names. Raises BootstrapProblem."""
    wanted = pin(lock)
    with TemporaryDirectory() as scratch:
        wheel = Path(scratch) / wanted.wheel
        wheel.write_bytes(fetch(wanted))
        # A wheel of pip runs from itself, and so can install itself.
        command = [str(python), str(wheel / "pip"), "install", "--no-index", "--no-deps", "--no-input"]
        done = subprocess.run(
            [*command, str(wheel)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
    if done.returncode != 0:
        raise BootstrapProblem(f"{wanted.wheel} could not be installed:\n{done.stdout.strip()}")


def pin(lock: Path) -> Pin:
    found = _PIN.search(lock.read_text(encoding="utf-8"))
    if found is None:
        raise BootstrapProblem(f"{lock.name} names no pip")
    digests = re.findall(r"sha256:([0-9a-f]{64})", found["digests"])
    return Pin(f"pip-{found['version']}-py3-none-any.whl", frozenset(digests))


def fetch(wanted: Pin) -> bytes:
    """The wheel, from the first index that has it as the lock knows it. Raises BootstrapProblem."""
    options = _options()
    indexes = [options.get("index-url", DEFAULT_INDEX), *options.get("extra-index-url", "").split()]
    failures = []
    for index in indexes:
        try:
            return _from_index(index, wanted, options.get("cert"))
        except (OSError, ValueError, http.client.HTTPException) as error:
            failures.append(f"{_apart(index)[0]}: {error}")
    raise BootstrapProblem(f"{wanted.wheel} could not be fetched from " + "; nor from ".join(failures))


def _from_index(index: str, wanted: Pin, cert: str | None) -> bytes:
    """Raises what the connection does, and ValueError for a wheel that is missing or another one."""
    address, login = _apart(index.rstrip("/") + "/pip/")
    page, base = _get(address, login, cert)
    links = _Links(page.decode("utf-8", "replace")).found
    link = next((link for link in links if _file_name(link) == wanted.wheel), None)
    if link is None:
        raise ValueError("it is not listed there")
    there = urljoin(base, link)
    same_host = urlsplit(there)[:2] == urlsplit(address)[:2]
    content, _ = _get(there, login if same_host else None, cert)
    if hashlib.sha256(content).hexdigest() not in wanted.digests:
        raise ValueError("what is there is not what the lock names: its SHA-256 is another")
    return content


class _Links(HTMLParser):
    """The addresses that a page links to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]


def _file_name(link: str) -> str:
    return unquote(urlsplit(link).path.rpartition("/")[2])


def _apart(url: str) -> tuple[str, str | None]:
    """An address without the log-in that it may carry, and that log-in as a header has it."""
    parts = urlsplit(url)
    login, at, host = parts.netloc.rpartition("@")
    bare = urlunsplit(parts._replace(netloc=host))
    if not at:
        return bare, None
    return bare, "Basic " + base64.b64encode(unquote(login).encode()).decode()


def _get(url: str, login: str | None, cert: str | None) -> tuple[bytes, str]:
    """What is at ``url``, and where that was in the end."""
    if url.startswith("file:") and url.endswith("/"):
        url += "index.html"
    request = Request(url, headers={"Accept": _HTML})  # noqa: S310 - whose index it is has chosen the scheme
    if login:
        request.add_unredirected_header("Authorization", login)
    with urlopen(request, timeout=TIMEOUT_SECONDS, context=_trust(cert)) as answer:  # noqa: S310 - as above
        return answer.read(), answer.url


def _trust(cert: str | None) -> ssl.SSLContext:
    """The authorities of ``cert``, a file or a directory; None: those of the machine."""
    named = cert or os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    if named and Path(named).is_dir():
        return ssl.create_default_context(capath=named)
    return ssl.create_default_context(cafile=named)


class _PipConfig(RawConfigParser):
    def optionxform(self, optionstr: str) -> str:
        return optionstr.lower().replace("_", "-")


def _options() -> dict[str, str]:
    """pip's options, from its files and, above them, its variables."""
    config = _PipConfig()
    try:
        config.read(_files(), encoding="utf-8")
    except (ConfigError, UnicodeDecodeError) as error:
        raise BootstrapProblem(f"pip's configuration cannot be read: {error}") from error
    written = {
        name: value
        for section in ("global", "install")
        if config.has_section(section)
        for name, value in config.items(section)
    }
    return written | dict(_variables(os.environ.items()))


def _variables(environment: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    for name, value in environment:
        if name.startswith("PIP_") and value:
            yield name.removeprefix("PIP_").lower().replace("_", "-"), value


def _files() -> list[Path]:
    """Where pip looks, the weaker first; what is not there is passed over."""
    named = os.environ.get("PIP_CONFIG_FILE", "")
    if named == os.devnull:
        return []
    home = Path.home()
    own = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    files = [
        Path("/etc/xdg/pip/pip.conf"),
        Path("/etc/pip.conf"),
        home / ".pip/pip.conf",
        own / "pip/pip.conf",
    ]
    return [*files, Path(named)] if named else files
