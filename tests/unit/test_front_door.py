"""The front door's addresses and headers, with a backend that only notes what reaches it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import pytest

from infra.embedded.addresses import channel_query, forwarded_for, surface_path
from infra.embedded.front_door import MAX_BODY, FrontDoor, Routes

Message = dict[str, Any]


@pytest.mark.parametrize(
    ("host", "path", "expected"),
    [
        ("localhost", "/birun/api/servers", "/birun/api/servers"),
        ("localhost", "/birun/api/servers/", "/birun/api/servers"),
        ("127.0.0.1", "/engine/v1/deployments", "/engine/v1/deployments"),
        ("engine.localhost", "/v1/deployments", "/engine/v1/deployments"),
        ("BIRUN.example.com", "/ws/terminal/3", "/birun/ws/terminal/3"),
        ("birun.localhost", "/", "/birun"),
        ("localhost", "/hub", "/hub"),
        ("localhost", "/hubris/x", None),
        ("localhost", "/", None),
        ("localhost", "/health", None),
        ("birun", "/api/servers", None),
        ("other.localhost", "/api/servers", None),
    ],
)
def test_a_surface_has_a_prefix_and_a_host_alias(host: str, path: str, expected: str | None) -> None:
    assert surface_path(host, path) == expected


def test_a_client_cannot_name_another_channel() -> None:
    query = channel_query("/birun/ws/executions/1", "channel=/birun/ws/executions/2&token=a%26b&cursor=")
    assert query == "channel=%2Fbirun%2Fws%2Fexecutions%2F1&token=a%26b&cursor="


@pytest.mark.parametrize(
    ("received", "hops", "expected"),
    [
        ([], 1, "10.0.0.9"),
        (["6.6.6.6"], 1, "10.0.0.9"),
        (["6.6.6.6, 7.7.7.7", "8.8.8.8"], 1, "10.0.0.9"),
        (["6.6.6.6, 198.51.100.7"], 2, "198.51.100.7, 10.0.0.9"),
        (["6.6.6.6", "198.51.100.7, 192.0.2.1"], 3, "198.51.100.7, 192.0.2.1, 10.0.0.9"),
        ([], 2, "10.0.0.9"),
    ],
)
def test_a_client_cannot_choose_its_address(received: list[str], hops: int, expected: str) -> None:
    assert forwarded_for(received, "10.0.0.9", hops) == expected


class Backend:
    """Notes the scope and the body; answers what it is told to."""

    def __init__(self, *answers: Message) -> None:
        self.answers = answers or (
            {"type": "http.response.start", "status": 200, "headers": []},
            {"type": "http.response.body", "body": b"{}"},
        )
        self.scope: Message = {}
        self.body = b""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope = dict(scope)
        while (message := await receive())["type"] == "http.request":
            self.body += message.get("body", b"")
            if not message.get("more_body"):
                break
        for answer in self.answers:
            await send(answer)

    def headers(self, name: str) -> list[str]:
        return [value.decode() for key, value in self.scope["headers"] if key.decode() == name]


async def healthy() -> dict[str, Any]:
    return {"status": "healthy", "parts": {}}


def ask(
    backend: Backend, incoming: Iterable[Message] = (), *, started: bool = True, **scope: Any
) -> list[Message]:
    """The messages with which the front door answers one request."""
    door = FrontDoor(backend, hops=1, health=healthy)
    if started:
        door.routes = Routes("rest1", "api", "sock1", "live", ("birun",))
    sent: list[Message] = []
    queue = list(incoming) or [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        return queue.pop(0) if queue else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    path = scope.pop("path", "/birun/api/servers")
    full = {
        "type": "http",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": scope.pop("raw_path", path.encode()),
        "query_string": b"",
        "headers": [(b"host", b"localhost:8000")],
        "client": ("203.0.113.5", 4000),
        **scope,
    }
    asyncio.run(door(full, receive, send))
    return sent


def test_a_request_reaches_the_gateway_with_its_escapes_untouched() -> None:
    backend = Backend()
    ask(backend, path="/birun/api/servers/a b/", raw_path=b"/birun/api/servers/a%20b/")
    assert backend.scope["path"] == "/restapis/rest1/api/_user_request_/birun/api/servers/a b"
    assert backend.scope["raw_path"] == b"/restapis/rest1/api/_user_request_/birun/api/servers/a%20b"


def test_headers_that_steer_the_emulator_are_never_a_clients() -> None:
    backend = Backend()
    headers = [
        (b"host", b"birun.localhost:8000"),
        (b"x-amz-target", b"DynamoDB_20120810.DescribeTable"),
        (b"x-forwarded-for", b"6.6.6.6"),
        (b"x-forwarded-host", b"evil.example"),
        (b"x-forwarded-proto", b"https"),
        (b"authorization", b"Bearer t"),
    ]
    ask(backend, path="/api/servers", headers=headers)
    assert backend.headers("x-amz-target") == []
    assert backend.headers("host") == ["localhost"]
    assert backend.headers("x-forwarded-for") == ["203.0.113.5"]
    assert backend.headers("x-forwarded-host") == ["birun.localhost:8000"]
    assert backend.headers("x-forwarded-proto") == ["http"]
    assert backend.headers("authorization") == ["Bearer t"]


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
def test_a_body_past_the_limit_is_refused_as_the_gateway_would(declared: bool) -> None:
    backend = Backend()
    length = [(b"content-length", str(MAX_BODY + 1).encode())] if declared else []
    half = b"x" * (MAX_BODY // 2 + 1)
    incoming = [
        {"type": "http.request", "body": half, "more_body": True},
        {"type": "http.request", "body": half, "more_body": False},
    ]
    sent = ask(backend, incoming, method="POST", headers=[(b"host", b"localhost"), *length])
    assert sent[0]["status"] == 413
    assert json.loads(sent[1]["body"])["status"] == "error"


def test_a_body_at_the_limit_passes() -> None:
    backend = Backend()
    incoming = [{"type": "http.request", "body": b"x" * MAX_BODY, "more_body": False}]
    assert ask(backend, incoming, method="POST")[0]["status"] == 200
    assert len(backend.body) == MAX_BODY


def test_an_unknown_address_is_a_404_in_json() -> None:
    sent = ask(Backend(), path="/nobody/here")
    assert sent[0]["status"] == 404
    content = json.loads(sent[1]["body"])
    assert (content["error"], content["status"], content["details"]) == ("Resource not found", "error", None)


def test_what_is_not_deployed_yet_is_503() -> None:
    assert ask(Backend(), started=False)[0]["status"] == 503


def test_the_index_names_only_what_answers() -> None:
    content = json.loads(ask(Backend(), path="/")[1]["body"])
    assert content["addresses"] == {"birun": "/birun/api", "health": "/health"}


def test_a_socket_path_becomes_a_channel_of_the_one_socket_api() -> None:
    backend = Backend({"type": "websocket.accept"})
    sent = ask(
        backend,
        [{"type": "websocket.connect"}],
        type="websocket",
        path="/birun/ws/executions/7/",
        query_string=b"token=abc&channel=/birun/ws/executions/8",
        subprotocols=["bearer.abc", "other"],
    )
    assert backend.scope["path"] == "/_aws/execute-api/sock1/live"
    assert backend.scope["query_string"] == b"channel=%2Fbirun%2Fws%2Fexecutions%2F7&token=abc"
    assert sent == [{"type": "websocket.accept", "subprotocol": "bearer.abc"}]


def test_close_codes_pass_through() -> None:
    backend = Backend(
        {"type": "websocket.accept"}, {"type": "websocket.close", "code": 4401, "reason": "gone"}
    )
    sent = ask(backend, [{"type": "websocket.connect"}], type="websocket", path="/birun/ws/executions/7")
    assert sent[-1] == {"type": "websocket.close", "code": 4401, "reason": "gone"}


def test_a_socket_at_no_surface_is_refused_with_a_404() -> None:
    sent = ask(Backend(), [{"type": "websocket.connect"}], type="websocket", path="/elsewhere/ws/7")
    assert (sent[0]["type"], sent[0]["status"]) == ("websocket.http.response.start", 404)
