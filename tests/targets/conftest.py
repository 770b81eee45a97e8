"""One sshd a module, and short words for what every test says about it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.kernel.secrets import Secret
from chalicelib.targets.ssh.pool import ConnectionPool
from chalicelib.targets.ssh.requests import Login, ScriptResult, ScriptRun
from chalicelib.targets.ssh.run import run_script
from tests.support.sshd import KeyPair, Sshd

pytestmark = pytest.mark.targets


@pytest.fixture(scope="module")
def sshd() -> Iterator[Sshd]:
    with Sshd(password=True) as server:
        yield server


@pytest.fixture(scope="module")
def key(sshd: Sshd) -> KeyPair:
    return sshd.authorized_key()


@pytest.fixture
def pool() -> Iterator[ConnectionPool]:
    pool = ConnectionPool(connect_timeout=10)
    yield pool
    pool.close()


@pytest.fixture
def login(sshd: Sshd, key: KeyPair) -> Login:
    return Login(
        hostname="127.0.0.1", port=sshd.port, username=sshd.username, private_key=Secret(key.private)
    )


@dataclass
class Run:
    """What came of a script."""

    result: ScriptResult
    chunks: list[tuple[str, bytes]] = field(default_factory=list)

    def stream(self, name: str) -> bytes:
        return b"".join(data for stream, data in self.chunks if stream == name)

    @property
    def stdout(self) -> bytes:
        return self.stream("stdout")

    @property
    def stderr(self) -> bytes:
        return self.stream("stderr")


@pytest.fixture
def run(pool: ConnectionPool, login: Login) -> Callable[..., Run]:
    """``run(script)`` on the test host, to its end."""

    def run_it(script: str, timeout: int = 30, to: Login = login, **options: Any) -> Run:
        chunks: list[tuple[str, bytes]] = []
        result = run_script(
            pool,
            ScriptRun(login=to, script=script, timeout_seconds=timeout),
            on_output=lambda stream, data: chunks.append((stream, data)),
            stop=threading.Event(),
            **options,
        )
        return Run(result, chunks)

    return run_it
