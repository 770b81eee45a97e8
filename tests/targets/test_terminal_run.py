"""A relay's run of a terminal on a real sshd, with time made short: keeping alive, the gateway's two hours,
leaving for good, idling."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from chalicelib.aws import blobs, sockets
from chalicelib.core.inventory import servers
from chalicelib.core.terminals import sessions
from chalicelib.core.terminals.orders import OnServer, TerminalOrder
from chalicelib.core.terminals.sessions import Ending
from chalicelib.kernel import settings
from chalicelib.kernel.secrets import Secret
from chalicelib.relay import line
from chalicelib.relay import terminal as terminals
from chalicelib.relay.terminal import TerminalRun
from chalicelib.targets.ssh.pool import ConnectionPool
from chalicelib.targets.ssh.requests import Login

pytestmark = pytest.mark.targets

SECONDS = 60.0


class Gateway:
    """Stands for the gateway and the table: what was said to whom, who is gone, how it ended."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.gone: set[str] = set()
        self.closed: list[str] = []
        self.recorded: list[bytes] = []
        self.ending: Ending | None = None

    def post(self, connection_id: str, data: bytes) -> None:
        with self.changed:
            if connection_id in self.gone:
                raise sockets.Gone
            self.said.append((connection_id, json.loads(data)))
            self.changed.notify_all()

    def close(self, connection_id: str) -> None:
        self.closed.append(connection_id)

    def end(self, terminal_id: int, ending: Ending) -> bool:
        with self.changed:
            self.ending = ending
            self.changed.notify_all()
        return True

    def until(self, holds: Callable[[], Any]) -> Any:
        with self.changed:
            found = self.changed.wait_for(holds, SECONDS)
        assert found, f"did not happen; said: {self.said[-5:]}, ended: {self.ending}"
        return found

    def hears(self, kind: str, connection_id: str = "c1") -> dict[str, Any]:
        def look() -> Any:
            return next((m for who, m in self.said if who == connection_id and m["type"] == kind), None)

        found: dict[str, Any] = self.until(look)
        return found

    def screen(self, connection_id: str = "c1") -> str:
        told = [m for who, m in self.said if who == connection_id and m["type"] == "output"]
        return "".join(message["data"] for message in told)


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Gateway:
    made = Gateway()
    monkeypatch.setattr(sockets, "post", made.post)
    monkeypatch.setattr(sockets, "close", made.close)
    monkeypatch.setattr(servers, "pin_host_key", lambda *_: None)
    monkeypatch.setattr(sessions, "begin", lambda terminal_id, boot: True)
    monkeypatch.setattr(sessions, "end", made.end)
    monkeypatch.setattr(sessions, "note_recording", lambda *_, **__: None)
    monkeypatch.setattr(blobs, "put", lambda key, body: made.recorded.append(body))
    return made


@pytest.fixture
def open_run(pool: ConnectionPool, login: Login, gateway: Gateway) -> Iterator[Callable[[], TerminalRun]]:
    runs: list[TerminalRun] = []

    def start() -> TerminalRun:
        order = TerminalOrder(
            terminal_id=5,
            where=OnServer(server_id=1, login=login),
            resume=Secret("5.token"),
            columns=80,
            rows=24,
        )
        runs.append(TerminalRun(order, "c1", "boot", pool, lambda run: None))
        runs[-1].start()
        return runs[-1]

    yield start
    for run in runs:
        run.stop("the test is over")
        run.join(SECONDS)


def typed(run: TerminalRun, text: str) -> None:
    run.say({"keys": text})


def test_a_silent_connection_is_kept_alive(
    open_run: Callable[[], TerminalRun], gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "PING_SECONDS", 0.3)
    open_run()
    gateway.until(lambda: sum(message["type"] == "ping" for _, message in gateway.said) >= 3)


def test_before_the_gateway_closes_the_person_is_told_how_to_go_on(
    open_run: Callable[[], TerminalRun], gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line, "LONGEST_SECONDS", line.NOTICE_SECONDS + 1)
    run = open_run()
    told = gateway.hears("closing")
    assert told["resume"] == gateway.hears("ready")["resume"] == "5.token"
    typed(run, "here=still-set; echo be''fore\r")
    gateway.until(lambda: "before\r\n" in gateway.screen())
    gateway.gone.add("c1")  # the two hours are over
    run.leave("c1")
    typed(run, "echo mis''sed\r")
    run.resume("c2", None)
    typed(run, "echo $here\r")
    gateway.until(lambda: "still-set" in gateway.screen("c2"))
    assert "missed\r\n" in gateway.screen() + gateway.screen("c2")
    assert [message["type"] for _, message in gateway.said].count("closing") == 1
    assert gateway.ending is None


def test_who_does_not_come_back_ends_the_session(
    open_run: Callable[[], TerminalRun], gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUARTERDECK_TERMINAL_RESUME_SECONDS", "1")
    settings.forget()
    run = open_run()
    gateway.hears("ready")
    gateway.gone.add("c1")
    run.leave("c1")
    gateway.until(lambda: gateway.ending)
    settings.forget()
    assert gateway.ending == Ending(terminals.GONE)


def test_a_shell_at_which_nothing_happens_is_ended(
    open_run: Callable[[], TerminalRun], gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUARTERDECK_TERMINAL_IDLE_SECONDS", "1")
    settings.forget()
    open_run()
    gateway.until(lambda: gateway.ending)
    settings.forget()
    assert gateway.ending == Ending(terminals.IDLE.format(1))
    assert gateway.hears("error")["data"] == terminals.IDLE.format(1)


def test_a_flood_waits_for_a_slow_gateway_and_comes_whole(
    open_run: Callable[[], TerminalRun], gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(connection_id: str, data: bytes) -> None:
        time.sleep(0.01)
        gateway.post(connection_id, data)

    monkeypatch.setattr(sockets, "post", slow)
    run = open_run()
    typed(run, "seq 1 200000; exit\r")
    gateway.until(lambda: gateway.ending)
    screen = re.sub(r"\x1b\[\?\d+[hl]|\r", "", gateway.screen())
    numbers = [int(each) for each in screen.split("\n") if each.isdecimal()]
    assert numbers == list(range(1, 200001))
