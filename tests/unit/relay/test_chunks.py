"""A chunk's results: none is lost because the table or the bucket was away for a while."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from chalicelib.aws import trouble
from chalicelib.core.executions import feed, ledger
from chalicelib.core.executions.ledger import Result
from chalicelib.core.executions.status import Status
from chalicelib.core.inventory import servers
from chalicelib.core.relays.orders import HostOrder, ScriptOrder
from chalicelib.kernel.errors import PermanentTargetError
from chalicelib.relay import chunks, patience
from chalicelib.relay.chunks import ChunkRun
from chalicelib.targets.ssh.pool import ConnectionPool
from chalicelib.targets.ssh.requests import ScriptResult

DONE = ScriptResult(outcome="exited", exit_code=0, host_key="k", output_bytes=0, output_dropped=False)
HOST = HostOrder(part_id=7, server_id=3, hostname="h", port=2222, username="u")
AWAY = EndpointConnectionError(endpoint_url="https://table")


class Ledger:
    """Stands for the table; the first ``away`` calls find it away."""

    def __init__(self) -> None:
        self.away = 0
        self.finished: list[Result] = []
        self.kept: list[Result] = []
        self.pinned: list[Any] = []
        self.is_stopped = False

    def _here(self) -> None:
        if self.away:
            self.away -= 1
            raise AWAY

    def finish(self, part_id: int, attempt: int, runner: str | None, result: Result) -> bool:
        self._here()
        if self.is_stopped or self.finished:
            return False
        self.finished.append(result)
        return True

    def keep(self, part_id: int, runner: str, result: Result) -> bool:
        self._here()
        self.kept.append(result)
        return True

    def pin(self, *pinned: Any) -> None:
        self._here()
        self.pinned.append(pinned)


class Now:
    """A crew that does each job at once."""

    def add(self, job: Any) -> None:
        job()


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Ledger:
    made = Ledger()
    monkeypatch.setattr(patience, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(feed, "last_number", lambda *_: 0)
    monkeypatch.setattr(feed, "write", lambda _: None)
    part = SimpleNamespace(id=7, server_id=3, state=Status.QUEUED, runner=None)
    monkeypatch.setattr(ChunkRun, "_parts", lambda _: {7: part})
    monkeypatch.setattr(ledger, "start_part", lambda *_: True)
    monkeypatch.setattr(ledger, "finish_part", made.finish)
    monkeypatch.setattr(ledger, "keep_output", made.keep)
    monkeypatch.setattr(servers, "pin_host_key", made.pin)
    return made


def run(monkeypatch: pytest.MonkeyPatch, script: Any) -> list[str]:
    """Runs a chunk of one server whose script ends as ``script(on_started)`` does; how often it was done."""
    monkeypatch.setattr(chunks, "run_script", lambda *_, on_started, **__: script(on_started))
    order = ScriptOrder(
        execution_id="e",
        attempt=1,
        chunk=0,
        script="true",
        timeout_seconds=9,
        max_concurrent=1,
        said_at="",
        hosts=[HOST],
    )
    done: list[str] = []
    ChunkRun(order, "boot", ConnectionPool(), lambda: done.append("done")).start(Now())  # type: ignore[arg-type]
    return done


def test_a_result_is_recorded_once_the_table_is_there_again(
    table: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    table.away = 3
    assert run(monkeypatch, lambda _: DONE) == ["done"]
    assert [result.status for result in table.finished] == [Status.SUCCEEDED]


def test_a_feed_that_cannot_be_written_keeps_nobody_waiting_for_the_chunk(
    table: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Any) -> None:
        raise ValueError("no such feed")

    monkeypatch.setattr(feed, "write", broken)
    assert run(monkeypatch, lambda _: DONE) == ["done"]
    assert [result.status for result in table.finished] == [Status.SUCCEEDED]


def test_a_host_key_is_pinned_when_the_script_begins_to_where_it_was_seen(
    table: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(on_started: Any) -> ScriptResult:
        on_started("ssh-ed25519 AAAA")
        assert table.pinned == [(3, ("h", 2222), "ssh-ed25519 AAAA")]
        return DONE

    run(monkeypatch, script)
    assert len(table.finished) == 1


def test_a_script_goes_on_though_its_hosts_key_cannot_be_pinned_now(
    table: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(on_started: Any) -> ScriptResult:
        table.away = 1
        on_started("ssh-ed25519 AAAA")
        return DONE

    run(monkeypatch, script)
    assert [result.status for result in table.finished] == [Status.SUCCEEDED]


def test_that_a_script_could_not_be_stopped_is_kept_with_the_part_that_was(
    table: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(_: Any) -> ScriptResult:
        raise PermanentTargetError("The script could not be stopped: processes remain.")

    table.is_stopped = True
    run(monkeypatch, script)
    assert [result.reason for result in table.kept] == ["The script could not be stopped: processes remain."]


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (AWAY, True),
        (SimpleNamespace(cause=AWAY), True),
        (ValueError("no"), False),
    ],
)
def test_what_passes_by_itself(error: Any, passes: bool) -> None:
    assert trouble.passes(error) is passes


@pytest.mark.parametrize(
    ("code", "status", "passes"),
    [
        ("ThrottlingException", 400, True),
        ("InternalServerError", 500, True),
        ("ValidationException", 400, False),
        ("ConditionalCheckFailedException", 400, False),
    ],
)
def test_which_refusals_pass_by_themselves(code: str, status: int, passes: bool) -> None:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    assert trouble.passes(ClientError(answer, "UpdateItem")) is passes
