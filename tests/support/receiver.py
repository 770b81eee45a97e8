"""A real HTTP server that takes webhooks and answers as it is told."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ADDRESS = "127.77.0.1"

Respond = Callable[[BaseHTTPRequestHandler], None]


@dataclass(frozen=True)
class Received:
    path: str
    headers: dict[str, str]
    body: bytes

    def is_signed_with(self, secret: str, header: str = "X-Quarterdeck-Signature") -> bool:
        """As a receiver checks it: over the raw body, with the time that the header tells."""
        told = dict(part.split("=", 1) for part in self.headers[header].split(","))
        message = told["t"].encode() + b"." + self.body
        return told["v1"] == hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


@dataclass
class Receiver:
    """``answers`` are used up one a request; after them everything is accepted."""

    answers: deque[int | Respond] = field(default_factory=deque)
    address: str = ADDRESS
    received: list[Received] = field(default_factory=list)

    def __enter__(self) -> Receiver:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer._take(self)

            def log_message(self, *_: object) -> None:
                """Not on the tests' output."""

        self._server = ThreadingHTTPServer((self.address, 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, path: str = "/hook") -> str:
        return f"http://{self.address}:{self.port}{path}"

    def _take(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length", 0))
        body = handler.rfile.read(length)
        self.received.append(Received(handler.path, dict(handler.headers.items()), body))
        answer = self.answers.popleft() if self.answers else 200
        if callable(answer):
            answer(handler)
            return
        handler.send_response(answer)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
