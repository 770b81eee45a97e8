"""A registry of container images that has none, and says so as registries do."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Handler(BaseHTTPRequestHandler):
    """Repositories under ``private/`` take a log-in that nobody has; of others it has no image."""

    def do_GET(self) -> None:
        if self.path.startswith("/v2/private/"):
            self._refuse(401, "UNAUTHORIZED", "authentication required")
        elif self.path.rstrip("/") == "/v2":
            self._answer(200, b"{}")
        else:
            self._refuse(404, "MANIFEST_UNKNOWN", "manifest unknown")

    do_HEAD = do_GET  # noqa: N815 - http.server calls them so

    def _refuse(self, status: int, code: str, message: str) -> None:
        self._answer(status, json.dumps({"errors": [{"code": code, "message": message}]}).encode())

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="registry"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing: what is asked is not of interest."""


@contextmanager
def empty_registry() -> Iterator[str]:
    """Its address, as in an image reference. On loopback, which engines speak to without TLS."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
