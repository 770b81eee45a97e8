"""The front door: friendly addresses in front of the gateway, as CloudFront is on AWS.

It is an ASGI application that changes a request's address and calls the emulator's application in the
same process: there is no second hop. Answers and WebSocket messages pass through it as they are.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from infra.embedded.addresses import (
    BASES,
    channel_query,
    forwarded_for,
    surface_path,
)
from infra.embedded.asgi import Headers, problem, send_body, send_json, values
from infra.embedded.emulator import Application, Message, Receive, Scope, Send

access_log = logging.getLogger("quarterdeck.access")

MAX_BODY = 10 * 1024 * 1024  # API Gateway's limit
NOT_FOUND = problem("Resource not found", "No such address; GET / names those that answer")
TOO_LARGE = problem("Request too large", "A request may be 10 MB at most")
STARTING = problem("Starting", "Quarterdeck is starting; try again in a few seconds")
# Written by us, or read by the emulator to tell its services apart: never taken from a client.
OWN_HEADERS = frozenset(
    {b"host", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-forwarded-port"}
)

Health = Callable[[], Awaitable[dict[str, Any]]]


@dataclass(frozen=True)
class Routes:
    """Where the deployed APIs are."""

    rest_api: str
    rest_stage: str
    socket_api: str
    socket_stage: str
    surfaces: tuple[str, ...]


class _TooLarge(Exception):
    """The body passed the limit while it was read."""


class FrontDoor:
    def __init__(self, backend: Application, *, hops: int, health: Health) -> None:
        self.backend = backend
        self.hops = hops
        self.health = health
        self.routes: Routes | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)

    # ------------------------------------------------------------------ HTTP

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        status = 0

        async def send_and_note(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._answer(scope, receive, send_and_note)
        finally:
            took = (time.perf_counter() - started) * 1000
            # The path alone: a query string may hold a token.
            access_log.info("%s %s %s %.1fms", scope["method"], scope["path"], status, took)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = _host(scope)
        path = surface_path(host, scope["path"])
        if path is None:
            await self._own(scope, send)
        elif self.routes is None:
            await send_json(send, 503, STARTING)
        elif _declared_length(scope) > MAX_BODY:
            await send_json(send, 413, TOO_LARGE)
        else:
            prefix = f"/restapis/{self.routes.rest_api}/{self.routes.rest_stage}/_user_request_"
            raw = surface_path(host, scope["raw_path"].decode("latin-1")) or path
            inner = {
                **scope,
                "path": prefix + path,
                "raw_path": (prefix + raw).encode("latin-1"),
                "headers": self._headers(scope),
            }
            try:
                await self.backend(inner, _limited(receive), send)
            except _TooLarge:
                await send_json(send, 413, TOO_LARGE)

    async def _own(self, scope: Scope, send: Send) -> None:
        """The addresses that are the front door's own."""
        path = scope["path"].rstrip("/")
        if scope["method"] not in {"GET", "HEAD"}:
            await send_json(send, 404, NOT_FOUND)
        elif path == "":
            await self._index(scope, send)
        elif path == "/health":
            report = await self.health()
            await send_json(send, 200 if report["status"] == "healthy" else 503, report)
        else:
            await send_json(send, 404, NOT_FOUND)

    async def _index(self, scope: Scope, send: Send) -> None:
        surfaces = self.routes.surfaces if self.routes else ()
        links = {name: BASES[name] for name in surfaces} | {"health": "/health"}
        if not any("text/html" in value for value in values(scope, b"accept")):
            await send_json(send, 200, {"name": "Quarterdeck", "addresses": links})
            return
        items = "".join(f"<li>{name}: <code>{base}</code></li>" for name, base in links.items())
        head = '<!doctype html><html lang="en"><title>Quarterdeck</title><h1>Quarterdeck</h1>'
        page = f"{head}<ul>{items}</ul></html>"
        await send_body(send, 200, page.encode(), [(b"content-type", b"text/html; charset=utf-8")])

    # ------------------------------------------------------------------ WebSockets

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = surface_path(_host(scope), scope["path"])
        if path is None or self.routes is None:
            await receive()  # the handshake
            status, content = (404, NOT_FOUND) if self.routes else (503, STARTING)
            await send_json(send, status, content, socket=True)
            return
        address = f"/_aws/execute-api/{self.routes.socket_api}/{self.routes.socket_stage}"
        query = channel_query(path, scope["query_string"].decode("latin-1"))
        inner = {
            **scope,
            "path": address,
            "raw_path": address.encode(),
            "query_string": query.encode(),
            "headers": self._headers(scope),
        }
        access_log.info("WEBSOCKET %s", scope["path"])
        await self.backend(inner, receive, _choosing_subprotocol(scope, send))

    def _headers(self, scope: Scope) -> Headers:
        peer = (scope.get("client") or ("127.0.0.1", 0))[0]
        kept = [
            (name, value)
            for name, value in scope["headers"]
            if name not in OWN_HEADERS and not name.startswith(b"x-amz-")
        ]
        chain = forwarded_for(values(scope, b"x-forwarded-for"), peer, self.hops)
        return [
            *kept,
            (b"host", b"localhost"),
            (b"x-forwarded-for", chain.encode("latin-1")),
            (b"x-forwarded-host", _header(scope, b"host")),
            (b"x-forwarded-proto", self._proto(scope)),
        ]

    def _proto(self, scope: Scope) -> bytes:
        """What the client spoke: a proxy before us says so when there is one that is trusted."""
        said = _header(scope, b"x-forwarded-proto")
        if self.hops > 1 and said in {b"http", b"https"}:
            return said
        return b"https" if scope.get("scheme") in {"https", "wss"} else b"http"


def _header(scope: Scope, name: bytes) -> bytes:
    return next((value for key, value in scope["headers"] if key == name), b"")


def _host(scope: Scope) -> str:
    return _header(scope, b"host").decode("latin-1").rsplit(":", 1)[0]


def _declared_length(scope: Scope) -> int:
    value = _header(scope, b"content-length")
    return int(value) if value.isdigit() else 0


def _limited(receive: Receive) -> Receive:
    """The same messages; _TooLarge once their bodies pass the limit (a chunked body declares no length)."""
    total = 0

    async def receive_within_limit() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > MAX_BODY:
            raise _TooLarge
        return message

    return receive_within_limit


def _choosing_subprotocol(scope: Scope, send: Send) -> Send:
    """Accept with the first subprotocol that was offered.

    A browser that offers some drops a connection that is accepted with none, and the emulator does not
    pass on which one ``$connect`` chose.
    """
    offered = scope.get("subprotocols") or []

    async def send_chosen(message: Message) -> None:
        if message["type"] == "websocket.accept" and offered and not message.get("subprotocol"):
            message = {**message, "subprotocol": offered[0]}
        await send(message)

    return send_chosen
