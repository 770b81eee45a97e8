"""Stopping and timing out: what ran on the host is gone, all of it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from chalicelib.kernel.errors import PermanentTargetError
from chalicelib.kernel.secrets import Secret
from chalicelib.targets.ssh import programs
from chalicelib.targets.ssh.pool import ConnectionPool
from chalicelib.targets.ssh.requests import Login, ScriptResult, ScriptRun
from chalicelib.targets.ssh.run import run_script
from tests.support.sshd import Sshd
from tests.targets.test_ssh_run import eventually

pytestmark = pytest.mark.targets


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] not in "ZX"
    except OSError:
        return False


class Stoppable:
    """Runs a script, and sets ``stop`` as soon as its output holds ``at``, or so many lines."""

    def __init__(
        self, pool: ConnectionPool, login: Login, script: str, at: bytes | int, timeout: int = 30
    ) -> None:
        self.stop = threading.Event()
        self.output = b""
        self._at = at
        run = ScriptRun(login=login, script=script, timeout_seconds=timeout)
        self.result: ScriptResult = run_script(pool, run, on_output=self._take, stop=self.stop)

    def _take(self, _stream: str, data: bytes) -> None:
        self.output += data
        at = self._at
        if at in self.output if isinstance(at, bytes) else self.output.count(b"\n") >= at:
            self.stop.set()

    @property
    def pids(self) -> list[int]:
        return [int(word) for word in self.output.split() if word.isdigit()]


FAMILY = """
sleep 300 & echo $!
(sh -c 'echo $$; sleep 301') &
sh -c 'sh -c "echo \\$\\$; sleep 302" & echo $$; wait' &
echo $$; wait
"""


def test_stop_ends_the_script_and_all_its_descendants(pool: ConnectionPool, login: Login) -> None:
    run = Stoppable(pool, login, FAMILY, at=5)
    assert (run.result.outcome, run.result.signal) == ("stopped", "TERM")
    assert len(run.pids) == 5
    assert not [pid for pid in run.pids if alive(pid)]


def test_stop_kills_what_does_not_listen_to_term(pool: ConnectionPool, login: Login) -> None:
    run = Stoppable(pool, login, "trap '' TERM; echo $$; sh -c 'echo $$; sleep 300; sleep 300'", at=b"\n")
    assert (run.result.outcome, run.result.signal) == ("stopped", "KILL")
    assert not [pid for pid in run.pids if alive(pid)]


def test_a_script_that_tidies_up_on_term_has_time_for_it(pool: ConnectionPool, login: Login) -> None:
    run = Stoppable(
        pool,
        login,
        "trap 'sleep 0.5; echo tidy; exit 9' TERM; echo up; while :; do sleep 0.1; done",
        at=b"up",
    )
    assert (run.result.outcome, run.result.exit_code) == ("stopped", 9)
    assert b"tidy" in run.output


def test_the_timeout_ends_the_script_and_all_its_descendants(pool: ConnectionPool, login: Login) -> None:
    run = Stoppable(pool, login, FAMILY, at=b"never", timeout=4)
    assert run.result.outcome == "timed_out"
    assert len(run.pids) == 5
    assert not [pid for pid in run.pids if alive(pid)]


def test_the_timeout_counts_for_a_script_that_prints_without_end(pool: ConnectionPool, login: Login) -> None:
    run = Stoppable(pool, login, "while :; do echo noise; sleep 0.01; done", at=b"never", timeout=1)
    assert run.result.outcome == "timed_out"


def test_the_file_is_gone_after_a_stop(pool: ConnectionPool, login: Login) -> None:
    run = Stoppable(pool, login, "echo $0 up; sleep 300", at=b"up")
    assert eventually(lambda: not Path(run.output.decode().split()[0]).exists())


def test_stopped_before_it_began_nothing_is_run(pool: ConnectionPool, login: Login, tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    run = ScriptRun(login=login, script=f"touch {tmp_path}/ran", timeout_seconds=5)
    result = run_script(pool, run, on_output=lambda *_: None, stop=stop)
    assert (result.outcome, result.exit_code) == ("stopped", None)
    assert not (tmp_path / "ran").exists()
    assert len(pool) == 0


def test_an_error_of_the_reader_stops_the_script_and_comes_back(pool: ConnectionPool, login: Login) -> None:
    pids: list[int] = []

    def take(_stream: str, data: bytes) -> None:
        pids.append(int(data))
        raise ZeroDivisionError

    run = ScriptRun(login=login, script="echo $$; sleep 300", timeout_seconds=30)
    with pytest.raises(ZeroDivisionError):
        run_script(pool, run, on_output=take, stop=threading.Event())
    assert not alive(pids[0])


def test_a_host_with_one_session_a_connection_can_still_be_stopped(pool: ConnectionPool) -> None:
    with Sshd(max_sessions=1) as sshd:
        key = Secret(sshd.authorized_key().private)
        login = Login(hostname="127.0.0.1", port=sshd.port, username=sshd.username, private_key=key)
        run = Stoppable(pool, login, FAMILY, at=5)
        assert run.result.outcome == "stopped"
        assert not [pid for pid in run.pids if alive(pid)]


def test_what_left_the_group_is_not_ours_to_kill(pool: ConnectionPool, login: Login) -> None:
    run = Stoppable(pool, login, "setsid sleep 60 & echo $!; sleep 0.2; echo up; sleep 300", at=b"up")
    assert run.result.outcome == "stopped"
    assert alive(run.pids[0])


def test_processes_that_outlive_the_kill_are_an_error(
    pool: ConnectionPool, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A process that became another user's cannot be made everywhere: a program that sends nothing stands in.

    monkeypatch.setattr(programs, "STOP", programs.STOP.replace('kill "-$1"', ": kill"))
    with pytest.raises(PermanentTargetError, match="could not be stopped: processes of its group") as caught:
        Stoppable(pool, login, "echo up; sleep 25", at=b"up")
    assert caught.value.details == {"started": True}
