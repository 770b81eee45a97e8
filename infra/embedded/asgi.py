"""Small helpers over ASGI messages."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from infra.embedded.emulator import Application, Message, Scope, Send

Headers = list[tuple[bytes, bytes]]
JSON_TYPE = (b"content-type", b"application/json")


@dataclass
class Answer:
    status: int = 0
    headers: Headers = field(default_factory=list)
    body: bytes = b""

    def json(self) -> Any:
        return json.loads(self.body)


async def call(
    application: Application,
    method: str,
    path: str,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
) -> Answer:
    """One HTTP request to an application in this process."""
    answer = Answer()
    sent = False

    async def receive() -> Message:
        nonlocal sent
        if sent:
            return {"type": "http.disconnect"}
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status, answer.headers = message["status"], list(message["headers"])
        else:
            answer.body += message.get("body", b"")

    raw = [(name.encode(), value.encode()) for name, value in headers]
    await application(
        {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "scheme": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [*raw, (b"host", b"localhost"), (b"content-length", str(len(body)).encode())],
            "client": ("127.0.0.1", 0),
            "server": ("127.0.0.1", 0),
            "root_path": "",
            "extensions": {},
        },
        receive,
        send,
    )
    return answer


def values(scope: Scope, name: bytes) -> list[str]:
    """Every line of a header, in order."""
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


async def send_json(send: Send, status: int, content: Any, *, socket: bool = False) -> None:
    """A whole JSON answer; ``socket``: in the place of a WebSocket's handshake."""
    await send_body(send, status, json.dumps(content).encode(), [JSON_TYPE], socket=socket)


async def send_body(send: Send, status: int, body: bytes, headers: Headers, *, socket: bool = False) -> None:
    kind = "websocket.http.response" if socket else "http.response"
    lengths = [(b"content-length", str(len(body)).encode())]
    cors = [(b"access-control-allow-origin", b"*")]
    await send({"type": f"{kind}.start", "status": status, "headers": [*headers, *lengths, *cors]})
    await send({"type": f"{kind}.body", "body": body, "more_body": False})


def problem(error: str, message: str) -> dict[str, Any]:
    """What the gateway's own errors look like (infra/template/gateway.yaml)."""
    return {"error": error, "status": "error", "details": None, "message": message}
