"""Checkpoints and the relay's supervision, with small stand-ins for what they look after."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from ministack.services import stepfunctions

from infra.embedded import checkpoint, deployment, emulator
from infra.embedded.checkpoint import Checkpointer, Snapshots
from infra.embedded.logs import Tail
from infra.embedded.state import StateDirectory, StateProblem
from infra.embedded.supervisor import Relay
from infra.environment import ROOT
from tests.support.waiting import wait_until


@pytest.fixture
def snapshots(tmp_path: Path) -> Snapshots:
    made = Snapshots(tmp_path)
    made.latest()
    return made


def writing(text: str) -> checkpoint.Writer:
    def write(target: Path) -> None:
        (target / "state.json").write_text(text)

    return write


def kept(snapshots: Snapshots) -> str:
    return (snapshots.latest() / "state.json").read_text()


def take(checkpointer: Checkpointer) -> bool:
    return asyncio.run(checkpointer.take())


def test_a_snapshot_is_what_the_next_start_finds(snapshots: Snapshots) -> None:
    assert take(Checkpointer(snapshots, writing("one")))
    assert take(Checkpointer(snapshots, writing("two")))
    assert kept(snapshots) == "two"


def test_old_snapshots_go(snapshots: Snapshots) -> None:
    for number in range(5):
        assert take(Checkpointer(snapshots, writing(str(number))))
    assert len([path for path in snapshots.directory.iterdir() if path.name.isdigit()]) == checkpoint.KEPT


def test_a_snapshot_that_fails_leaves_the_one_before(snapshots: Snapshots) -> None:
    def failing(target: Path) -> None:
        (target / "state.json").write_text("half")
        raise OSError("disk full")

    take(Checkpointer(snapshots, writing("whole")))
    assert not take(Checkpointer(snapshots, failing))
    assert kept(snapshots) == "whole"


def test_a_child_that_waits_for_a_lock_is_killed_and_the_next_succeeds(
    snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "PATIENCE", 0.3)
    lock = threading.Lock()

    def locking(target: Path) -> None:
        with lock:
            (target / "state.json").write_text("after the lock")

    checkpointer = Checkpointer(snapshots, locking)
    with lock:
        assert not take(checkpointer)
    assert take(checkpointer)
    assert kept(snapshots) == "after the lock"


def test_the_loop_goes_on_while_a_snapshot_is_written(snapshots: Snapshots) -> None:
    went_on = snapshots.directory / "went-on"

    def slow(target: Path) -> None:
        wait_until(went_on.exists, what="the loop to go on")
        (target / "state.json").write_text("slow")

    async def going_on() -> bool:
        taking = asyncio.create_task(Checkpointer(snapshots, slow).take())
        await asyncio.sleep(0.1)
        went_on.touch()
        return await taking

    assert asyncio.run(going_on())
    assert kept(snapshots) == "slow"


def test_a_change_is_followed_by_a_snapshot_and_no_change_by_none(
    snapshots: Snapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "INTERVAL", 0.05)

    async def watch() -> list[int]:
        checkpointer = Checkpointer(snapshots, writing("x"))
        running = asyncio.create_task(checkpointer.run())
        await asyncio.sleep(0.5)
        counts = [checkpointer.taken]
        checkpointer.mark()
        await until(lambda: checkpointer.taken)
        await asyncio.sleep(0.5)
        running.cancel()
        return [*counts, checkpointer.taken]

    assert asyncio.run(watch()) == [0, 1]


def test_a_process_killed_in_the_middle_of_writing_keeps_the_snapshot_before(snapshots: Snapshots) -> None:
    """The parent and its writing child both end by SIGKILL while the second snapshot is half written."""
    program = textwrap.dedent(
        """
        import asyncio, sys, time
        from pathlib import Path
        from infra.embedded.checkpoint import Checkpointer, Snapshots

        def half(target):
            (target / "state.json").write_text("half")
            Path(sys.argv[1], "writing").touch()
            time.sleep(60)

        snapshots = Snapshots(Path(sys.argv[1]))
        whole = lambda target: (target / "state.json").write_text("whole")
        assert asyncio.run(Checkpointer(snapshots, whole).take())
        asyncio.run(Checkpointer(snapshots, half).take())
        """
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", program, str(snapshots.directory)], env=environment)
    marker = snapshots.directory / "writing"
    ends = time.monotonic() + 30
    while not marker.exists():
        assert time.monotonic() < ends
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert kept(snapshots) == "whole"
    assert take(Checkpointer(snapshots, writing("next")))
    assert kept(snapshots) == "next"


# ---------------------------------------------------------------- what the emulator does not read


def test_preflight_answers_are_read_from_the_body_of_the_api() -> None:
    headers = {"method.response.header.Access-Control-Allow-Origin": "'*'"}
    answer = {"default": {"statusCode": "200", "responseParameters": headers}}
    mock = {"x-amazon-apigateway-integration": {"type": "mock", "responses": answer}}
    body = {
        "paths": {"/x": {"get": {"x-amazon-apigateway-integration": {"type": "aws_proxy"}}, "options": mock}}
    }
    assert list(deployment.preflights(body)) == [("/x", "OPTIONS", "200", headers)]


def test_workflows_that_ended_long_ago_are_forgotten() -> None:
    executions = stepfunctions._executions._data
    kept_before = dict(executions)
    for name, stop in (
        ("old", "2024-01-01T00:00:00.000Z"),
        ("new", "2024-01-03T00:00:00.000Z"),
        ("running", None),
    ):
        executions["0", "us-east-1", name] = {"stopDate": stop}
    try:
        assert emulator.forget_ended_workflows(datetime(2024, 1, 2, tzinfo=UTC)) == 1
        assert {key[2] for key in executions.keys() - kept_before.keys()} == {"new", "running"}
    finally:
        executions.clear()
        executions.update(kept_before)


# ---------------------------------------------------------------- the state directory


def test_a_state_directory_is_one_instances_own(tmp_path: Path) -> None:
    first, second = StateDirectory(tmp_path / "s"), StateDirectory(tmp_path / "s")
    first.prepare()
    assert first.acquire()
    assert second.is_live()
    assert not second.acquire()
    first.release()
    assert not second.is_live()


def test_a_state_directory_is_its_owners_alone(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path / "s")
    state.prepare()
    assert state.path.stat().st_mode & 0o777 == 0o700


def test_a_state_directory_that_cannot_be_made_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateProblem, match="cannot use the state directory"):
        StateDirectory(tmp_path / "file" / "state").prepare()


def test_the_internal_port_stays_the_same(tmp_path: Path) -> None:
    state = StateDirectory(tmp_path)
    assert state.internal_port() == state.internal_port()


# ---------------------------------------------------------------- logs


def test_a_log_is_followed_past_its_rotation(tmp_path: Path) -> None:
    path = tmp_path / "relay.log"
    path.write_text("one\ntwo\n")
    tail = Tail(path, last=1)
    assert tail.first == ["two"]
    with path.open("a") as stream:
        stream.write("three\n")
    path.rename(tmp_path / "relay.log.1")
    path.write_text("four\nfi")
    assert list(tail.new()) == ["three", "four"]
    with path.open("a") as stream:
        stream.write("ve\n")
    assert list(tail.new()) == ["five"]


# ---------------------------------------------------------------- the relay


class Lines(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(record.getMessage())


@pytest.fixture
def output() -> tuple[logging.Logger, Lines]:
    lines = Lines()
    logger = logging.getLogger("relay-under-test")
    logger.setLevel(logging.INFO)
    logger.handlers = [lines]
    return logger, lines


@pytest.fixture
def stand_in(tmp_path: Path) -> dict[str, str]:
    """An environment in which ``python -m chalicelib.relay`` is a small program of ours."""
    for package in ("chalicelib", "chalicelib/relay", "infra", "infra/embedded"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "chalicelib/relay/__main__.py").write_text(
        "import time\nprint('y' * 300_000, flush=True)\nprint('up', flush=True)\ntime.sleep(60)\n"
    )
    (tmp_path / "infra/embedded/tether.py").write_bytes((ROOT / "infra/embedded/tether.py").read_bytes())
    return {"PYTHONPATH": str(tmp_path), "PATH": os.environ["PATH"]}


def test_a_relay_that_dies_is_started_again_and_stopped_at_the_end(
    stand_in: dict[str, str],
    output: tuple[logging.Logger, Lines],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    logger, lines = output
    pids: list[int] = []

    async def live() -> None:
        relay = Relay(stand_in, logger, pids.append)
        running = asyncio.create_task(relay.run())
        await until(lambda: lines.seen.count("up") == 1)
        os.kill(pids[0], signal.SIGKILL)
        await until(lambda: lines.seen.count("up") == 2)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert not relay.is_running()

    asyncio.run(live())
    assert len(set(pids)) == 2
    assert any("starting it again" in line for line in lines.seen)


async def until(question: object, seconds: float = 60) -> None:
    assert callable(question)
    ends = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < ends
        await asyncio.sleep(0.02)
