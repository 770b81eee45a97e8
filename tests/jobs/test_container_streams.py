"""What goes on while somebody listens, on a real cluster by the packaged app: logs, and a shell."""

from __future__ import annotations

import json
from typing import Any

import pytest
import websocket

from tests.jobs.harbour import PATIENCE, Harbour, Json
from tests.jobs.seat import Seat
from tests.support.client import ContractClient
from tests.support.people import PASSWORD
from tests.support.stack import Stack
from tests.support.things import unique

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def app(harbour: Harbour) -> Json:
    made = harbour.create("chatty", replicas=2)
    harbour.running(made)
    return made


class Listener:
    """Of a deployment's log."""

    def __init__(self, stack: Stack, client: ContractClient, found: Json, query: str = "") -> None:
        address = stack.base_url.replace("http", "ws", 1)
        self.socket = websocket.create_connection(
            f"{address}/engine/v1/deployments/{found['id']}/logs/stream{query}",
            header=[f"Authorization: Bearer {client.token}"],
            timeout=PATIENCE,
        )
        self.lines: list[Json] = []
        self.frames = 0
        self.cursor = ""

    def next(self) -> Json:
        message: Json = json.loads(self.socket.recv())
        if message["type"] == "logs":
            self.frames += 1
            assert message["seq"] == self.frames
            self.lines += message["logs"]
            self.cursor = message["cursor"]
        return message

    def hears_of_both(self, many: int) -> None:
        while any(len(numbers(self.lines, pod)) < many for pod in _two(self.lines)):
            self.next()

    def close(self) -> None:
        self.socket.close()


def _two(lines: list[Json]) -> list[str]:
    """Both pods' names; one that was not heard yet is called nothing."""
    return [*sorted({line["pod"] for line in lines}), "", ""][:2]


def numbers(lines: list[Json], pod: str) -> list[int]:
    told = [line["message"].removeprefix("line ") for line in lines if line["pod"] == pod]
    return [int(text) for text in told if text.isdecimal()]


def test_a_log_is_heard_as_it_is_written_and_gone_on_with_without_a_gap(
    stack: Stack, harbour: Harbour, app: Json
) -> None:
    first = Listener(stack, harbour.client, app, "?tail=3")
    first.hears_of_both(8)
    first.close()
    second = Listener(stack, harbour.client, app, f"?cursor={first.cursor}")
    second.hears_of_both(8)
    second.close()
    entry = first.lines[0]
    assert (entry["level"], entry["source"]) == ("info", "app")
    heard = first.lines + second.lines
    for pod in _two(heard):
        found = numbers(heard, pod)
        assert found == list(range(found[0], found[0] + len(found)))


def refused(stack: Stack, path: str, client: ContractClient | None) -> bool:
    address = stack.base_url.replace("http", "ws", 1)
    header = [f"Authorization: Bearer {client.token}"] if client else []
    with pytest.raises(websocket.WebSocketBadStatusException):
        websocket.create_connection(f"{address}{path}", header=header, timeout=PATIENCE)
    return True


@pytest.mark.parametrize("what", ["logs/stream", "exec"])
def test_nobody_listens_or_enters_who_may_not(stack: Stack, harbour: Harbour, app: Json, what: str) -> None:
    name = unique("stranger")
    stack.ensure_user(name, "user")
    stranger = stack.log_in(name, PASSWORD).on("engine")
    path = f"/engine/v1/deployments/{app['id']}/{what}"
    assert refused(stack, path, None)
    assert refused(stack, path, stranger)
    nothing = f"/engine/v1/deployments/00000000-0000-4000-8000-000000000000/{what}"
    assert refused(stack, nothing, harbour.client)


def test_a_shell_is_opened_in_a_container_and_comes_back(stack: Stack, harbour: Harbour, app: Json) -> None:
    path, token = "/engine/v1/deployments/", harbour.client.token
    seat = Seat(stack, app["id"], token=token, path=path, end="/exec")
    resume = seat.hears("ready")["resume"]
    seat.type("here=still-set; echo rea''dy\r")
    seat.sees("ready\r\n")
    seat.vanishes()
    back = Seat(stack, app["id"], f"?resume={resume}&seen={seat.seen}", token=token, path=path, end="/exec")
    assert back.hears("ready")["resumed"]
    assert "still-set" in back.runs("echo $here")
    assert "version 1" in back.runs("wget -qO- http://127.0.0.1:8080/")
    back.type("exit 4\r")
    told: dict[str, Any] = back.until_closed()[-1]
    assert (told["type"], told["code"], told["close"]) == ("exit", 4, 1000)


def test_a_log_ends_when_its_deployment_is_deleted(stack: Stack, harbour: Harbour) -> None:
    made = harbour.create("chatty")
    harbour.running(made)
    listener = Listener(stack, harbour.client, made)
    while not listener.lines:
        listener.next()
    harbour.client.ok("DELETE", f"/v1/deployments/{made['id']}")
    while (last := listener.next())["type"] == "logs":
        pass
    assert (last["type"], last["close"]) == ("end", 1000)
    assert listener.socket.recv_data()[0] == websocket.ABNF.OPCODE_CLOSE
