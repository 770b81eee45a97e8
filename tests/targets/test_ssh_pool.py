"""Connections that are kept, shared, replaced and let go."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chalicelib.kernel.errors import PermanentTargetError, TargetError, TransientTargetError
from chalicelib.kernel.secrets import Secret
from chalicelib.targets.ssh.pool import ConnectionPool
from chalicelib.targets.ssh.requests import Login, ScriptResult, ScriptRun
from chalicelib.targets.ssh.run import run_script
from tests.support.sshd import Sshd
from tests.targets.conftest import Run
from tests.targets.test_ssh_run import eventually

pytestmark = pytest.mark.targets

RunIt = Callable[..., Run]


def execute(pool: ConnectionPool, login: Login, script: str = "echo hi") -> ScriptResult:
    run = ScriptRun(login=login, script=script, timeout_seconds=30)
    return run_script(pool, run, on_output=lambda *_: None, stop=threading.Event())


def connection_of(run: RunIt) -> bytes:
    return run("echo $SSH_CONNECTION").stdout


def test_a_second_run_uses_the_kept_connection(pool: ConnectionPool, run: RunIt) -> None:
    assert connection_of(run) == connection_of(run)
    assert len(pool) == 1


def test_another_user_or_credential_never_shares_a_connection(
    pool: ConnectionPool, login: Login, sshd: Sshd
) -> None:
    execute(pool, login)
    with pytest.raises(PermanentTargetError):
        execute(pool, login.model_copy(update={"private_key": Secret(sshd.key_pair().private)}))
    execute(pool, login.model_copy(update={"private_key": Secret(sshd.authorized_key().private)}))
    assert len(pool) == 2


def test_another_pinned_key_does_not_use_the_kept_connection(
    pool: ConnectionPool, login: Login, sshd: Sshd
) -> None:
    execute(pool, login)
    with pytest.raises(PermanentTargetError, match="has changed"):
        execute(pool, login.model_copy(update={"host_key": sshd.key_pair().public}))


def test_a_dead_kept_connection_is_replaced_before_anything_is_sent(pool: ConnectionPool) -> None:
    with Sshd() as sshd:
        key = Secret(sshd.authorized_key().private)
        login = Login(hostname="127.0.0.1", port=sshd.port, username=sshd.username, private_key=key)
        execute(pool, login)
        sshd.restart()
        assert execute(pool, login).exit_code == 0
        sshd.drop_connections()
        assert execute(pool, login).exit_code == 0
        assert len(pool) == 1


def test_a_restart_with_another_key_is_noticed_behind_a_kept_connection(pool: ConnectionPool) -> None:
    with Sshd() as sshd:
        key = Secret(sshd.authorized_key().private)
        login = Login(hostname="127.0.0.1", port=sshd.port, username=sshd.username, private_key=key)
        pinned = login.model_copy(update={"host_key": execute(pool, login).host_key})
        sshd.restart(new_host_key=True)
        with pytest.raises(PermanentTargetError, match="has changed"):
            execute(pool, pinned)


def test_a_connection_lost_in_the_middle_says_that_the_script_may_go_on(
    pool: ConnectionPool, tmp_path: Path
) -> None:
    with Sshd() as sshd:
        key = Secret(sshd.authorized_key().private)
        login = Login(hostname="127.0.0.1", port=sshd.port, username=sshd.username, private_key=key)
        run = ScriptRun(
            login=login, script=f"echo $0 > {tmp_path}/name; echo up; sleep 2", timeout_seconds=30
        )
        with pytest.raises(TransientTargetError, match="was lost; the script may still be running") as caught:
            run_script(pool, run, on_output=lambda *_: sshd.drop_connections(), stop=threading.Event())
        assert caught.value.details == {"started": True}
        script = Path((tmp_path / "name").read_text().strip())
        assert eventually(lambda: not script.parent.exists()), "the file is gone with the connection"


def test_runs_at_once_on_one_host_share_connections(
    pool: ConnectionPool, login: Login, tmp_path: Path
) -> None:
    met = f"touch {tmp_path}/$$; until [ $(ls {tmp_path} | wc -l) -eq 8 ]; do sleep 0.1; done"
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda _: execute(pool, login, met), range(8)))
    assert [result.exit_code for result in results] == [0] * 8
    assert len(pool) == 2


def test_a_host_that_allows_few_sessions_gets_more_connections(pool: ConnectionPool) -> None:
    with Sshd(max_sessions=2) as sshd, ThreadPoolExecutor(6) as threads:
        key = Secret(sshd.authorized_key().private)
        login = Login(hostname="127.0.0.1", port=sshd.port, username=sshd.username, private_key=key)
        results = list(threads.map(lambda _: execute(pool, login, "sleep 0.5"), range(6)))
        assert [result.exit_code for result in results] == [0] * 6


def test_those_who_wait_for_the_same_dead_host_share_its_answer(pool: ConnectionPool, login: Login) -> None:
    dead = login.model_copy(update={"port": 1})

    def attempt(_: int) -> str:
        with pytest.raises(TargetError) as caught:
            execute(pool, dead)
        return caught.value.message

    with ThreadPoolExecutor(5) as threads:
        assert len(set(threads.map(attempt, range(5)))) == 1


def test_idle_connections_are_let_go(login: Login, sshd: Sshd) -> None:
    pool = ConnectionPool(max_idle_seconds=0.3)
    execute(pool, login)
    assert len(pool) == 1
    assert eventually(lambda: len(pool) == 0)
    pool.close()


def test_no_more_than_the_most_are_kept(login: Login) -> None:
    pool = ConnectionPool(max_connections=2)
    for last in range(1, 5):
        execute(pool, login.model_copy(update={"hostname": f"127.0.7.{last}"}))
    assert len(pool) == 2
    pool.close()


def test_a_closed_pool_lets_go_of_everything_and_opens_nothing(login: Login) -> None:
    pool = ConnectionPool()
    execute(pool, login)
    pool.close()
    assert len(pool) == 0
    with pytest.raises(TargetError):
        execute(pool, login)


def test_no_thread_is_left_behind(login: Login) -> None:
    before = threading.active_count()
    pool = ConnectionPool()
    execute(pool, login)
    pool.close()
    assert eventually(lambda: threading.active_count() <= before)


def test_a_hundred_hosts_at_once(pool: ConnectionPool, login: Login) -> None:
    hosts = [f"127.0.{1 + n // 50}.{1 + n % 50}" for n in range(100)]

    def one(host: str) -> tuple[str, str, int | None]:
        said: list[bytes] = []
        run = ScriptRun(
            login=login.model_copy(update={"hostname": host}),
            script="echo $SSH_CONNECTION | cut -d' ' -f3",
            timeout_seconds=30,
        )
        result = run_script(pool, run, on_output=lambda _s, data: said.append(data), stop=threading.Event())
        return host, b"".join(said).decode().strip(), result.exit_code

    with ThreadPoolExecutor(32) as threads:
        for _ in ("cold", "warm"):
            for host, said, code in threads.map(one, hosts):
                assert (said, code) == (host, 0)
    assert len(pool) == 100


def test_an_idle_pool_costs_no_processor_time(pool: ConnectionPool, login: Login) -> None:
    for last in range(1, 11):
        execute(pool, login.model_copy(update={"hostname": f"127.0.8.{last}"}))
    began = time.process_time()
    time.sleep(1)
    assert time.process_time() - began < 0.2
